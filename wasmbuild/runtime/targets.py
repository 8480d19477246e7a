"""The targets of an index or a manifest: what each of them has for this machine."""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import LoadError, MissingArtifactError, NotInManifestError, PassedOver, ShipmentError
from wasmbuild.runtime.file_errors import of_host, of_manifest
from wasmbuild.shipment.errors import ShippedFileError
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import wasmtime

    from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact
    from wasmbuild.shipment.source import ShipmentSource


class Candidate:
    """A target whose artifacts may be loaded here, with its manifest.

    ``folder`` leads from the shipment's directory to the manifest's, and ``directory`` names that one for people;
    ``pulley`` is the triple of Pulley bytecode, None for this machine's own code. ``engine`` has the settings in which
    its engine differs from the defaults of ``line``.
    """

    compiles = False
    """Whether it is its sources that are taken, and not its artifacts."""

    def __init__(self, manifest: Manifest, folder: str, directory: str, pulley: str | None) -> None:
        self.manifest = manifest
        self.folder = folder
        self.directory = directory
        self.pulley = pulley
        self.line = manifest.major
        self.engine: Mapping[str, object] = manifest.engine
        self.engine_key = engines.key(self.engine, self.line, pulley)
        self.artifacts: dict[str, ManifestArtifact] = {artifact.module: artifact for artifact in manifest.artifacts}

    @property
    def target(self) -> str:
        return self.manifest.target

    @property
    def triple(self) -> str:
        return self.manifest.triple

    def has(self, module: str) -> bool:
        """Tell whether there is something to load of a module."""
        return module in self.artifacts

    def lacks(self, module: str) -> NotInManifestError:
        """Return the error for a module that it does not have.

        It says nothing of what was meant, which takes long to find among hundreds: most often, another target has it.
        """
        return NotInManifestError(f"target {self.target} has no module {printable(module)}", "")

    def check_engine(self, own: wasmtime.Engine | None) -> None:
        """Raise LoadError where an application's own engine, or without one that of the target, cannot load it."""
        subject = f"target {self.target}"
        if own is None:
            engines.check(self.engine, self.line, self.pulley, subject)
            return
        engines.check_line(self.line, subject)
        if own.is_pulley() != (self.pulley is not None):
            from wasmbuild.runtime.mismatches import other_code

            raise other_code(subject, self.pulley is not None)

    def passed_over(self, error: LoadError) -> PassedOver:
        return PassedOver(self.target, self.triple, error)


class SourceCandidate(Candidate):
    """The sources that a target ships, to be compiled for this machine with the engine that the target declares.

    Whatever machine and line of Wasmtime the target is for: what is compiled is of the library that compiles it.
    """

    compiles = True

    def __init__(self, candidate: Candidate) -> None:
        self.manifest = candidate.manifest
        self.folder = candidate.folder
        self.directory = candidate.directory
        self.pulley = None
        self.line = engines.library_line()
        self.engine = engines.for_library(self.manifest.engine, self.manifest.major)
        self.engine_key = engines.key(self.engine, self.line, None)
        self.artifacts = candidate.artifacts

    def has(self, module: str) -> bool:
        artifact = self.artifacts.get(module)
        return artifact is not None and artifact.wasm is not None


class TargetEntry:
    """A target that an index or manifest names; its manifest is read when it is first needed."""

    __slots__ = ("_candidate", "_read", "_sources", "target", "triple")

    def __init__(self, target: str, triple: str, read: Callable[[ShipmentSource], Candidate]) -> None:
        self.target = target
        self.triple = triple
        self._read = read
        self._candidate: Candidate | None = None
        self._sources: SourceCandidate | None = None

    def candidate(self, source: ShipmentSource) -> Candidate:
        """Return the target with its manifest. Raises MissingArtifactError for one that is not here, and LoadError."""
        if self._candidate is None:
            self._candidate = self._read(source)
        return self._candidate

    def is_here(self, source: ShipmentSource) -> bool:
        """Tell whether the manifest can be used; one that is being copied cannot yet."""
        try:
            self.candidate(source)
        except LoadError:
            return False
        return True

    def sources(self, source: ShipmentSource) -> SourceCandidate | None:
        """Return the sources of the target, or None for one that is not here. Raises LoadError."""
        if self._sources is None:
            try:
                self._sources = SourceCandidate(self.candidate(source))
            except MissingArtifactError:
                return None
        return self._sources


class Candidates:
    """The targets of an index that may be loaded here, best first, and why the others may not.

    ``unreadable`` are those whose manifest is there and cannot be used: an error for whoever asks for such a target,
    and for nobody else.
    """

    __slots__ = ("candidates", "passed_over", "unreadable")

    def __init__(
        self,
        candidates: tuple[Candidate, ...],
        passed_over: tuple[PassedOver, ...],
        unreadable: tuple[TargetEntry, ...],
    ) -> None:
        self.candidates = candidates
        self.passed_over = passed_over
        self.unreadable = unreadable


def read_target(index: Index, target: IndexTarget, index_path: str, source: ShipmentSource) -> Candidate:
    """Read the manifest of a target of an index. Raises LoadError."""
    from wasmbuild.shipment import manifests

    try:
        manifest, inner = manifests.read_target(source, index, target, index_path)
    except ShippedFileError as error:
        raise of_manifest(error, target.name) from None
    except FormatError as error:
        problem, _, fix = str(error).rpartition("; ")
        raise ShipmentError(problem or fix, fix) from None
    with inner:
        return candidate_of(manifest, target.path.rpartition("/")[0], inner)


def candidate_of(manifest: Manifest, folder: str, source: ShipmentSource) -> Candidate:
    """Return the target of a manifest that lies in a directory, to which ``folder`` leads."""
    from wasmbuild.engine import triples

    pulley = manifest.triple if triples.parse(manifest.triple).is_pulley else None
    try:
        directory = source.path
    except OSError as error:
        raise of_host(f"the directory of target {manifest.target} {error.strerror}", error.errno or 0) from None
    return Candidate(manifest, folder, directory, pulley)


def best_first(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates such that a CPU level, which has the flags of those below it and more, comes before these."""
    return tuple(sorted(found, key=lambda candidate: -len(candidate.manifest.isa_flags)))


def read_all(entries: list[TargetEntry], source: ShipmentSource) -> Candidates:
    """Read manifests. One that is not here is passed over: a machine may be given its own targets alone."""
    candidates: list[Candidate] = []
    missing: list[PassedOver] = []
    unreadable: list[TargetEntry] = []
    for entry in entries:
        try:
            candidates.append(entry.candidate(source))
        except MissingArtifactError as error:
            missing.append(PassedOver(entry.target, entry.triple, error))
        except LoadError:
            unreadable.append(entry)
    return Candidates(tuple(candidates), tuple(missing), tuple(unreadable))
