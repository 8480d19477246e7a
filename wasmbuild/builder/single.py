"""One artifact for another build system: one output, whole or not at all."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.builder import disk, output
from wasmbuild.builder.compile import LocalCompiler, check
from wasmbuild.builder.disk import REPLACING, TEMPORARY_PREFIX, delete, told
from wasmbuild.builder.memory import Memory
from wasmbuild.builder.private import directory_beside
from wasmbuild.builder.request import ALL_CORES, CompileRequest, Labels
from wasmbuild.builder.sources import Sources
from wasmbuild.project.declared import Artifact, Module

if TYPE_CHECKING:
    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.chosen import Toolchain


def compile_file(source: Path, target: Target, out: Path, toolchain: Toolchain, *, keep_time: bool = False) -> bool:
    """Compile a file for a target into ``out``; return whether its bytes changed.

    Where they do not, ``out`` gets the present time all the same, by which Make knows that it is up to date, unless
    ``keep_time`` is true.

    The directory of ``out`` is made when it is missing; a device or a FIFO there is written into. Raises CompileError,
    ToolchainError, StoreError, UsageError.
    """
    file = output.replaced(out)
    artifact = Artifact(Module(out.stem, source, str(source), None, None), target)
    with _private_directory(file) as directory:
        write = functools.partial(disk.write, advice=REPLACING)
        sources = Sources(Memory(directory / "state.json"), toolchain.translate, toolchain.translator, write)
        found, wasm = sources.copy(artifact.module, directory)
        compiler = LocalCompiler(toolchain, lambda: directory)
        labels = Labels(artifact.module.source_text, artifact.path)
        request = CompileRequest(
            found.wasm_sha256, found.kind, target.engine, compiler.identity, toolchain.limits, ALL_CORES, labels
        )
        made = check(artifact.id, request, compiler.compile(request, wasm), found, directory)
        if file is None:
            output.write(out, made.file.read_bytes())
        elif disk.holds(file, made.record.size, made.record.sha256) and (keep_time or output.touch(file)):
            return False
        else:
            disk.move(made.file, file, REPLACING)
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
def _private_directory(out: Path | None) -> Iterator[Path]:
    """Make a directory beside ``out``; without one, in the directory for temporary files."""
    if out is None:
        import tempfile

        with told(Path(tempfile.gettempdir()), "used", REPLACING):
            made = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX))
        try:
            yield made
        finally:
            delete(made)
        return
    with directory_beside(out) as directory:
        yield directory
