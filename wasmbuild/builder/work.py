"""What a scheduler works on: from an artifact to the request for it, and from what was compiled to where it lies."""

from __future__ import annotations

import os

from wasmbuild.builder.compile import check
from wasmbuild.builder.records import facts_of
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult, Labels, Prepared
from wasmbuild.errors import CompileError, WasmbuildError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wasmbuild.builder.artifact_statuses import ArtifactStatuses
    from wasmbuild.builder.build_directory import BuildDirectory
    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.key import CompilerIdentity
    from wasmbuild.builder.manifests import Manifests
    from wasmbuild.builder.sources import SourceReader
    from wasmbuild.project.declared import Artifact, Module, Target
    from wasmbuild.toolchain.limits import ProcessLimits


class ArtifactOutcome(NamedTuple):
    """What became of one artifact: why it was compiled (empty: it was not), and the error where that failed.

    ``size`` is in bytes; ``error`` is a CompileError, ToolchainError or DiskError. ``restored`` is set where it came
    from a cache, ``peak_memory`` is what its compiler took in bytes, where that is known. ``worker`` is the machine of
    a cluster that compiled it.
    """

    id: str
    reasons: tuple[str, ...]
    seconds: float
    size: int
    error: WasmbuildError | None
    restored: bool = False
    peak_memory: int | None = None
    worker: str | None = None


class ArtifactWork:
    """The artifacts of a plan, by id, for a scheduler; threads may call it at once for different ids."""

    def __init__(
        self,
        directory: BuildDirectory,
        sources: SourceReader,
        manifests: Manifests,
        statuses: ArtifactStatuses,
        identity: Callable[[Target], CompilerIdentity],
        limits: ProcessLimits,
    ) -> None:
        """``identity`` returns what compiles for a target."""
        self._directory = directory
        self._sources = sources
        self._manifests = manifests
        self._statuses = statuses
        self._identity = identity
        self._limits = limits
        # Of artifacts that were asked for: their sources, and the requests that were made of these.
        self._prepared: dict[str, tuple[SourceFacts, CompileRequest]] = {}
        # What people call the source of a module, by its name: to find that out, the system is asked where they are.
        self._shown: dict[str, str] = {}

    def request(self, id: str) -> CompileRequest:
        """Return the request for an artifact, whose source may be as it was when it was looked at.

        Raises WasmbuildError.
        """
        artifact = self._possible(id)
        return self._compilable(artifact, self._sources.known(artifact.module))

    def keys(self, ids: Iterable[str]) -> Iterator[str]:
        """Yield the keys of artifacts as they were looked at, but of those that cannot be made."""
        for id in ids:
            status = self._statuses.by_id[id]
            source = self._sources.looked(status.artifact.module)
            if source is not None and status.error is None and not source.legacy_exceptions:
                yield self._request(status.artifact, source).key()

    def scratch(self) -> Path:
        """Return a private directory for files on their way into the build directory. Raises DiskError."""
        return self._directory.scratch()

    def prepare(self, id: str) -> Prepared:
        """Return the request for an artifact, and a private file with its binary. Raises WasmbuildError."""
        artifact = self._possible(id)
        source, wasm = self._sources.copy(artifact.module, self._directory.scratch())
        return Prepared(self._compilable(artifact, source), wasm)

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        """Hold what came back against its request. Raises WasmbuildError."""
        source_text = self._statuses.by_id[id].artifact.module.source_text
        return check(id, source_text, request, result, self._prepared[id][0], self._directory.scratch())

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> ArtifactOutcome:
        """Put an artifact into the build directory, with its record. Raises DiskError."""
        status = self._statuses.by_id[id]
        self._statuses.touch(status.artifact.module.name)
        path = f"{self._directory.root}{os.sep}{filenames.native(status.artifact.path)}"
        facts = facts_of(checked.record)
        sha256 = self._directory.publish(path, checked.file, checked.record, checked.stamped, facts)
        self._manifests.published(status.artifact, checked.record, sha256)
        self._statuses.settle(id, self._prepared[id][0])
        size = checked.record.size
        return ArtifactOutcome(
            id, status.reasons, result.seconds, size, None, result.restored, result.peak_memory, result.worker
        )

    def fail(self, id: str, error: WasmbuildError) -> ArtifactOutcome:
        """Leave the last good artifact where it is."""
        status = self._statuses.by_id[id]
        self._statuses.touch(status.artifact.module.name)
        return ArtifactOutcome(id, status.reasons, 0.0, 0, error)

    def _possible(self, id: str) -> Artifact:
        status = self._statuses.by_id[id]
        if status.error is not None:
            raise status.error
        return status.artifact

    def _shown_as(self, module: Module) -> str:
        if module.name not in self._shown:
            self._shown[module.name] = module.shown
        return self._shown[module.name]

    def _compilable(self, artifact: Artifact, source: SourceFacts) -> CompileRequest:
        # Compilers work on it for minutes before they refuse it, for each target anew.
        if source.legacy_exceptions:
            from wasmbuild.toolchain import features

            raise CompileError(features.legacy_exceptions(self._shown_as(artifact.module), artifact.target.engine))
        return self._request(artifact, source)

    def _request(self, artifact: Artifact, source: SourceFacts) -> CompileRequest:
        known = self._prepared.get(artifact.id)
        if known is not None and known[0] is source:
            return known[1]
        request = CompileRequest(
            source.wasm_sha256,
            source.kind,
            artifact.target.engine,
            self._identity(artifact.target),
            self._limits,
            1,
            Labels(self._shown_as(artifact.module), artifact.path),
        )
        self._prepared[artifact.id] = source, request
        return request
