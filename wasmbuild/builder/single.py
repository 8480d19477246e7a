"""One artifact for another build system: one output, whole or not at all."""

from __future__ import annotations

import time

from wasmbuild import files
from wasmbuild.builder import disk, key, output
from wasmbuild.builder.disk import REPLACING, TEMPORARY_PREFIX, as_disk_error, delete
from wasmbuild.builder.edits import SourceWatch
from wasmbuild.builder.job_slots import ALL_CORES
from wasmbuild.builder.scratch import directory_beside
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import CompileError
from wasmbuild.formats.identify import MAX_SOURCE, identify
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain.job import Job, check_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.project.declared import Module, Target
    from wasmbuild.toolchain.toolchain import Toolchain


# What is as large is read in a hundredth of the time that compilers work on it before they refuse it.
_WORTH_READING = 1 << 20


def compile_file(
    module: Module,
    target: Target,
    out: Path,
    toolchain: Toolchain,
    *,
    threads: int,
    keep_time: bool,
    before: Callable[[], None],
    cache: ArtifactCache,
) -> None:
    """Compile a module for a target into ``out``.

    Where its bytes do not change, ``out`` gets the present time all the same, by which Make knows that it is up to
    date, unless ``keep_time`` is true. ``before`` is called when it has been compiled, and nothing has come to ``out``
    yet: what it raises leaves ``out`` as it was.

    The directory of ``out`` is made when it is missing; a device or a FIFO there is written into. Raises CompileError,
    ToolchainError, DiskError, UsageError.
    """
    file = output.replaced(out)
    with _private_directory(file) as directory:
        made = directory / "artifact.cwasm"
        watch = SourceWatch(module)
        data = _compiled(module, target, out, toolchain, made, threads, cache)
        watch.check()
        before()
        if file is None:
            output.write(out, data)
        elif not (disk.holds(file, len(data), sha256_hex(data)) and (keep_time or output.touch(file))):
            disk.move(made, file, REPLACING)


def _compiled(
    module: Module,
    target: Target,
    out: Path,
    toolchain: Toolchain,
    made: Path,
    threads: int,
    cache: ArtifactCache,
) -> bytes:
    """Compile a source into a new file and return what was written there, after a look at it.

    An executable takes what is WebAssembly, as text too, as it is. Only what it refuses, and what only the library
    takes, is looked at closely, as is a module that is held to something: that costs more than to compile a small file.
    In a large one with tags, the exceptions that no compiler takes are looked for.
    """
    held = module.imports is not None or module.exports is not None or module.tests
    read = _plain(module.source) if toolchain.takes_text(target.engine) and not held else None
    if read is None:
        found, wasm = _looked_at(module, toolchain, made.parent)
        _refuse(found.legacy_exceptions, module, target)
        kind: str | None = found.kind
        wasm_sha256 = found.wasm_sha256
    else:
        data, kind = read
        wasm = made.parent / ("source.wasm" if kind else "source.wat")
        disk.write(wasm, data, REPLACING)
        wasm_sha256 = sha256_hex(data)
    # Text that the compiler itself translates decides the bytes as a binary does.
    inputs = key.document(target.engine, key.identity_of(toolchain, target.engine), wasm_sha256, kind or "text")
    compiler = toolchain.compiler(target.engine)
    restored = _restored(key.digest(inputs), target, kind, made, cache, compiler.version)
    if restored is not None:
        return restored
    if read is not None and len(data) >= _WORTH_READING:
        from wasmbuild.formats import wasm_traits

        _refuse(wasm_traits.has_legacy_exceptions(data), module, target)
    name = f"{target.name}/{out.stem}.cwasm"
    started = time.monotonic()
    job = Job(wasm, made, kind or "module", target.engine, toolchain.limits, threads == ALL_CORES, module.shown, name)
    try:
        toolchain.compile(job)
        with as_disk_error(made, "read", REPLACING):
            artifact = made.read_bytes()
        check_artifact(artifact, target.engine, kind, compiler.path, compiler.version)
    except CompileError:
        if read is not None:
            # Its own words say better what is wrong with a source that is none.
            _looked_at(module, toolchain, made.parent)
        raise
    seconds = time.monotonic() - started
    cache.put(key.digest(inputs), artifact, sha256_hex(artifact), key.canonical(inputs), seconds)
    return artifact


def _restored(
    wanted: str, target: Target, kind: str | None, made: Path, cache: ArtifactCache, version: str
) -> bytes | None:
    """Take an artifact of a compiler's version from the cache into a new file; damaged, it is as good as nothing."""
    kept = cache.get(wanted, made)
    if kept is None:
        return None
    with as_disk_error(made, "read", REPLACING):
        artifact = made.read_bytes() if kept.data is None else kept.data
    try:
        check_artifact(artifact, target.engine, kind, "the cache", version)
    except CompileError:
        cache.discard(wanted)
        made.unlink()
        return None
    return artifact


def _plain(source: Path) -> tuple[bytes, str | None] | None:
    """Return a source as an executable takes it, and its kind, which text does not tell; None for anything else."""
    try:
        data, _ = files.read(source, MAX_SOURCE)
    except OSError:
        return None
    kind = identify(data).kind
    if kind in ("module", "component"):
        return data, kind
    return (data, None) if kind == "text" else None


def _looked_at(module: Module, toolchain: Toolchain, directory: Path) -> tuple[SourceFacts, Path]:
    """Return what the source of a module is, and a private file with its binary. Raises CompileError, DiskError."""
    from wasmbuild.builder.examining import Examiner, read

    examiner = Examiner(toolchain.translate, toolchain.translator, small=True)
    data, _ = read(module)
    source = examiner.look(module, data)
    wasm = directory / "source.wasm"
    disk.write(wasm, examiner.binary(module, data), REPLACING)
    return source, wasm


def _refuse(legacy_exceptions: bool, module: Module, target: Target) -> None:
    if legacy_exceptions:
        from wasmbuild.toolchain import features

        raise CompileError(features.legacy_exceptions(module.shown, target.engine))


@contextmanager
def _private_directory(out: Path | None) -> Iterator[Path]:
    """Make a directory beside ``out``; without one, in the directory for temporary files."""
    if out is None:
        import tempfile

        with as_disk_error(Path(tempfile.gettempdir()), "used", REPLACING):
            made = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX))
        try:
            yield made
        finally:
            delete(made)
        return
    with directory_beside(out) as directory:
        yield directory
