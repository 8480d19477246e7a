"""Peak memory of the ``wasmbuild`` process itself at 8,000 artifacts."""

from __future__ import annotations

from benchmarks.measure import Medians, alternate
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_ARTIFACTS = 8_000
_ROUNDS = 3
_LIMIT = Limit(0.0, 150e6)


def build(workspace: Workspace) -> Row:
    """A build that compiles all of them."""
    python = workspace.environment.peak_of_python(workspace.root)
    medians = Medians(workspace.peak_of_tiny_build(_ARTIFACTS), python)
    return Row("memory-build", f"peak of a build of {_ARTIFACTS:,} artifacts; python -c pass", medians, "MB", _LIMIT)


def noop(workspace: Workspace) -> Row:
    """A build with nothing to do."""
    project = workspace.tiny(_ARTIFACTS)
    medians = alternate(project.peak_of_build, lambda: workspace.environment.peak_of_python(workspace.root), _ROUNDS)
    return Row("memory-noop", f"peak with {_ARTIFACTS:,} artifacts up to date; python -c pass", medians, "MB", _LIMIT)


BENCHMARKS = [Benchmark("memory-build", build, slow=True), Benchmark("memory-noop", noop, slow=True)]
