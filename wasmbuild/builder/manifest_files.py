"""The manifests of a build directory as they lie there: none of them behind a link that leads out of it."""

from __future__ import annotations

import os

from wasmbuild.builder import disk
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.memory import LINK, TOO_LARGE, KnownFile, unreadable
from wasmbuild.errors import DiskError
from wasmbuild.formats.manifest import MAX_MANIFEST
from wasmbuild.lean.pathlib import Path
from wasmbuild.project import filenames


class ManifestFiles:
    """Where the manifest of each target lies, declared or not, and what is there."""

    def __init__(self, directory: BuildDirectory) -> None:
        self._directory = directory

    def path(self, target_name: str) -> Path:
        return self._directory.root / target_name / filenames.MANIFEST

    def obstacle(self, target_name: str) -> DiskError | None:
        """Return what is wrong with the directory of a target that leads out: what lies there is not ours."""
        folder = os.path.join(self._directory.root, target_name)
        # Nothing else on the way there can be a link.
        return disk.leads_out(os.path.realpath(self._directory.root), folder) if os.path.islink(folder) else None

    def is_there(self, target_name: str) -> bool:
        """Tell whether there is a file. Raises DiskError where that cannot be seen."""
        path = self.path(target_name)
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unreadable(path, error) from error
        return self.obstacle(target_name) is None

    def look(self, target_name: str) -> KnownFile | None:
        """Return a manifest, None where there is none, or what cannot be one in its place. Raises DiskError."""
        if self.obstacle(target_name) is not None:
            return None
        seen = self._directory.memory.look(self.path(target_name), limit=MAX_MANIFEST, follow=False)
        return None if seen is None or seen.sha256 in (LINK, TOO_LARGE) else seen

    def names(self) -> list[str]:
        """Return the names of all targets that have a file there, declared or not."""
        try:
            names = sorted(os.listdir(self._directory.root))
        except OSError:  # what is wrong with it is told by whoever locks it
            return []
        return [name for name in names if os.path.exists(self.path(name)) and self.obstacle(name) is None]
