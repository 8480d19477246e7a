"""``wasmbuild verify`` of another machine's artifacts through a runner, against the emulated calls that load them.

The machine is an arm64 Linux under qemu's user emulation, with the Python that ``examples/qemu/sysroot.py`` unpacks.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import BenchmarkError, alternate, program, seconds
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, real_modules
from examples.qemu import sysroot
from tests import corpus

_TRIPLE = "aarch64-unknown-linux-gnu"
# Sixty artifacts of a dozen modules.
_LEVELS = ("armv8-a", "armv8.1-a", "armv8.4-a", "armv8.6-a", "armv9-a")
_MAX_BYTES = 2_500_000
_ROUNDS = 5
_QUICK_ROUNDS = 1
_FACTOR = 2.0
# As the runner starts it: nothing is written beside its packages.
_OPTIONS = ("-X", "utf8", "-B", "-c")

# What has to be done at least, in one process; it prints how long that alone took.
_LOAD = """
import sys, time
from wasmtime import Config, Engine, Module
engine = Engine(Config())
start = time.perf_counter()
for path in sys.argv[1:]:
    Module.deserialize_file(engine, path)
print(time.perf_counter() - start)
"""


class _Machine:
    """An arm64 machine under emulation. Raises BenchmarkError where there is none to be had."""

    def __init__(self) -> None:
        # Where the tests have it too.
        cache = os.environ.get("WASMBUILD_TEST_CACHE")
        try:
            root = sysroot.prepare((Path(cache) if cache else corpus.cache_directory().parent) / "arm64")
        except sysroot.SysrootError as error:
            raise BenchmarkError(str(error)) from error
        self.command = [program("qemu-aarch64-static"), "-L", str(root)]
        self.python = str(root / sysroot.PYTHON)

    def run(self, code: str, *arguments: str | Path) -> list[str]:
        """Return a command that runs code in its Python."""
        return [*self.command, self.python, *_OPTIONS, code, *map(str, arguments)]

    @property
    def toml(self) -> str:
        """The machine as the runner of a target."""
        return f"runner = {{ command = {json.dumps(self.command)}, python = {json.dumps(self.python)} }}"


def verify(workspace: Workspace) -> Row:
    """Verify to level ``loaded`` through the runner: at most twice the calls alone, and one start of its Python."""
    machine = _Machine()
    project = _built(workspace, machine)
    artifacts = sorted(project.glob("build/*/*.cwasm"))
    starts: list[float] = []

    def ours() -> float:
        return seconds(workspace.environment.wasmbuild("verify", "build"), project)

    def calls() -> float:
        starts.append(seconds(machine.run("import wasmtime"), project))
        return float(_output(machine.run(_LOAD, *artifacts)))

    medians = alternate(ours, calls, _QUICK_ROUNDS if workspace.quick else _ROUNDS)
    _check_loaded(workspace, project, len(artifacts))
    size = sum(path.stat().st_size for path in artifacts) / 1e6
    text = f"verify {len(artifacts)} real aarch64 artifacts under qemu, {size:.0f} MB; emulated deserialize_file alone"
    return Row("emulated", text, medians, "s", Limit(_FACTOR, statistics.median(starts)))


def _built(workspace: Workspace, machine: _Machine) -> Path:
    """Return a project that is built: real modules for CPUs of several levels, each with the machine as runner."""
    project = workspace.root / "emulated"
    (project / "modules").mkdir(parents=True)
    names = corpus.names(for_ci=True) if workspace.quick else corpus.names(max_bytes=_MAX_BYTES)
    for name, data in real_modules(names):
        (project / "modules" / name).write_bytes(data)
    lines = ["[project]", 'name = "emulated"', "[toolchain]", f"compiler = {json.dumps(str(workspace.executable))}"]
    for number, level in enumerate(_LEVELS[:1] if workspace.quick else _LEVELS):
        lines += [f"[targets.arm-{number}]", f'triple = "{_TRIPLE}"', f'cpu = "{level}"', machine.toml]
    lines += ['[modules."*"]', 'source = "modules/*.wasm"', ""]
    (project / "wasmbuild.toml").write_text("\n".join(lines), encoding="utf-8")
    seconds(workspace.environment.wasmbuild("build", f"-j{workspace.jobs}"), project)
    return project


def _check_loaded(workspace: Workspace, project: Path, artifacts: int) -> None:
    """Raise BenchmarkError unless all of them are loaded, which passing does not mean."""
    report = json.loads(_output(workspace.environment.wasmbuild("verify", "--json", "build"), project))
    loaded = sum(entry["level"] == "loaded" for entry in report["artifacts"])
    if loaded != artifacts:
        raise BenchmarkError(f"{loaded} of {artifacts} artifacts were loaded")


def _output(command: Sequence[str], cwd: Path | None = None) -> str:
    ended = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchmarkError(f"exit code {ended.returncode} of `{' '.join(command)[:200]}`:\n{ended.stderr.strip()}")
    return ended.stdout


BENCHMARKS = [Benchmark("emulated", verify)]
