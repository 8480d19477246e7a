"""Artifacts from this machine's compilers or a cache, and what is held against them, wherever they were compiled."""

from __future__ import annotations

import itertools
import os
import time

from wasmbuild import files
from wasmbuild.builder.cache.answers import CachedArtifact
from wasmbuild.builder.disk import BUILDING, as_disk_error
from wasmbuild.builder.job_slots import ALL_CORES
from wasmbuild.builder.key import CompilerIdentity, canonical, identity_of
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import CompileError, WasmbuildError
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.formats.documents import Source as RecordedSource
from wasmbuild.formats.record import Record
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain.job import Job, check_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.formats.key_inputs import KeyInputs
    from wasmbuild.toolchain.toolchain import Toolchain

_LET_IT_GO = "take it out of the cluster and build again"

_numbers = itertools.count()


class LocalCompiler:
    """The compilers of a toolchain, which write to private files of this machine."""

    def __init__(self, toolchain: Toolchain, directory: Callable[[], Path]) -> None:
        """``directory`` returns a private directory, on the file system where the artifacts go."""
        self._toolchain = toolchain
        self._directory = directory

    def identity(self, engine: EngineConfig) -> CompilerIdentity:
        """Return what compiles for an engine, for the keys of what it makes."""
        return identity_of(self._toolchain, engine)

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        started = time.monotonic()
        compiler = self._toolchain.compiler(request.engine)
        result = CompileResult(request._replace(compiler=self.identity(request.engine)).key(), compiler.path)
        try:
            out = self._directory() / f"{next(_numbers)}.cwasm"
            peak = self._toolchain.compile(
                Job(
                    wasm=wasm,
                    out=out,
                    kind=request.kind,
                    engine=request.engine,
                    limits=request.limits,
                    parallel=request.threads == ALL_CORES,
                    source=request.labels.source,
                    name=request.labels.artifact,
                    compiler=request.labels.compiler,
                )
            )
        except WasmbuildError as error:
            return result._replace(error=error, seconds=time.monotonic() - started)
        return result._replace(artifact=out, seconds=time.monotonic() - started, peak_memory=peak)


def kept(
    cache: ArtifactCache,
    request: CompileRequest,
    directory: Path,
    hold: Callable[[CompileResult], CheckedArtifact],
) -> tuple[CheckedArtifact, CompileResult] | None:
    """Take an artifact from a cache into a private directory, and ``hold`` it to its request.

    None where it is not there; what is damaged there is as good as nothing. Raises what ``hold`` does but CompileError.
    """
    key = request.key()
    out = f"{directory}{os.sep}restored-{next(_numbers)}.cwasm"
    started = time.monotonic()
    cached = cache.get(key, out)
    if cached is None:
        return None
    result = CompileResult(key, "the cache", None, None, time.monotonic() - started, None, None, None, cached)
    try:
        return hold(result), result
    except CompileError:
        cache.discard(key)
        return None


def keep(cache: ArtifactCache, checked: CheckedArtifact, result: CompileResult) -> None:
    """Put what was compiled into a cache, after it was held to its request."""
    inputs = canonical(checked.record.inputs)
    cache.put(result.key, checked.data, checked.record.sha256, inputs, result.seconds)


def check(
    id: str, source_text: str, request: CompileRequest, result: CompileResult, source: SourceFacts, directory: Path
) -> CheckedArtifact:
    """Hold what came back against what was asked for: a full disk may have cut it short, a worker taken another one.

    ``source_text`` is the path of the source as its record is to name it. Bytes that came without a file get one in
    ``directory``. Raises the error of the result, CompileError, DiskError.
    """
    if result.error is not None:
        raise result.error
    inputs = request.document()
    of_worker = "" if result.worker is None else _LET_IT_GO
    if result.key != inputs.key:
        fix = of_worker or "name the executable itself as [toolchain] compiler"
        raise CompileError(f"{result.made_by} answered with the artifact of another request; {fix}")
    if result.cached is not None:
        cached = result.cached
        _check_cached(cached, request, result.made_by)
        record = record_of(id, source_text, source, inputs, size=cached.size, sha256=cached.sha256)
        return CheckedArtifact(cached.data or b"", cached.file, record, cached.stamped)
    data, file, stamped = _received(result, directory)
    sha256 = sha256_hex(data)
    if result.sha256 is not None and result.sha256 != sha256:
        fix = f"; {of_worker}" if of_worker else ""
        raise CompileError(f"{result.made_by} answered with an artifact that is damaged{fix}")
    check_artifact(data, request.engine, request.kind, result.made_by, request.compiler.version, of_worker)
    record = record_of(id, source_text, source, inputs, size=len(data), sha256=sha256)
    return CheckedArtifact(data, file, record, stamped)


def record_of(
    id: str,
    source_text: str,
    source: SourceFacts,
    inputs: KeyInputs,
    *,
    size: int,
    sha256: str,
) -> Record:
    """Return the record of an artifact with this size in bytes and digest, made of a source, by ``inputs``."""
    return Record(
        id,
        inputs.key,
        inputs,
        size,
        sha256,
        source.kind,
        RecordedSource(source_text, source.sha256),
        source.wasm_sha256,
        source.imports,
        source.exports,
        source.traits,
    )


def _check_cached(cached: CachedArtifact, request: CompileRequest, made_by: str) -> None:
    """Hold an artifact from a cache to its request; of a large one, little is read. Raises CompileError, DiskError."""
    if cached.data is not None:
        check_artifact(cached.data, request.engine, request.kind, made_by, request.compiler.version)
        return
    with as_disk_error(cached.file, "read back", BUILDING), files.open_regular(cached.file) as opened:
        read_at = ReadAt.of(opened, cached.size)
        check_artifact(read_at, request.engine, request.kind, made_by, request.compiler.version)


def _received(result: CompileResult, directory: Path) -> tuple[bytes, Path, files.Signature | None]:
    made = result.artifact or b""
    if isinstance(made, bytes):
        file = directory / f"{next(_numbers)}.cwasm"
        with as_disk_error(file, "written", BUILDING):
            file.write_bytes(made)
        return made, file, files.stamp(file)
    stamped = files.stamp(made)
    with as_disk_error(made, "read back", BUILDING):
        data = made.read_bytes()
    return data, made, stamped
