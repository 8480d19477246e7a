"""Compiles on this machine, and what is held against whatever comes back of a compile, wherever it ran."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import ALL_CORES, CompileRequest, CompileResult
from wasmbuild.builder.scheduler import Checked
from wasmbuild.errors import CompileError, FormatError, StoreError, WasmbuildError
from wasmbuild.formats import cwasm, manifest
from wasmbuild.toolchain.job import Job

if TYPE_CHECKING:
    from wasmbuild.builder.sources import Source
    from wasmbuild.toolchain.chosen import Toolchain

_numbers = itertools.count()


class LocalCompiler:
    """The compiler of a toolchain, which writes to private files of this machine."""

    def __init__(self, toolchain: Toolchain, directory: Callable[[], Path]) -> None:
        """``directory`` returns a private directory, on the file system where the artifacts go."""
        self._toolchain = toolchain
        self._directory = directory
        self._identity = CompilerIdentity(toolchain.compiler.version, toolchain.compiler.sha256)

    @property
    def identity(self) -> CompilerIdentity:
        return self._identity

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        started = time.monotonic()
        result = CompileResult(request._replace(compiler=self._identity).key(), self._toolchain.compiler.path)
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
                )
            )
        except WasmbuildError as error:
            return result._replace(error=error, seconds=time.monotonic() - started)
        return result._replace(artifact=out, seconds=time.monotonic() - started, peak_memory=peak)


def check(id: str, request: CompileRequest, result: CompileResult, source: Source, directory: Path) -> Checked:
    """Hold what came back against what was asked for: a full disk may have cut it short, a worker taken another one.

    Bytes that came without a file get one in ``directory``. Raises the error of the result, CompileError, StoreError.
    """
    if result.error is not None:
        raise result.error
    data, file = _taken(result, directory)
    if result.key != request.key():
        raise CompileError(
            f"{result.made_by} answered with the artifact of another request; "
            f"name the executable itself as [toolchain] compiler"
        )
    _check_kind(data, request, result.made_by)
    record = manifest.Record(
        id=id,
        key=result.key,
        inputs=request.document(),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=request.kind,
        source=manifest.Source(request.labels.source, source.sha256),
        wasm_sha256=request.wasm_sha256,
        imports=source.imports,
        exports=source.exports,
        traits=source.traits,
    )
    return Checked(data, file, record)


def _taken(result: CompileResult, directory: Path) -> tuple[bytes, Path]:
    if isinstance(result.artifact, Path):
        try:
            return result.artifact.read_bytes(), result.artifact
        except OSError as error:
            problem = f"what was compiled cannot be read back: {error.strerror or error}"
            raise StoreError(f"{result.artifact}: {problem}") from error
    data = result.artifact or b""
    file = directory / f"{next(_numbers)}.cwasm"
    try:
        file.write_bytes(data)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written: {error.strerror or error}") from error
    return data, file


def _check_kind(data: bytes, request: CompileRequest, made_by: str) -> None:
    who = f"{made_by} reported success, but what it wrote"
    try:
        facts = cwasm.read(data)
    except FormatError as error:
        raise CompileError(
            f"{who} is no whole artifact: {error}; check the space that is left on the disk, and that this is wasmtime"
        ) from error
    engine = request.engine
    flags = {name: facts.isa_flags.get(name) for name in engine.isa_flags}
    asked = (request.kind, str(engine.line), cwasm.HEADERS[engine.triple.architecture])
    if (facts.kind, facts.version, facts.header) != asked or flags != engine.isa_flags:
        raise CompileError(
            f"{who} is a {facts.kind} for {facts.triple} of Wasmtime {facts.version}, not the {request.kind} for "
            f"{engine.triple.text} of Wasmtime {engine.line} that it was asked for; name another executable as "
            f"[toolchain] compiler"
        )
