"""A second checkout, whose artifacts are all in the user's cache, and what keeping them costs a first one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import BenchmarkError, Medians, alternate, program, seconds
from benchmarks.modules import tiny_modules
from benchmarks.projects import TARGETS, Project
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, real_modules
from tests import corpus

_MAX_BYTES = 2_500_000
_ROUNDS = 5
_COLD_ROUNDS = 3
_TINY = 125
_TARGETS = TARGETS[:4]
_VARIABLE = "WASMBUILD_CACHE"


@contextmanager
def cached_in(directory: Path) -> Iterator[None]:
    before = os.environ[_VARIABLE]
    os.environ[_VARIABLE] = str(directory)
    try:
        yield
    finally:
        os.environ[_VARIABLE] = before


def _project(workspace: Workspace, name: str) -> tuple[Project, int]:
    names = corpus.names(for_ci=True) if workspace.quick else corpus.names(max_bytes=_MAX_BYTES)
    return workspace.project(name, real_modules(names), _TARGETS), len(names) * len(_TARGETS)


def restored(workspace: Workspace) -> Row:
    """Build real artifacts that are in the cache, against a copy of the build directory."""
    project, artifacts = _project(workspace, "restored")
    what = f"build {artifacts} real artifacts that are in the cache; cp -a of the build directory"
    return Row("restored", what, _measured(workspace, project), "ms", Limit(2.0, 0.150))


def many(workspace: Workspace) -> Row:
    """Build tiny artifacts that are in the cache, against a copy of the build directory: what each takes by itself."""
    project = workspace.project("restored-many", tiny_modules(_TINY), TARGETS)
    artifacts = _TINY * len(TARGETS)
    what = f"build {artifacts} tiny artifacts that are in the cache; cp -a of the build directory"
    return Row(f"restored-{artifacts}", what, _measured(workspace, project), "ms")


def _measured(workspace: Workspace, project: Project) -> Medians:
    cache, kept = project.directory / "cache", project.directory / "kept"
    with cached_in(cache):
        project.build()
    shutil.copytree(project.build_dir, kept)

    def ours() -> float:
        workspace.put_away(project.build_dir)
        with cached_in(cache):
            return project.build()

    def copy() -> float:
        workspace.put_away(project.build_dir)
        return seconds([program("cp"), "-a", kept, project.build_dir], project.directory)

    return alternate(ours, copy, _ROUNDS)


def kept(workspace: Workspace) -> Row:
    """Build from nothing with an empty cache, against the same without one."""
    project, artifacts = _project(workspace, "cached-cold")
    cache = workspace.root / "empty-cache"

    def ours() -> float:
        workspace.put_away(project.build_dir, cache)
        with cached_in(cache):
            took = project.build()
        if not cache.is_dir():
            raise BenchmarkError("nothing was kept")
        return took

    def without() -> float:
        workspace.put_away(project.build_dir)
        return project.build()

    medians = alternate(ours, without, 1 if workspace.quick else _COLD_ROUNDS, warm_up=False)
    return Row("cached-cold", f"build {artifacts} real artifacts and keep them; without", medians, "s", Limit(1.03))


BENCHMARKS = [Benchmark("restored", restored), Benchmark("restored-1000", many), Benchmark("cached-cold", kept)]
