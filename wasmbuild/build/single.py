"""One artifact for another build system: one output, whole or not at all, and untouched when nothing changes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.build.compile import compile_one
from wasmbuild.build.key import TargetInputs
from wasmbuild.build.memory import Memory
from wasmbuild.build.sources import Sources
from wasmbuild.build.store import TEMPORARY_PREFIX, Store, delete, holds
from wasmbuild.errors import UsageError
from wasmbuild.project.plan import Artifact, Module

if TYPE_CHECKING:
    from wasmbuild.project.plan import Target
    from wasmbuild.toolchain.chosen import Toolchain


def compile_file(source: Path, target: Target, line: int, out: Path, toolchain: Toolchain) -> bool:
    """Compile a file for a target into ``out``; return whether its bytes changed.

    The directory of ``out`` is made when it is missing. Raises CompileError, ToolchainError, StoreError, UsageError.
    """
    if out.is_dir():
        raise UsageError(f"{out}: is a directory; name the artifact that is to be written, such as {out / 'x.cwasm'}")
    store = Store(out.parent)
    artifact = Artifact(Module(out.stem, source, str(source), None, None), target)
    with _private_directory(store, out) as directory:
        sources = Sources(Memory(directory / "state.json"), toolchain.translate, toolchain.translator, store.write)
        found, wasm = sources.copy(artifact.module, directory)
        inputs = TargetInputs(target, line, toolchain.compiler)
        made = compile_one(artifact, found, wasm, directory, toolchain, inputs, line=line, parallel=True)
        if holds(out, made.record):
            return False
        store.move(made.file, out)
        return True


def depfile(out: Path, inputs: Iterable[Path]) -> bytes:
    """Return what an artifact depends on, as a rule in the syntax of make, which Ninja and CMake read too."""
    return f"{_escaped(out)}: {' '.join(map(_escaped, inputs))}\n".encode()


def _escaped(path: Path) -> str:
    text = path.as_posix()
    for character, escaped in (("\\", "\\\\"), (" ", "\\ "), ("#", "\\#"), ("$", "$$")):
        text = text.replace(character, escaped)
    return text


@contextmanager
def _private_directory(store: Store, out: Path) -> Iterator[Path]:
    """Make a directory beside ``out``; what a killed compile of the same output left goes first."""
    prefix = f"{TEMPORARY_PREFIX}{out.name}-"
    for leftover in out.parent.glob(f"{escape(prefix)}*"):
        delete(leftover)
    # Absolute, because a compiler runs in it.
    directory = Path(os.path.abspath(out.parent)) / f"{prefix}{secrets.token_hex(8)}"
    store.make(directory)
    try:
        yield directory
    finally:
        delete(directory)
