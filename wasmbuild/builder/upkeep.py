"""What is no longer declared leaves the build directory, and records that only lack a word are mended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild.builder.checker import Status
from wasmbuild.builder.manifests import Manifests, read_record, record_facts, shipped_path
from wasmbuild.builder.sources import Sources
from wasmbuild.builder.store import ARTIFACT_SUFFIX, Store, record_path
from wasmbuild.errors import StoreError
from wasmbuild.formats import manifest

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact


class Upkeep:
    """Tidies a build directory that this process has locked."""

    def __init__(self, plan: Plan, store: Store, manifests: Manifests, sources: Sources) -> None:
        self._plan = plan
        self._store = store
        self._manifests = manifests
        self._sources = sources
        self._module_files = {module.source for module in plan.modules}

    def tidy(self) -> None:
        """Remove what is not declared; the manifests of targets that this concerns go too. Raises StoreError."""
        declared = {self._store.root / artifact.path: artifact for artifact in self._plan.artifacts}
        files = self._store.files()
        orphans = self._store.orphans(files, declared.keys())
        undeclared = self._manifests.undeclared()
        touched = {path.relative_to(self._store.root).parts[0] for path in orphans}
        self._manifests.retract(touched.union(undeclared))
        for path in orphans:
            self._unship(path)
            self._store.remove(path, record_path(path))
            self._store.sweep(path.parent)
        for name in undeclared:
            self._store.sweep(self._store.root / name)
        for path in files:
            if path.suffix == ".wasm":
                artifact = declared.get(path.with_suffix(ARTIFACT_SUFFIX))
                if artifact is not None and not artifact.module.ship_source:
                    self._unship(self._store.root / artifact.path)

    def rename_sources(self, statuses: Iterable[Status]) -> None:
        """Let records name the files that hold their modules now; manifests that say other go. Raises StoreError."""
        for status in statuses:
            if status.unnamed:
                self._rename_source(status.artifact)

    def _unship(self, artifact: Path) -> None:
        """Remove the source that was shipped beside an artifact, if that is what the file holds."""
        path = shipped_path(artifact)
        if path in self._module_files:
            return
        try:
            seen = self._store.memory.look(path)
            record = self._store.memory.look(record_path(artifact), record_facts)
        except StoreError:
            # A directory, say: whatever it is, it is not known to be ours.
            return
        if seen is not None and record is not None and record.facts and seen.sha256 == record.facts["wasm"]:
            self._manifests.retract([artifact.relative_to(self._store.root).parts[0]])
            self._store.remove(path)

    def _rename_source(self, artifact: Artifact) -> None:
        """Let a record name the file that holds its module now."""
        path = self._store.root / artifact.path
        source = self._sources.look(artifact.module)
        named = manifest.Source(artifact.module.source_text, source.sha256)
        self._manifests.retract([artifact.target.name])
        self._store.write(record_path(path), read_record(path)._replace(source=named).to_bytes())
