"""What is no longer declared leaves the build directory, and records that only lack a word are mended."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.builder import key
from wasmbuild.builder.build_directory import BuildDirectory, record_path
from wasmbuild.builder.compile import record_of
from wasmbuild.builder.manifests import Manifests
from wasmbuild.builder.records import read_record
from wasmbuild.builder.sources import SourceReader
from wasmbuild.errors import DiskError, Mistake, OccupiedError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from wasmbuild.builder.artifact_statuses import ArtifactStatuses
    from wasmbuild.builder.checker import Document
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact


class Upkeep:
    """Tidies a build directory that this process has locked."""

    def __init__(
        self, plan: Plan, directory: BuildDirectory, manifests: Manifests, sources: SourceReader, document: Document
    ) -> None:
        """``document`` returns what decides an artifact's bytes."""
        self._plan = plan
        self._directory = directory
        self._manifests = manifests
        self._sources = sources
        self._document = document
        self._inodes: set[tuple[int, int] | None] | None = None

    def refuse_another_declaration(self) -> None:
        """Raise OccupiedError where what another declaration of the same project built would be removed."""
        other = self._directory.declaration
        # One that was moved here is not there any more.
        if not os.path.isfile(other) or _is_same(other, self._declaration):
            return
        if not self._manifests.undeclared() and not self._orphans(self._directory.files(), self._declared()):
            return
        build_dir = files.seen_from_here(self._directory.root)
        problem = f"{quoted(build_dir)} holds what {files.seen_from_here(other)} declares, of the same project"
        fix = (
            f"give one of them a build directory of its own; if this one takes the place of that, delete {build_dir} "
            f"first"
        )
        raise OccupiedError([Mistake(self._plan.path, "project.build-dir", problem, fix)])

    def tidy(self) -> None:
        """Remove what is not declared; the manifests of targets that this concerns go too. Raises DiskError."""
        declared = self._declared()
        there = self._directory.files()
        orphans = self._orphans(there, declared)
        undeclared = self._manifests.undeclared()
        self._directory.note_declaration(self._declaration)
        touched = set(map(self._target, orphans))
        self._manifests.retract(touched.union(undeclared))
        for path in orphans:
            self._unship(path)
            self._directory.remove(path, record_path(path))
            self._directory.sweep(path.parent)
        for name in undeclared:
            self._directory.sweep(self._directory.root / name)
        for file in there:
            if file.endswith(filenames.WASM_SUFFIX):
                artifact = declared.get(file.removesuffix(filenames.WASM_SUFFIX) + filenames.ARTIFACT_SUFFIX)
                if artifact is not None and not artifact.module.ship_source:
                    self._unship(self._directory.root / artifact.path)

    def _declared(self) -> dict[str, Artifact]:
        return {str(self._directory.root / artifact.path): artifact for artifact in self._plan.artifacts}

    def _orphans(self, there: list[str], declared: dict[str, Artifact]) -> list[Path]:
        orphans = self._directory.orphans(there, declared.keys())
        return [path for path in orphans if self._target(path) not in self._plan.kept]

    def _target(self, artifact: Path) -> str:
        return artifact.relative_to(self._directory.root).parts[0]

    @property
    def _declaration(self) -> str:
        return os.path.join(self._plan.directory, os.path.basename(self._plan.path))

    def mend_records(self, statuses: ArtifactStatuses) -> None:
        """Let records of right artifacts tell what they should; manifests that say other go. Raises DiskError."""
        for status in statuses.by_id.values():
            if status.stale_record:
                self._mend_record(status.artifact)
                statuses.touch(status.artifact.module.name)

    def _unship(self, artifact: Path) -> None:
        """Remove the source that was shipped beside an artifact, if that is what the file holds, and is none itself."""
        path = artifact.parent / f"{artifact.stem}{filenames.WASM_SUFFIX}"
        try:
            seen = self._directory.memory.look(path)
        except DiskError:
            # A directory, say: whatever it is, it is not known to be ours.
            return
        record = self._directory.own_record(artifact) if seen is not None else None
        if seen is None or record is None or seen.sha256 != record.wasm_sha256:
            return
        # What a record names may have been a source then, and is declared no more.
        then = os.path.join(self._plan.directory, filenames.native(record.source_path))
        if _inode(path) not in self._source_inodes | {_inode(then)}:
            self._manifests.retract([self._target(artifact)])
            self._directory.remove(path)

    @property
    def _source_inodes(self) -> set[tuple[int, int] | None]:
        """What tells the files of all sources, by whatever path: a build directory may be reached through a link."""
        if self._inodes is None:
            self._inodes = {None, *(_inode(module.source) for module in self._plan.modules)}
        return self._inodes

    def _mend_record(self, artifact: Artifact) -> None:
        """Write the record of a right artifact anew, from what is known of it besides its digest."""
        path = self._directory.root / artifact.path
        source = self._sources.look(artifact.module)
        present = self._directory.memory.look(path, follow=False)
        record, document = read_record(path), self._document(artifact, source)
        if present is None or (record.key, record.sha256) != (key.digest(document), present.sha256):
            # Somebody changes them meanwhile: the next look finds that.
            return
        self._manifests.retract([artifact.target.name])
        made = record_of(
            artifact.id, artifact.module.source_text, source, document, size=present.size, sha256=present.sha256
        )
        self._directory.put(record_path(path), made.to_bytes())


def _inode(path: Path | str) -> tuple[int, int] | None:
    status = files.status(path)
    return None if status is None else (status.st_dev, status.st_ino)


def _is_same(path: str, other: str) -> bool:
    """Tell whether two paths lead to one file, also through links, and where capitals are small letters."""
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them was there just now, and what it is is not known
        return False
