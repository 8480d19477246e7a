"""The index of a build directory: the targets whose manifests stand, for those who load artifacts."""

from __future__ import annotations

from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.manifest_files import ManifestFiles
from wasmbuild.builder.memory import KnownFile
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import FormatError
from wasmbuild.formats.manifest import MAX_INDEX, Index, IndexTarget
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Collection

    from wasmbuild.plan.graph import Plan


class IndexFile:
    """The index as it lies there. It is changed before a manifest goes and after one comes: what it names stands."""

    def __init__(self, plan: Plan, directory: BuildDirectory) -> None:
        self._plan = plan
        self._directory = directory
        self._manifests = ManifestFiles(directory)
        self.is_behind = False
        """Whether a manifest came that it does not name yet."""

    @property
    def path(self) -> Path:
        return self._directory.root / filenames.INDEX

    def look(self) -> KnownFile | None:
        """Return the file; its facts are the name of the project that it is of, None where it is damaged.

        Raises DiskError.
        """
        return self._directory.memory.look(self.path, _project, MAX_INDEX, follow=False)

    def write(self, *, without: Collection[str] = ()) -> None:
        """Name the targets whose manifests stand, but for some, if that is not so already. Raises DiskError."""
        index = self._wanted(without)
        if not self._holds(index):
            self._directory.put(self.path, index.to_bytes(), index.project)
            # A whole build is known by the signatures of all of its files, and this one is written last.
            self.look()
        self.is_behind = False

    def catch_up(self) -> None:
        """Name the manifests that came. Raises DiskError."""
        if self.is_behind:
            self.write()

    def is_right(self) -> bool:
        """Tell whether it names the targets whose manifests stand. Raises DiskError."""
        return self._holds(self._wanted())

    def _wanted(self, without: Collection[str] = ()) -> Index:
        named = []
        for target in self._plan.targets:
            if target.name in without:
                continue
            path = f"{target.name}/{filenames.MANIFEST}"
            manifest = self._manifests.look(target.name)
            if manifest is not None:
                named.append(IndexTarget(target.name, target.triple.text, path, manifest.sha256))
        return Index(self._plan.project_name, tuple(named))

    def _holds(self, index: Index) -> bool:
        found = self.look()
        return found is not None and found.sha256 == sha256_hex(index.to_bytes())


def _project(data: bytes) -> str | None:
    """Return what is remembered of an index: the project that it names; nothing of one that is damaged."""
    try:
        return Index.from_bytes(data, where="").project
    except FormatError:
        return None
