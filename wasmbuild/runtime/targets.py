"""The targets of an index or a manifest: what each of them has for this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wasmbuild.confined import open_below, resolve_below
from wasmbuild.errors import FormatError
from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import DamagedError, LoadError, MissingArtifactError, PassedOver

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.formats.manifest import IndexTarget, Manifest, ManifestArtifact


class Candidate:
    """A target whose artifacts may be loaded here, with its manifest.

    ``directory`` is the manifest's, through all links; ``pulley`` is the triple of Pulley bytecode, None for this
    machine's own code.
    """

    compiles = False
    """Whether it is its sources that are taken, and not its artifacts."""

    def __init__(self, manifest: Manifest, directory: str, pulley: str | None) -> None:
        self.manifest = manifest
        self.directory = directory
        self.pulley = pulley
        self.line = manifest.major
        self.engine_key = engines.key(manifest.engine, self.line, pulley)
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

    def passed_over(self, error: LoadError) -> PassedOver:
        return PassedOver(self.target, self.triple, error)


class Sources(Candidate):
    """The sources that a target ships, to be compiled for this machine with the engine that the target declares.

    Whatever machine and line of Wasmtime the target is for: what is compiled is of the library that compiles it.
    """

    compiles = True

    def __init__(self, candidate: Candidate) -> None:
        self.manifest = candidate.manifest
        self.directory = candidate.directory
        self.pulley = None
        self.line = engines.library_line()
        self.engine_key = engines.key(self.manifest.engine, self.line, None)
        self.artifacts = candidate.artifacts

    def has(self, module: str) -> bool:
        artifact = self.artifacts.get(module)
        return artifact is not None and artifact.wasm is not None


class Entry:
    """A target that an index or manifest names; its manifest is read when it is first needed."""

    __slots__ = ("_candidate", "_read", "target", "triple")

    def __init__(self, target: str, triple: str, read: Callable[[], Candidate]) -> None:
        self.target = target
        self.triple = triple
        self._read = read
        self._candidate: Candidate | None = None

    def candidate(self) -> Candidate:
        """Return the target with its manifest. Raises MissingArtifactError for one that is not here, and LoadError."""
        if self._candidate is None:
            self._candidate = self._read()
        return self._candidate

    def sources(self) -> Sources | None:
        """Return the sources of the target, or None for one that is not here. Raises LoadError."""
        try:
            return Sources(self.candidate())
        except MissingArtifactError:
            return None


class Fits:
    """The targets of an index that may be loaded here, best first, and why the others may not."""

    __slots__ = ("candidates", "passed_over")

    def __init__(self, candidates: tuple[Candidate, ...], passed_over: tuple[PassedOver, ...]) -> None:
        self.candidates = candidates
        self.passed_over = passed_over


def read_target(root: str, project: str, target: IndexTarget) -> Candidate:
    """Read the manifest of a target of an index in the directory ``root``. Raises LoadError."""
    from hashlib import sha256

    from wasmbuild.files import read_up_to
    from wasmbuild.formats.manifest import MAX_MANIFEST, Manifest
    from wasmbuild.runtime.misfits import AGAIN
    from wasmbuild.runtime.unreadable import unreadable
    from wasmbuild.text import printable

    where = os.path.join(root, *target.path.split("/"))
    shown = printable(where)
    try:
        descriptor, _ = open_below(root, target.path)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            data = read_up_to(file, MAX_MANIFEST + 1)
            directory = resolve_below(root, target.path.rpartition("/")[0])
    except FileNotFoundError:
        raise MissingArtifactError(
            f"target {target.name} is not here: {shown} is missing",
            f"copy the whole directory of the target: {AGAIN}",
        ) from None
    except OSError as error:
        raise DamagedError(f"{shown} cannot be read: {printable(error.strerror or error)}", AGAIN) from None
    if sha256(data).hexdigest() != target.sha256:
        raise DamagedError(f"{shown} is not the manifest that its index names (its SHA-256 differs)", AGAIN)
    try:
        manifest = Manifest.from_bytes(data, where)
    except FormatError as error:
        raise unreadable(where, data, error) from None
    told = (manifest.project, manifest.target, manifest.triple)
    if told != (project, target.name, target.triple):
        raise DamagedError(f"{shown} is the manifest of another project or target than its index says", AGAIN)
    return candidate_of(manifest, directory)


def candidate_of(manifest: Manifest, directory: str) -> Candidate:
    """Return the target of a manifest that lies in a directory."""
    from wasmbuild.engine import triples

    return Candidate(manifest, directory, manifest.triple if triples.parse(manifest.triple).is_pulley else None)


def read_all(entries: list[Entry]) -> tuple[list[Candidate], list[PassedOver]]:
    """Read manifests. One that is not here is passed over: a machine may be given its own targets alone."""
    candidates, missing = [], []
    for entry in entries:
        try:
            candidates.append(entry.candidate())
        except MissingArtifactError as error:
            missing.append(PassedOver(entry.target, entry.triple, error))
    return candidates, missing
