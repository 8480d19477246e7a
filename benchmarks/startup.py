"""What it costs to start, over a bare Python of the same environment, and one step over the bare executable."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.measure import BenchmarkError, alternate, cpu_seconds, seconds
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

_ROUNDS = 31
_LIMIT = Limit(1.0, 0.060)
_STEP = """\
[project]
name = "step"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.a]
source = "a.wasm"
"""


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


def step(workspace: Workspace, name: str, source: bytes) -> Row:
    """``wasmbuild compile`` of one tiny file, over the executable that compiles it."""
    root = workspace.root / name
    root.mkdir()
    (root / "wasmbuild.toml").write_text(_STEP)
    (root / name).write_bytes(source)
    ours = workspace.environment.wasmbuild("compile", name, "--target", "x64", "-o", "a.cwasm")
    raw = [str(workspace.executable), "compile", "--target", "x86_64-unknown-linux-gnu", "-Ccollector=drc", "-Ccache=n"]
    raw += ["-o", "raw.cwasm", name]
    medians = alternate(lambda: seconds(ours, root), lambda: seconds(raw, root), _ROUNDS)
    if (root / "a.cwasm").read_bytes() != (root / "raw.cwasm").read_bytes():
        raise BenchmarkError("the two columns made different artifacts")
    return Row(f"step-{name}", f"wasmbuild compile {name}, tiny; the executable itself", medians, "ms", _LIMIT)


def which(workspace: Workspace) -> Row:
    """``wasmbuild toolchain which`` of a declaration that leaves it to wasmbuild."""
    root = workspace.root / "which"
    root.mkdir()
    (root / "wasmbuild.toml").write_text(_STEP)
    ours = workspace.environment.wasmbuild("toolchain", "which")
    python = workspace.environment.run("pass")
    medians = alternate(lambda: cpu_seconds(ours, root), lambda: cpu_seconds(python, root), _ROUNDS)
    return Row("which", "wasmbuild toolchain which, computing; python -c pass", medians, "ms", _LIMIT)


def _over_python(name: str, what: str, ours: Callable[[], float], workspace: Workspace, limit: Limit | None) -> Row:
    python = workspace.environment.run("pass")
    medians = alternate(ours, lambda: seconds(python, workspace.root), _ROUNDS)
    return Row(name, f"{what}; python -c pass", medians, "ms", limit)


BENCHMARKS = [
    Benchmark("step-a.wasm", lambda workspace: step(workspace, "a.wasm", b"\0asm\1\0\0\0")),
    Benchmark("step-a.wat", lambda workspace: step(workspace, "a.wat", b'(module (func (export "run")))')),
    Benchmark("help", help_text),
    Benchmark("import", import_package),
    Benchmark("noop-10", noop_of_ten),
    Benchmark("which", which),
]
