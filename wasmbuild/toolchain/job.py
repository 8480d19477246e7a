"""One compile as both compilers are asked for it, and the one error that comes out of any way it can fail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from wasmbuild.diagnosis import compiling
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import CompileError, StoreError
from wasmbuild.toolchain.advice import advice
from wasmbuild.toolchain.child import Limits


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


_NOISE = re.compile(r"^note: run with `RUST_BACKTRACE=1`.*\n?", re.MULTILINE)


def failure(job: Job, who: str, ending: str, said: str, *, command: str = "") -> CompileError | StoreError:
    """Return the error for a compile that failed.

    ``who`` is the compiler and ``ending`` how it ended, ``said`` what it wrote or why it refused. ``command`` is what a
    person can run to see the same. The names of private copies are replaced by those that people know.
    """
    shown = _NOISE.sub("", said).replace(str(job.wasm), job.source).replace(str(job.out), job.name).strip("\n")
    details = [f"$ {command}"] if command else []
    details += [line for line in shown.splitlines() if line.strip()]
    text = "\n    ".join([_head(job, who, ending, shown), *details])
    cause = compiling.cause(shown, job.engine.line)
    on_disk = cause is not None and cause.word in (compiling.NO_SPACE, compiling.NOT_WRITTEN)
    return StoreError(text) if on_disk else CompileError(text)


def _head(job: Job, who: str, ending: str, said: str) -> str:
    what = f"{who} {ending}"
    reason = advice(job, ending, said)
    return f"{what}: {reason}" if reason else what
