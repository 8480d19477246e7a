"""Steps of other builds, against the same graph with the compiler itself as its commands: in seconds of CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Medians, alternate, cpu_seconds, program
from benchmarks.modules import tiny_modules
from benchmarks.projects import COMPILE, TARGETS
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_MODULES = 125
_ARTIFACTS = _MODULES * len(TARGETS)
_ROUNDS = 5
_NOOP_ROUNDS = 15

_SCONS_LIMIT = Limit(1.1)
_WHOLE_LIMIT = Limit(1.05)
_STEP_LIMIT = Limit(1.0, 0.060)
_NOOP_LIMIT = Limit(1.0)

_SCONSTRUCT = """\
from wasmbuild.scons import wasmbuild

SConsignFile(".ours")
env = Environment(tools=["default", wasmbuild])
env.Wasmbuild("wasmbuild.toml", "scons")
"""
_RAW_SCONSTRUCT = """\
import os

SConsignFile(".raw")
env = Environment(ENV=os.environ)
made = []
for target, triple in {targets!r}:
    for module in {modules!r}:
        compile = {command!r} + ["--target", triple, "-o", "$TARGET", "$SOURCE"]
        made += env.Command(f"scons-raw/{{target}}/{{module}}.cwasm", f"modules/{{module}}.wasm", [compile])
env.Command("scons-raw/index", made, Touch("$TARGET"))
"""
_WHOLE = """\
builddir = .whole
rule wasmbuild
  command = {wasmbuild} build --quiet --build-dir whole --state-dir .whole/state --stamp $out --depfile $out.d
  depfile = $out.d
  deps = gcc
  restat = 1
build whole.stamp: wasmbuild wasmbuild.toml
"""
_EACH = """\
builddir = .each
include each-edges.ninja
"""


class Steps:
    """A project of tiny modules as each system builds it, by wasmbuild and by the bare compiler."""

    def __init__(self, workspace: Workspace) -> None:
        self._environment = workspace.environment
        self._put_away = workspace.put_away
        self._jobs = f"-j{workspace.jobs}"
        modules = list(tiny_modules(_MODULES))
        self.directory = workspace.project("systems", modules, TARGETS).directory
        names = [Path(name).stem for name, _ in modules]
        targets = [tuple(target) for target in TARGETS]
        command = [str(workspace.executable), *COMPILE]
        for name, text in (
            ("SConstruct", _SCONSTRUCT),
            ("raw.SConstruct", _RAW_SCONSTRUCT.format(targets=targets, modules=names, command=command)),
            ("whole.ninja", _WHOLE.format(wasmbuild=f"{workspace.environment.python} -m wasmbuild")),
            ("each.ninja", _EACH),
        ):
            (self.directory / name).write_text(text, encoding="utf-8")
        placed = ("--build-dir", "each", "--state-dir", ".each/state")
        self._run(self._environment.wasmbuild("plan", "--ninja", "-o", "each-edges.ninja", *placed))

    def scons(self) -> float:
        return self._scons("SConstruct")

    def raw_scons(self) -> float:
        return self._scons("raw.SConstruct")

    def whole(self) -> float:
        return self._ninja("whole.ninja")

    def each(self) -> float:
        return self._ninja("each.ninja")

    def raw_ninja(self) -> float:
        return self._ninja("build.ninja")

    def build(self) -> float:
        return self._run(self._environment.wasmbuild("build", "--quiet"))

    def cold(self, build: Callable[[], float], *made: str) -> Callable[[], float]:
        """Return what forgets what was made before it builds."""

        def forget_and_build() -> float:
            self._put_away(*(self.directory / name for name in made))
            return build()

        return forget_and_build

    def _scons(self, file: str) -> float:
        return self._run([str(self._environment.python), "-m", "SCons", "-Q", self._jobs, "-f", file])

    def _ninja(self, file: str) -> float:
        return self._run([program("ninja"), self._jobs, "-f", file])

    def _run(self, command: list[str]) -> float:
        return cpu_seconds(command, self.directory)


_made: dict[Path, Steps] = {}


def _steps(workspace: Workspace) -> Steps:
    if workspace.root not in _made:
        _made[workspace.root] = Steps(workspace)
    return _made[workspace.root]


def _rounds(workspace: Workspace) -> int:
    return 1 if workspace.quick else _ROUNDS


def scons_cold(workspace: Workspace) -> Row:
    """SCons with a node for each artifact, from nothing."""
    steps = _steps(workspace)
    ours = steps.cold(steps.scons, "scons", ".ours.dblite")
    raw = steps.cold(steps.raw_scons, "scons-raw", ".raw.dblite")
    medians = alternate(ours, raw, _rounds(workspace), warm_up=False)
    return Row("scons-cold", f"SCons, {_ARTIFACTS:,} artifacts; with the compiler", medians, "s", _SCONS_LIMIT)


def scons_noop(workspace: Workspace) -> Row:
    """The same with nothing to do."""
    steps = _steps(workspace)
    medians = alternate(steps.scons, steps.raw_scons, _rounds(workspace))
    what = f"SCons, {_ARTIFACTS:,} artifacts up to date; with the compiler"
    return Row("scons-noop", what, medians, "s", _SCONS_LIMIT)


def each_cold(workspace: Workspace) -> Row:
    """Ninja with an edge for each artifact, from nothing: what one costs."""
    steps = _steps(workspace)
    ours = steps.cold(steps.each, "each", ".each")
    raw = steps.cold(steps.raw_ninja, "ninja")
    medians = alternate(ours, raw, 1, warm_up=False)
    one = Medians(*(value / _ARTIFACTS for value in medians))
    return Row("each-cold", "an edge of Ninja for each artifact, one; the compiler", one, "ms", _STEP_LIMIT)


def each_noop(workspace: Workspace) -> Row:
    """The same with nothing to do."""
    steps = _steps(workspace)
    medians = alternate(steps.each, steps.raw_ninja, _NOOP_ROUNDS)
    what = f"an edge of Ninja for each of {_ARTIFACTS:,} artifacts up to date; with the compiler"
    return Row("each-noop", what, medians, "ms")


def whole_cold(workspace: Workspace) -> Row:
    """The whole project as one edge, from nothing."""
    steps = _steps(workspace)
    ours = steps.cold(steps.whole, "whole", ".whole", "whole.stamp")
    medians = alternate(ours, steps.cold(steps.build, "build"), _rounds(workspace), warm_up=False)
    return Row(
        "whole-cold", f"one edge of Ninja, {_ARTIFACTS:,} artifacts; wasmbuild build", medians, "s", _WHOLE_LIMIT
    )


def whole_noop(workspace: Workspace) -> Row:
    """The same with nothing to do: it starts nothing."""
    steps = _steps(workspace)
    medians = alternate(steps.whole, steps.raw_ninja, _NOOP_ROUNDS)
    what = f"one edge of Ninja, {_ARTIFACTS:,} artifacts up to date; an edge for each with the compiler"
    return Row("whole-noop", what, medians, "ms", _NOOP_LIMIT)


BENCHMARKS = [
    Benchmark("scons-cold", scons_cold),
    Benchmark("scons-noop", scons_noop),
    Benchmark("each-cold", each_cold, slow=True),
    Benchmark("each-noop", each_noop, slow=True),
    Benchmark("whole-cold", whole_cold),
    Benchmark("whole-noop", whole_noop),
]
