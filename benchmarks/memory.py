"""Peak memory of the ``wasmbuild`` process itself, with thousands of artifacts."""

from __future__ import annotations

from functools import partial

from benchmarks.measure import Medians, alternate
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_SOME = 8_000
_MANY = 32_000
_ROUNDS = 3
_LIMITS = {_SOME: Limit(0.0, 150e6), _MANY: Limit(0.0, 300e6)}


def build(artifacts: int, workspace: Workspace) -> Row:
    """A build that compiles all of them."""
    python = workspace.environment.peak_of_python(workspace.root)
    medians = Medians(workspace.peak_of_tiny_build(artifacts), python)
    name = "memory-build" if artifacts == _SOME else f"memory-build-{artifacts}"
    return Row(name, f"peak of a build of {artifacts:,} artifacts; python -c pass", medians, "MB", _LIMITS[artifacts])


def noop(workspace: Workspace) -> Row:
    """A build with nothing to do."""
    project = workspace.tiny(_SOME)
    medians = alternate(project.peak_of_build, lambda: workspace.environment.peak_of_python(workspace.root), _ROUNDS)
    what = f"peak with {_SOME:,} artifacts up to date; python -c pass"
    return Row("memory-noop", what, medians, "MB", _LIMITS[_SOME])


BENCHMARKS = [
    Benchmark("memory-build", partial(build, _SOME), slow=True),
    Benchmark("memory-noop", noop, slow=True),
    Benchmark(f"memory-build-{_MANY}", partial(build, _MANY), slow=True),
]
