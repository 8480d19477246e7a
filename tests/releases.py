"""A release of Wasmtime, as upstream publishes it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Release(NamedTuple):
    version: str
    program: Path
    archive: bytes
    path: str
