"""What it costs to start, over a bare Python of the same environment."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.measure import alternate, seconds
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_ROUNDS = 31
_LIMIT = Limit(1.0, 0.060)


def help_text(workspace: Workspace) -> Row:
    """``wasmbuild --help``."""
    command = workspace.environment.wasmbuild("--help")
    return _over_python("help", "wasmbuild --help", lambda: seconds(command, workspace.root), workspace, _LIMIT)


def import_package(workspace: Workspace) -> Row:
    """``import wasmbuild``."""
    command = workspace.environment.run("import wasmbuild")
    return _over_python("import", "import wasmbuild", lambda: seconds(command, workspace.root), workspace, None)


def noop_of_ten(workspace: Workspace) -> Row:
    """``wasmbuild build`` of ten artifacts that are up to date."""
    project = workspace.tiny(10)
    return _over_python("noop-10", "wasmbuild build, 10 artifacts up to date", project.build, workspace, _LIMIT)


def _over_python(name: str, what: str, ours: Callable[[], float], workspace: Workspace, limit: Limit | None) -> Row:
    python = workspace.environment.run("pass")
    medians = alternate(ours, lambda: seconds(python, workspace.root), _ROUNDS)
    return Row(name, f"{what}; python -c pass", medians, "ms", limit)


BENCHMARKS = [
    Benchmark("help", help_text),
    Benchmark("import", import_package),
    Benchmark("noop-10", noop_of_ten),
]
