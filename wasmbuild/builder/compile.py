"""One artifact: key, compile, check, publish with its record."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wasmbuild.builder import key
from wasmbuild.errors import CompileError, FormatError, StoreError
from wasmbuild.formats import cwasm, manifest
from wasmbuild.toolchain.job import Job

if TYPE_CHECKING:
    from wasmbuild.builder.sources import Source
    from wasmbuild.project.declared import Artifact
    from wasmbuild.toolchain.chosen import Toolchain

_numbers = itertools.count()


class Made(NamedTuple):
    """A compiled artifact that is not published yet: the file, and the record that describes it."""

    file: Path
    record: manifest.Record


def compile_one(
    artifact: Artifact,
    source: Source,
    wasm: Path,
    directory: Path,
    toolchain: Toolchain,
    inputs: key.TargetInputs,
    *,
    line: int,
    parallel: bool,
) -> Made:
    """Compile one source for one target into a new file in ``directory`` and check what came out.

    ``wasm`` is a private copy of the binary that ``source`` describes. With ``parallel`` the compiler may use all
    cores. Raises CompileError, ToolchainError, and StoreError when the disk is full.
    """
    target = artifact.target
    out = directory / f"{next(_numbers)}.cwasm"
    toolchain.compile(
        Job(
            wasm=wasm,
            out=out,
            kind=source.kind,
            triple=target.triple.text,
            isa_flags=target.isa_flags,
            engine=target.engine,
            line=line,
            limits=toolchain.limits,
            parallel=parallel,
            source=artifact.module.source_text,
            name=artifact.path,
        )
    )
    try:
        data = out.read_bytes()
    except OSError as error:
        raise StoreError(f"{out}: what was compiled cannot be read back: {error.strerror or error}") from error
    _check(data, artifact, source.kind, line, toolchain)
    document = inputs.document(source.wasm_sha256, source.kind)
    record = manifest.Record(
        id=artifact.id,
        key=key.digest(document),
        inputs=document,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=source.kind,
        source=manifest.Source(artifact.module.source_text, source.sha256),
        wasm_sha256=source.wasm_sha256,
        imports=source.imports,
        exports=source.exports,
        traits=source.traits,
    )
    return Made(out, record)


def _check(data: bytes, artifact: Artifact, kind: str, line: int, toolchain: Toolchain) -> None:
    """Hold what a compiler wrote against what it was asked for: a full disk may have cut it short."""
    who = f"{toolchain.compiler.path} reported success, but what it wrote"
    try:
        facts = cwasm.read(data)
    except FormatError as error:
        raise CompileError(
            f"{who} is no whole artifact: {error}; check the space that is left on the disk, and that this is wasmtime"
        ) from error
    triple = artifact.target.triple
    machine = cwasm.HEADERS[triple.architecture]
    flags = {name: facts.isa_flags.get(name) for name in artifact.target.isa_flags}
    right = (facts.kind, facts.version, facts.header) == (kind, str(line), machine)
    if not right or flags != artifact.target.isa_flags:
        raise CompileError(
            f"{who} is a {facts.kind} for {facts.triple} of Wasmtime {facts.version}, not the {kind} for {triple.text} "
            f"of Wasmtime {line} that it was asked for; name another executable as [toolchain] compiler"
        )
