"""Builds on many machines: on a real cluster of this one, and on so many workers that only the scheduling shows."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from benchmarks.measure import BenchmarkError, Medians, alternate
from benchmarks.modules import tiny_modules
from benchmarks.projects import TARGETS
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, real_modules
from tests import corpus
from tests.clusters import Cluster
from wasmbuild import usercache
from wasmbuild.builder import workspace as builds
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.noop import not_yet
from wasmbuild.builder.session import Session
from wasmbuild.builder.work import ArtifactOutcome
from wasmbuild.project.filenames import CONFIG
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.toolchain import Toolchain

_MAX_BYTES = 2_500_000
_TARGETS = TARGETS[:4]
_ROUNDS = 3
_VARIABLE = "WASMBUILD_EXECUTOR"
_WORKERS = 64
_SECONDS = 0.5
_EACH = 10


def dask(workspace: Workspace) -> Row:
    """Compile real modules by two workers on this machine, against two compilers at a time."""
    names = corpus.names(for_ci=True) if workspace.quick else corpus.names(max_bytes=_MAX_BYTES)
    project = workspace.project("dask", real_modules(names), _TARGETS)
    cluster = Cluster(workspace.root / "dask-cluster")
    try:
        for name in ("one", "two"):
            # The user's own, where what compilers are is remembered as it is for local builds.
            cluster.worker(name, environment={"XDG_CACHE_HOME": str(usercache.directory().parent)})

        def ours() -> float:
            workspace.put_away(project.build_dir)
            os.environ[_VARIABLE] = cluster.address
            try:
                return project.build()
            finally:
                del os.environ[_VARIABLE]

        def local() -> float:
            workspace.put_away(project.build_dir)
            return project.build()

        medians = alternate(ours, local, 1 if workspace.quick else _ROUNDS, warm_up=False)
    finally:
        cluster.close()
    what = f"build {len(names) * len(_TARGETS)} artifacts of real modules by two workers of Dask; -j2"
    return Row("dask", what, medians, "s", Limit(1.1))


class _WaitingToolchain(Toolchain):
    """Waits, and gives what was made before: so many cores as there are workers are not here."""

    def __init__(self, real: Toolchain) -> None:
        super().__init__(real.compilers, real.limits)
        self._made: dict[str, bytes] = {}

    def compile(self, job: Job) -> int | None:
        triple = job.engine.triple.text
        if triple not in self._made:
            super().compile(job)
            self._made[triple] = job.out.read_bytes()
        time.sleep(_SECONDS)
        job.out.write_bytes(self._made[triple])
        return None


def waits(workspace: Workspace) -> Row:
    """Build with 64 workers whose compile is a wait, against what 64 waits at a time take."""
    count = _WORKERS * _EACH
    directory = workspace.project("waits", tiny_modules(count // len(_TARGETS)), _TARGETS).directory
    taken = [_waited(directory, count) for _ in range(1 if workspace.quick else _ROUNDS)]
    medians = Medians(sorted(taken)[len(taken) // 2], count / _WORKERS * _SECONDS)
    what = f"build {count} artifacts by {_WORKERS} workers that wait {_SECONDS} s for each; the waits"
    return Row("waits-64", what, medians, "s", Limit(1 / 0.9))


def _waited(directory: Path, count: int) -> float:
    room = builds.Workspace(directory / CONFIG)
    plan, declaration = room.planned()
    shutil.rmtree(plan.build_dir, ignore_errors=True)
    toolchain = _WaitingToolchain(room.toolchain(plan))
    session = Session(plan, not_yet(plan, declaration), BuildDirectory(plan.build_dir, plan.state_dir), toolchain)
    made: list[ArtifactOutcome] = []
    try:
        session.begin()
        wrong = [status.artifact for status in session.outdated()]
        start = time.perf_counter()
        session.compile_all(wrong, jobs=_WORKERS, on_start=lambda artifact: None, on_done=made.append)
        took = time.perf_counter() - start
    finally:
        session.close()
    if [outcome.error for outcome in made] != [None] * count:
        raise BenchmarkError(f"not all {count} artifacts were made")
    return took


BENCHMARKS = [Benchmark("dask", dask), Benchmark("waits-64", waits)]
