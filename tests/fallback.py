"""Loading what has to be compiled from its source first, where the runtime is tested without a compiler's artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wasmbuild.runtime import load
from wasmbuild.runtime.errors import LoadError

FOREIGN = "s390x-unknown-linux-gnu"
EMPTY = b"\0asm\1\0\0\0"


def compiled(where: Path, module: str = "a", **options: Any) -> Any:
    """Load a module, from its source where that is needed."""
    return load(where, module, **{"fallback": ("pulley", "compile"), **options})


def refused(kind: type[LoadError], where: Path, **options: Any) -> LoadError:
    """Return the error of exactly this kind, which ends with what to do."""
    with pytest.raises(kind) as caught:
        compiled(where, **options)
    assert type(caught.value) is kind
    assert str(caught.value).endswith(caught.value.hint)
    return caught.value
