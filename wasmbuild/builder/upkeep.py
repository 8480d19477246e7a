"""What is no longer declared leaves the build directory, and records that only lack a word are mended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wasmbuild.builder.build_directory import ARTIFACT_SUFFIX, BuildDirectory, record_path
from wasmbuild.builder.checker import Status
from wasmbuild.builder.manifests import Manifests, read_record, record_facts, shipped_path
from wasmbuild.builder.sources import SourceReader
from wasmbuild.errors import DiskError
from wasmbuild.formats import manifest
from wasmbuild.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact


class Upkeep:
    """Tidies a build directory that this process has locked."""

    def __init__(self, plan: Plan, directory: BuildDirectory, manifests: Manifests, sources: SourceReader) -> None:
        self._plan = plan
        self._directory = directory
        self._manifests = manifests
        self._sources = sources
        self._module_files = {module.source for module in plan.modules}

    def tidy(self) -> None:
        """Remove what is not declared; the manifests of targets that this concerns go too. Raises DiskError."""
        declared = {self._directory.root / artifact.path: artifact for artifact in self._plan.artifacts}
        files = self._directory.files()
        orphans = self._directory.orphans(files, declared.keys())
        undeclared = self._manifests.undeclared()
        touched = {path.relative_to(self._directory.root).parts[0] for path in orphans}
        self._manifests.retract(touched.union(undeclared))
        for path in orphans:
            self._unship(path)
            self._directory.remove(path, record_path(path))
            self._directory.sweep(path.parent)
        for name in undeclared:
            self._directory.sweep(self._directory.root / name)
        for path in files:
            if path.suffix == ".wasm":
                artifact = declared.get(path.with_suffix(ARTIFACT_SUFFIX))
                if artifact is not None and not artifact.module.ship_source:
                    self._unship(self._directory.root / artifact.path)

    def rename_sources(self, statuses: Iterable[Status]) -> None:
        """Let records name the files that hold their modules now; manifests that say other go. Raises DiskError."""
        for status in statuses:
            if status.unnamed:
                self._rename_source(status.artifact)

    def _unship(self, artifact: Path) -> None:
        """Remove the source that was shipped beside an artifact, if that is what the file holds."""
        path = shipped_path(artifact)
        if path in self._module_files:
            return
        try:
            seen = self._directory.memory.look(path)
            record = self._directory.memory.look(record_path(artifact), record_facts)
        except DiskError:
            # A directory, say: whatever it is, it is not known to be ours.
            return
        if seen is not None and record is not None and record.facts and seen.sha256 == record.facts["wasm"]:
            self._manifests.retract([artifact.relative_to(self._directory.root).parts[0]])
            self._directory.remove(path)

    def _rename_source(self, artifact: Artifact) -> None:
        """Let a record name the file that holds its module now."""
        path = self._directory.root / artifact.path
        source = self._sources.look(artifact.module)
        named = manifest.Source(artifact.module.source_text, source.sha256)
        self._manifests.retract([artifact.target.name])
        self._directory.put(record_path(path), read_record(path)._replace(source=named).to_bytes())
