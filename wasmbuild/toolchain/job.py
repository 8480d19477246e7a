"""One compile as both compilers of this machine are asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError
from wasmbuild.toolchain.process import Limits


class Job(NamedTuple):
    """What to compile, for what, and into which file.

    ``wasm`` is a binary module or component that nobody else writes, ``out`` a file that does not exist yet, in a
    private directory; after a failure it may hold anything. ``kind`` is ``"module"`` or ``"component"``. With
    ``parallel`` the compiler may use all cores. ``source`` and ``name`` are what people call the two files.
    """

    wasm: Path
    out: Path
    kind: str
    engine: EngineConfig
    limits: Limits
    parallel: bool
    source: str
    name: str


class NoVerdictError(CompileError):
    """A source was not judged, because what judges it is not there or was stopped: this says nothing of its bytes.

    ``fix`` is what to change in the declaration, in words; empty where that would not help.
    """

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix
