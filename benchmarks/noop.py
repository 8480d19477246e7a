"""Builds with nothing to do, against ninja and bare doit with the same graph."""

from __future__ import annotations

from functools import partial

from benchmarks.measure import alternate
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_SIZES = (100, 1_000, 8_000)
_SIZE_OF_LIMIT = 8_000
_ROUNDS = 15
_BUILD_LIMIT = Limit(4.0, 0.050)
_DOIT_LIMIT = Limit(1.0)


def build(artifacts: int, workspace: Workspace) -> Row:
    """``wasmbuild build`` against ninja."""
    project = workspace.tiny(artifacts)
    medians = alternate(project.build, project.ninja, _ROUNDS)
    limit = _BUILD_LIMIT if artifacts == _SIZE_OF_LIMIT else None
    return Row(f"noop-{artifacts}", f"wasmbuild build, {artifacts:,} artifacts up to date; ninja", medians, "ms", limit)


def doit(artifacts: int, workspace: Workspace) -> Row:
    """``doit compile`` against doit with a dodo.py that spells the same tasks out."""
    project = workspace.tiny(artifacts)
    medians = alternate(project.doit, project.bare_doit, _ROUNDS)
    limit = _DOIT_LIMIT if artifacts == _SIZE_OF_LIMIT else None
    return Row(
        f"doit-{artifacts}", f"doit compile, {artifacts:,} artifacts up to date; bare doit", medians, "ms", limit
    )


BENCHMARKS = [
    *(Benchmark(f"noop-{size}", partial(build, size), slow=size == _SIZE_OF_LIMIT) for size in _SIZES),
    *(Benchmark(f"doit-{size}", partial(doit, size), slow=size == _SIZE_OF_LIMIT) for size in _SIZES),
]
