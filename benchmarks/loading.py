"""What it costs an application to load artifacts, against the bare calls, compiling, and Wasmtime's own cache."""

from __future__ import annotations

import json
import subprocess
from functools import cache, partial
from pathlib import Path

from wasmtime import wat2wasm

from benchmarks.measure import BenchmarkError, Medians, alternate, seconds
from benchmarks.modules import tiny_modules
from benchmarks.projects import Project
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, host_targets, real_modules

_CHILD = Path(__file__).with_name("loading_child.py")
_LIMIT = Limit(1.1, 50e-6)
_IMPORT_LIMIT = Limit(1.0, 0.010)
_IMPORT_ROUNDS = 31
_THOUSAND = 1_000
_QUICK_THOUSAND = 100
_TINY, _SMALL, _MEDIUM, _LARGE = "m0000.wasm", "argon2.wasm", "sqlite3.wasm", "esbuild.wasm"
_FIBONACCI = Path(__file__).parents[1] / "examples" / "fibonacci.wat"


@cache
def _shipped(workspace: Workspace) -> Project:
    """Return a built project of modules of every size, for this machine and for Pulley."""
    names = (_SMALL, _MEDIUM) if workspace.quick else (_SMALL, _MEDIUM, _LARGE)
    modules = [*tiny_modules(1), *real_modules(names), ("fibonacci.wasm", bytes(wat2wasm(_FIBONACCI.read_bytes())))]
    project = workspace.project("loading", modules, host_targets())
    project.build()
    return project


@cache
def _many(workspace: Workspace) -> Project:
    modules = tiny_modules(_QUICK_THOUSAND if workspace.quick else _THOUSAND)
    project = workspace.project("loading-many", modules, host_targets()[:1])
    project.build()
    return project


def _child(workspace: Workspace, *arguments: str | Path) -> Medians:
    command = [workspace.environment.python, _CHILD, *arguments]
    ended = subprocess.run(command, cwd=_CHILD.parents[1], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchmarkError(ended.stderr.strip())
    return Medians(*json.loads(ended.stdout))


def _size(project: Project, file: str) -> str:
    size = (project.build_dir / _target() / f"{Path(file).stem}.cwasm").stat().st_size
    return f"{size / 1e6:.2f} MB"


def _target() -> str:
    return host_targets()[0].name


def _load(file: str, check: str, name: str, workspace: Workspace) -> Row:
    project = _shipped(workspace)
    medians = _child(workspace, "loading", project.build_dir, _target(), Path(file).stem, check)
    bare = "SHA-256 and deserialize_file" if check == "digest" else "deserialize_file"
    return Row(name, f'load(check="{check}") of {_size(project, file)}; {bare}', medians, "ms", _LIMIT)


def _compile(file: str, name: str, workspace: Workspace) -> Row:
    project = _shipped(workspace)
    wasm = project.directory / "modules" / file
    medians = _child(workspace, "compiling", project.build_dir, _target(), Path(file).stem, wasm)
    return Row(name, f"load of {_size(project, file)}; Module() of its WebAssembly, all cores", medians, "ms")


def _cache(file: str, name: str, workspace: Workspace) -> Row:
    project = _shipped(workspace)
    wasm = project.directory / "modules" / file
    stem = Path(file).stem
    medians = _child(workspace, "cached", project.build_dir, _target(), stem, wasm, project.directory)
    return Row(name, f"load of {_size(project, file)}; Module() with Wasmtime's own cache, filled", medians, "ms")


def thousand(workspace: Workspace) -> Row:
    """Many modules of one manifest, which is parsed once."""
    project = _many(workspace)
    medians = _child(workspace, "thousand", project.build_dir, _target())
    count = len(list((project.build_dir / _target()).glob("*.cwasm")))
    limit = Limit(_LIMIT.factor, _LIMIT.offset * count)
    return Row("load-1000", f"load of {count:,} tiny modules; SHA-256 and deserialize_file", medians, "ms", limit)


def import_runtime(workspace: Workspace) -> Row:
    """``import wasmbuild.runtime`` over ``import wasmtime``."""
    ours = workspace.environment.run("import wasmtime, wasmbuild.runtime")
    bare = workspace.environment.run("import wasmtime")
    root = workspace.root
    medians = alternate(lambda: seconds(ours, root), lambda: seconds(bare, root), _IMPORT_ROUNDS)
    return Row("import-runtime", "import wasmbuild.runtime; import wasmtime", medians, "ms", _IMPORT_LIMIT)


def _file_size(target: str, name: str, workspace: Workspace) -> Row:
    project = _shipped(workspace)
    artifact = (project.build_dir / target / f"{Path(_MEDIUM).stem}.cwasm").stat().st_size
    wasm = (project.directory / "modules" / _MEDIUM).stat().st_size
    return Row(name, f"{_MEDIUM} for {target}, bytes on disk; WebAssembly", Medians(artifact, wasm), "MB")


def pulley(workspace: Workspace) -> Row:
    """How much slower Pulley bytecode runs than this machine's own code."""
    project = _shipped(workspace)
    medians = _child(workspace, "running", project.build_dir, "portable", _target())
    return Row("run-pulley", "recursive Fibonacci in Pulley bytecode; in native code", medians, "ms")


BENCHMARKS = [
    *(
        Benchmark(name, partial(_load, file, check, name), slow=file == _LARGE)
        for file, label in ((_TINY, "tiny"), (_SMALL, "small"), (_MEDIUM, "medium"), (_LARGE, "large"))
        for check, name in (("digest", f"load-{label}"), ("size", f"load-size-{label}"))
    ),
    Benchmark("load-1000", thousand),
    *(
        Benchmark(name, partial(measure, file, name), slow=file == _LARGE)
        for file, label in ((_TINY, "tiny"), (_MEDIUM, "medium"), (_LARGE, "large"))
        for measure, name in ((_compile, f"load-not-compile-{label}"), (_cache, f"load-not-cache-{label}"))
    ),
    Benchmark("import-runtime", import_runtime),
    Benchmark("size-native", partial(_file_size, host_targets()[0].name, "size-native")),
    Benchmark("size-pulley", partial(_file_size, "portable", "size-pulley")),
    Benchmark("run-pulley", pulley),
]
