"""Projects to measure: the same modules for the same targets, declared for wasmbuild, for ninja and for bare doit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.environment import Environment
from benchmarks.measure import program, seconds

# What agrees with the default engine of a wasmbuild.toml, the C API's; without `cache=n` the executable writes to the
# user's cache.
COMPILE = ("compile", "-C", "collector=drc,cache=n")


class Target(NamedTuple):
    name: str
    triple: str


TARGETS = (
    Target("linux-x64", "x86_64-unknown-linux-gnu"),
    Target("linux-arm64", "aarch64-unknown-linux-gnu"),
    Target("linux-s390x", "s390x-unknown-linux-gnu"),
    Target("portable", "pulley64"),
    Target("linux-musl-x64", "x86_64-unknown-linux-musl"),
    Target("macos-arm64", "aarch64-apple-darwin"),
    Target("macos-x64", "x86_64-apple-darwin"),
    Target("windows-x64", "x86_64-pc-windows-msvc"),
)


class Project:
    """A directory with modules in ``modules/`` and a wasmbuild.toml, a build.ninja and two files for doit."""

    def __init__(
        self,
        directory: Path,
        modules: Iterable[tuple[str, bytes]],
        targets: Sequence[Target],
        environment: Environment,
        executable: Path,
        jobs: int,
    ) -> None:
        """Write a new project in which nothing is built. ``modules`` are file names and bytes."""
        self.directory = directory
        self._environment = environment
        self._jobs = f"-j{jobs}"
        sources = directory / "modules"
        sources.mkdir(parents=True, exist_ok=True)
        names = []
        for name, data in modules:
            (sources / name).write_bytes(data)
            names.append(Path(name).stem)
        for name, text in (
            ("wasmbuild.toml", _wasmbuild_toml(targets, executable)),
            ("build.ninja", _build_ninja(targets, names, executable)),
            ("dodo.py", _DODO),
            ("bare_dodo.py", _bare_dodo(targets, names, executable)),
        ):
            (directory / name).write_text(text, encoding="utf-8")

    @property
    def build_dir(self) -> Path:
        """Where wasmbuild puts artifacts: ``<target>/<module>.cwasm`` below it."""
        return self.directory / "build"

    @property
    def ninja_dir(self) -> Path:
        """Where ninja puts the same artifacts, and its log."""
        return self.directory / "ninja"

    def build(self) -> float:
        """Run ``wasmbuild build``, which compiles on all cores, and return the seconds it took."""
        return seconds(self._environment.wasmbuild("build"), self.directory)

    def peak_of_build(self) -> float:
        """Run ``wasmbuild build`` and return the peak memory of its own process in bytes."""
        return self._environment.peak_of_wasmbuild("build", cwd=self.directory)

    def ninja(self) -> float:
        """Run ninja and return the seconds it took."""
        return seconds([program("ninja"), self._jobs], self.directory)

    def doit(self) -> float:
        """Run ``doit compile`` with wasmbuild's tasks and return the seconds it took."""
        return seconds(self._environment.doit("compile"), self.directory)

    def bare_doit(self) -> float:
        """Run doit with the same tasks written out and return the seconds it took."""
        return seconds(self._environment.doit("run", "-f", "bare_dodo.py", "compile"), self.directory)

    def teach_bare_doit(self) -> None:
        """Make bare doit know that what wasmbuild built is up to date."""
        seconds(self._environment.doit("reset-dep", "-f", "bare_dodo.py"), self.directory)


def _wasmbuild_toml(targets: Sequence[Target], executable: Path) -> str:
    lines = ["[project]", 'name = "benchmark"', "[toolchain]", f"compiler = {json.dumps(str(executable))}"]
    for target in targets:
        lines += [f"[targets.{target.name}]", f'triple = "{target.triple}"']
    lines += ['[modules."*"]', 'source = "modules/*.wasm"', ""]
    return "\n".join(lines)


def _build_ninja(targets: Sequence[Target], modules: Sequence[str], executable: Path) -> str:
    escaped = str(executable).replace("$", "$$").replace(" ", "$ ").replace(":", "$:")
    lines = [
        "builddir = ninja",
        "rule compile",
        f"  command = {escaped} {' '.join(COMPILE)} --target $triple -o $out $in",
    ]
    for target in targets:
        for module in modules:
            lines += [
                f"build ninja/{target.name}/{module}.cwasm: compile modules/{module}.wasm",
                f"  triple = {target.triple}",
            ]
    return "\n".join([*lines, ""])


_DODO = """\
from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
"""


def _bare_dodo(targets: Sequence[Target], modules: Sequence[str], executable: Path) -> str:
    return f"""\
DOIT_CONFIG = {{"dep_file": ".bare-doit.db", "backend": "sqlite3"}}


def task_compile():
    for target, triple in {[tuple(target) for target in targets]!r}:
        for module in {list(modules)!r}:
            source = f"modules/{{module}}.wasm"
            artifact = f"build/{{target}}/{{module}}.cwasm"
            yield {{
                "name": f"{{module}}@{{target}}",
                "file_dep": [source],
                "targets": [artifact],
                "actions": [[{str(executable)!r}, *{COMPILE!r}, "--target", triple, "-o", artifact, source]],
            }}
"""
