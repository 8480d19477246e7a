"""What the rows share: a temporary directory, the compiler, and projects that take long to build."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from benchmarks.environment import Environment
from benchmarks.modules import tiny_modules
from benchmarks.projects import TARGETS, Project, Target
from tests import corpus
from wasmbuild.engine import host
from wasmbuild.toolchain.find import CLI, find

LINE = 48

# Modules and targets for a number of artifacts.
_SHAPES = {
    10: (5, 2),
    100: (25, 4),
    1_000: (125, 8),
    8_000: (1_000, 8),
    32_000: (4_000, 8),
}


class Workspace:
    """A directory for one run of the benchmarks. ``quick`` asks for less work in each row."""

    def __init__(self, root: Path, *, quick: bool) -> None:
        self.root = root
        self.quick = quick
        self.jobs = os.cpu_count() or 1
        self.environment = Environment(root / "environment")
        self._tiny: dict[int, Project] = {}
        self._peaks: dict[int, float] = {}
        self._put_away = 0

    @cached_property
    def executable(self) -> Path:
        """The executable that compiles in both columns. Raises ToolchainError."""
        return Path(find(CLI, LINE, self.root).path)

    def tiny(self, artifacts: int) -> Project:
        """Return a project of tiny modules, which wasmbuild, ninja and bare doit know to be up to date."""
        if artifacts not in self._tiny:
            modules, targets = _SHAPES[artifacts]
            project = self.project(f"tiny-{artifacts}", tiny_modules(modules), TARGETS[:targets])
            self._peaks[artifacts] = project.peak_of_build()
            project.ninja()
            project.teach_bare_doit()
            self._tiny[artifacts] = project
        return self._tiny[artifacts]

    def peak_of_tiny_build(self, artifacts: int) -> float:
        """Return the peak memory, in bytes, of the ``wasmbuild build`` that made the project of ``tiny``."""
        self.tiny(artifacts)
        return self._peaks[artifacts]

    def put_away(self, *made: Path) -> None:
        """Have files and directories no longer where they are; they are deleted when the run is over.

        ext4 gives the inode of a deleted file to no other one for a minute or so, and looks at all of those anew for
        each file that it makes: after thousands were deleted, a new file takes twenty times as long as it does for
        people, who build in a fresh checkout.
        """
        for path in made:
            if path.exists():
                self._put_away += 1
                path.rename(self.root / f"put-away-{self._put_away}")

    def project(self, name: str, modules: Iterable[tuple[str, bytes]], targets: Sequence[Target]) -> Project:
        """Return a new project in which nothing is built."""
        return Project(self.root / name, modules, targets, self.environment, self.executable, self.jobs)


def real_modules(names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """Yield modules of the corpus, one in memory at a time. Raises CorpusError."""
    for name in names:
        yield name, corpus.get(name).read_bytes()


def host_targets() -> list[Target]:
    """Return the targets whose artifacts this machine can load."""
    own = host.triple()
    portable = Target("portable", "pulley64")
    return [portable] if own is None else [Target("host", own), portable]
