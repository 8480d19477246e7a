"""The records of known faults that came with this version of wasmbuild: where they lie, and whether they are others."""

from __future__ import annotations

import os

from wasmbuild import __version__, files

DIRECTORY = os.path.join(os.path.dirname(__file__), "advisories")


def paths() -> list[str]:
    """Return the paths of all records. Raises OSError."""
    return [os.path.join(DIRECTORY, name) for name in sorted(os.listdir(DIRECTORY)) if name.endswith(".json")]


def signature() -> list[str]:
    """Return what is another one when records are, or what reads them. Raises OSError."""
    return [__version__, *(f"{path}\t{files.spelled(os.stat(path))}" for path in paths())]
