"""Cold builds of real modules, against ninja running the same executable."""

from __future__ import annotations

import filecmp

from benchmarks.measure import BenchmarkError, alternate
from benchmarks.projects import TARGETS, Project
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, real_modules
from tests import corpus

_MAX_BYTES = 2_500_000
_ROUNDS = 3
_TARGETS = TARGETS[:4]


def cold(workspace: Workspace) -> Row:
    """Compile real modules for one target of each back end, from nothing."""
    names = corpus.names(for_ci=True) if workspace.quick else corpus.names(max_bytes=_MAX_BYTES)
    project = workspace.project("cold", real_modules(names), _TARGETS)

    def ours() -> float:
        workspace.put_away(project.build_dir)
        return project.build()

    def ninja() -> float:
        workspace.put_away(project.ninja_dir)
        return project.ninja()

    medians = alternate(ours, ninja, 1 if workspace.quick else _ROUNDS, warm_up=False)
    artifacts = len(names) * len(_TARGETS)
    _check_same(project, artifacts)
    return Row(
        "cold", f"build {artifacts} artifacts of real modules; ninja with the compiler", medians, "s", Limit(1.0)
    )


def _check_same(project: Project, artifacts: int) -> None:
    """Raise BenchmarkError unless both made the same artifacts."""
    made = sorted(path.relative_to(project.ninja_dir) for path in project.ninja_dir.glob("*/*.cwasm"))
    for path in made:
        if not filecmp.cmp(project.ninja_dir / path, project.build_dir / path, shallow=False):
            raise BenchmarkError(f"{path} is not what ninja made")
    if len(made) != artifacts:
        raise BenchmarkError(f"ninja made {len(made)} artifacts, not {artifacts}")


BENCHMARKS = [Benchmark("cold", cold)]
