"""One artifact with its record for another build system, the same bytes as a whole build gives both."""

from __future__ import annotations

from wasmbuild import files
from wasmbuild.builder import disk, output
from wasmbuild.builder.compile import LocalCompiler, check, keep, kept, record_of
from wasmbuild.builder.disk import REPLACING
from wasmbuild.builder.edits import SourceWatch
from wasmbuild.builder.examining import Examiner, read
from wasmbuild.builder.key import identity_of
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult, Labels
from wasmbuild.builder.scratch import directory_beside
from wasmbuild.errors import CompileError, FormatError
from wasmbuild.formats.record import MAX_RECORD, Record
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.project.declared import Artifact
    from wasmbuild.toolchain.toolchain import Toolchain


def compile_recorded(
    artifact: Artifact,
    out: Path,
    record: Path,
    toolchain: Toolchain,
    *,
    threads: int,
    keep_time: bool,
    before: Callable[[], None],
    cache: ArtifactCache,
) -> None:
    """Compile an artifact into ``out`` unless it and its ``record`` are right.

    Both are regular files. What stays as it is gets the present time all the same, unless ``keep_time`` is true.
    ``before`` is called when all is there that has to be written, and nothing has been written yet. The record comes
    first, so that an artifact without one is not ours.

    Raises CompileError, ToolchainError, DiskError, UsageError.
    """
    module = artifact.module
    examiner = Examiner(toolchain.translate, toolchain.translator, small=True)
    watch = SourceWatch(module)
    data, _ = read(module)
    source = examiner.look(module, data)
    if source.legacy_exceptions:
        from wasmbuild.toolchain import features

        raise CompileError(features.legacy_exceptions(module.shown, artifact.target.engine))
    request = CompileRequest(
        source.wasm_sha256,
        source.kind,
        artifact.target.engine,
        identity_of(toolchain, artifact.target.engine),
        toolchain.limits,
        threads,
        Labels(module.shown, artifact.path),
    )
    right = _right(artifact, request, source, out, record)
    if right is not None:
        watch.check()
        before()
        _put(record, right, keep_time)
        if not keep_time:
            output.touch(out)
        return
    with directory_beside(out) as directory:

        def hold(result: CompileResult) -> CheckedArtifact:
            return check(artifact.id, module.source_text, request, result, source, directory)

        found = kept(cache, request, directory, hold)
        if found is None:
            wasm = directory / "source.wasm"
            disk.write(wasm, examiner.binary(module, data), REPLACING)
            result = LocalCompiler(toolchain, lambda: directory).compile(request, wasm)
            checked = hold(result)
            keep(cache, checked, result)
        else:
            checked, _ = found
        watch.check()
        before()
        _put(record, checked.record.to_bytes(), keep_time)
        if not disk.holds(out, checked.record.size, checked.record.sha256):
            disk.move(checked.file, out, REPLACING)
        elif not keep_time:
            output.touch(out)


def _right(artifact: Artifact, request: CompileRequest, source: SourceFacts, out: Path, record: Path) -> bytes | None:
    """Return the record as it should be, if what was recorded is the artifact that is there and wanted."""
    inputs = request.document()
    try:
        recorded = files.read(record, MAX_RECORD)[0]
        if inputs.key.encode() not in recorded:
            return None
        with files.open_regular(out, follow=False) as file:
            sha256, size = files.sha256_of(file)
    except OSError:
        return None
    made = record_of(artifact.id, artifact.module.source_text, source, inputs, size=size, sha256=sha256)
    wanted = made.to_bytes()
    # To read a record takes as long as all else that a step does, and it is seldom spelled in other words.
    if recorded != wanted:
        try:
            found = Record.from_bytes(recorded, where="")
        except FormatError:
            return None
        if (found.id, found.key, found.size, found.sha256) != (artifact.id, inputs.key, size, sha256):
            return None
    return wanted


def _put(path: Path, data: bytes, keep_time: bool) -> None:
    try:
        same = files.read(path, len(data))[0] == data
    except OSError:
        same = False
    if not same:
        output.write(path, data)
    elif not keep_time:
        output.touch(path)
