"""Directories of the tests' cache, each made by whoever needs it first, whoever else makes it at the same time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path


def directory(path: Path, fill: Callable[[Path], None]) -> Path:
    """Return a directory that ``fill`` filled, whole or not at all; where several fill one, the first one's stays."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as temporary:
            new = Path(temporary, path.name)
            new.mkdir()
            fill(new)
            try:
                new.rename(path)
            except OSError:
                if not path.exists():
                    raise
    return path
