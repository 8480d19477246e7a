"""Builds after an edit of one tiny source, and of many tiny artifacts from nothing."""

from __future__ import annotations

import itertools
from functools import partial

from benchmarks.measure import Medians, alternate, seconds
from benchmarks.modules import tiny_module
from benchmarks.projects import COMPILE, TARGETS, Project
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_ROUNDS = 9
_MANY = 8_000
_SMALL_LIMIT = Limit(1.0, 0.120)
_MANY_LIMIT = Limit(1.0, 0.250)
_COLD_LIMIT = Limit(1.1)
_DOIT_LIMIT = Limit(1.0)
_EVEN_LIMIT = Limit(1.1)
_texts = itertools.count()


def _edit(project: Project) -> None:
    """Give the first module of a project bytes that it never had."""
    path = min((project.directory / "modules").iterdir())
    path.write_bytes(tiny_module(1_000_000 + next(_texts)))


def _raw(project: Project, workspace: Workspace, targets: int) -> float:
    """Compile the first module for each target with the executable, one after the other; return the seconds."""
    source = min((project.directory / "modules").iterdir())
    out = workspace.root / "raw.cwasm"
    command = [str(workspace.executable), *COMPILE, "-o", str(out), str(source), "--target"]
    return sum(seconds([*command, target.triple], project.directory) for target in TARGETS[:targets])


def few(workspace: Workspace) -> Row:
    """``wasmbuild build`` after an edit of one source of three, for three targets, against the compiles alone."""
    targets = 3
    modules = ((f"m{number}.wasm", tiny_module(number)) for number in range(3))
    project = workspace.project("edit-few", modules, TARGETS[:targets])
    project.build()

    def ours() -> float:
        _edit(project)
        return project.build()

    medians = alternate(ours, lambda: _raw(project, workspace, targets), _ROUNDS)
    return Row("edit-3", "wasmbuild build after an edit, 3 compiles; the compiles", medians, "ms", _SMALL_LIMIT)


def many(artifacts: int, workspace: Workspace) -> Row:
    """The same in a project of many artifacts, against the compiles and a build with nothing to do."""
    project = workspace.tiny(artifacts)
    targets = 8

    def ours() -> float:
        _edit(project)
        return project.build()

    medians = alternate(ours, lambda: _raw(project, workspace, targets) + project.build(), _ROUNDS)
    what = f"wasmbuild build after an edit, 8 of {artifacts:,} artifacts; the compiles and a build with nothing to do"
    return Row(f"edit-{artifacts}", what, medians, "ms", _MANY_LIMIT if artifacts == _MANY else None)


def doit(artifacts: int, workspace: Workspace) -> Row:
    """``doit compile`` after an edit, against doit with a dodo.py that spells the same tasks out."""
    project = workspace.tiny(artifacts)

    def ours() -> float:
        _edit(project)
        return project.doit()

    def bare() -> float:
        _edit(project)
        took = project.bare_doit()
        project.build()
        return took

    medians = alternate(ours, bare, _ROUNDS)
    what = f"doit compile after an edit, 8 of {artifacts:,} artifacts; bare doit"
    return Row(f"doit-edit-{artifacts}", what, medians, "ms", _DOIT_LIMIT)


def cold(artifacts: int, workspace: Workspace) -> Row:
    """``wasmbuild build`` of tiny artifacts from nothing, against ninja with the executable."""
    project = workspace.tiny(artifacts)

    def ours() -> float:
        workspace.put_away(project.build_dir)
        return project.build()

    def ninja() -> float:
        workspace.put_away(project.ninja_dir)
        return project.ninja()

    medians = alternate(ours, ninja, 1, warm_up=False)
    return Row(f"cold-{artifacts}", f"build {artifacts:,} tiny artifacts; ninja", medians, "s", _COLD_LIMIT)


def even(what: str, workspace: Workspace) -> Row:
    """What one artifact costs among 32,000, against one among 1,000: in a cold build, a no-op, after an edit."""
    costs = []
    for artifacts in (32_000, 1_000):
        project = workspace.tiny(artifacts)
        rounds = 1 if what == "cold" else _ROUNDS
        measured = []
        for _ in range(rounds):
            if what == "cold":
                workspace.put_away(project.build_dir)
            elif what == "edit":
                _edit(project)
            measured.append(project.build())
        costs.append(sorted(measured)[rounds // 2] / artifacts)
    medians = Medians(*costs)
    return Row(f"even-{what}", f"{what}: one artifact of 32,000; one of 1,000", medians, "ms", _EVEN_LIMIT)


BENCHMARKS = [
    Benchmark("edit-3", few),
    *(Benchmark(f"edit-{size}", partial(many, size), slow=size == _MANY) for size in (1_000, _MANY)),
    Benchmark(f"doit-edit-{_MANY}", partial(doit, _MANY), slow=True),
    Benchmark(f"cold-{_MANY}", partial(cold, _MANY), slow=True),
    *(Benchmark(f"even-{what}", partial(even, what), slow=True) for what in ("cold", "noop", "edit")),
]
