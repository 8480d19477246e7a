"""What people met when they loaded artifacts: each is told for what it is, and each hint is typed here, and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime
from mounts import run_under
from support import Project
from wasmtime import component

from wasmbuild import runtime
from wasmbuild.engine import host
from wasmbuild.runtime import artifacts

HOST = host.triple() or "pulley64"
TOML = f"""
[project]
name = "demo"
[targets.here]
triple = "{HOST}"
[modules.add]
source = "add.wat"
"""
ADD = '(module (memory 1) (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'
posix = pytest.mark.skipif(os.name == "nt", reason="cp, links and limits of POSIX")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write("add.wat", ADD)
    project.declare(TOML)
    project.run("build")
    return project


def said(what: Callable[[], object]) -> wasmtime.WasmtimeError | wasmtime.Trap:
    with pytest.raises((wasmtime.WasmtimeError, wasmtime.Trap)) as caught:
        what()
    return caught.value


def test_an_import_that_nobody_defines(tmp_path: Path, project: Project) -> None:
    """Whatever file is named, it is the linker that lacks something."""
    engine = wasmtime.Engine()
    artifact = project.build / "here" / "add.cwasm"
    module = wasmtime.Module(engine, '(module (import "env" "f" (func)) (import "env" "g" (func)))')
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    error = runtime.explain(said(lambda: linker.instantiate(store, module)), artifact)
    assert isinstance(error, runtime.UnknownImportError)
    assert error.missing == ("env::f",)
    assert str(error) == (
        f"{artifact} imports env::f, which the linker does not define; define it in the linker, for example with "
        "linker.define_func(module, name, type, function), or link the module that exports it with "
        "linker.define_instance(); wasmbuild.runtime.instantiate names all that is missing"
    )
    path = tmp_path / "m.wasm"
    path.write_bytes(wasmtime.wat2wasm('(module (import "env" "f" (func)) (import "env" "g" (func)))'))
    opened = runtime.load_source(path, engine=engine)
    with pytest.raises(runtime.UnknownImportError) as caught:
        runtime.instantiate(opened, linker, store)
    assert caught.value.missing == ("env::f", "env::g")
    for name in ("f", "g"):
        linker.define_func("env", name, wasmtime.FuncType([], []), lambda: None)
    runtime.instantiate(opened, linker, store)


def test_an_import_of_wasi(project: Project) -> None:
    engine = wasmtime.Engine()
    wasi = wasmtime.Module(engine, '(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))')
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    error = runtime.explain(said(lambda: linker.instantiate(store, wasi)), project.build)
    assert error.hint.startswith("call linker.define_wasi() and store.set_wasi(wasmtime.WasiConfig()); ")
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    linker.instantiate(store, wasi)


def test_an_argument_list_that_is_too_short(project: Project) -> None:
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, '(module (import "env" "f" (func)))')
    error = runtime.explain(said(lambda: wasmtime.Instance(wasmtime.Store(engine), module, [])), project.build)
    assert "is not instantiated: expected 1 imports, found 0; give wasmtime.Instance() one import" in str(error)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("(func unreachable) (start 0)", "wasm `unreachable` instruction executed"),
        ('(memory 1) (data (i32.const 65536) "a")', "out of bounds memory access"),
    ],
)
def test_code_that_traps_when_it_is_instantiated(project: Project, body: str, cause: str) -> None:
    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, f"(module {body})")
    error = runtime.explain(
        said(lambda: wasmtime.Linker(engine).instantiate(wasmtime.Store(engine), module)), "a.cwasm"
    )
    assert isinstance(error, runtime.TrapError)
    assert str(error) == (
        f"a.cwasm was loaded, and its own code failed: {cause} (in a call, or when it was instantiated: in its start "
        "function, or for data and elements that do not fit its memories and tables)"
    )


@pytest.mark.parametrize(
    ("setting", "cause", "told"),
    [
        ("epoch_interruption", "interrupt", "store.set_epoch_deadline(1)"),
        ("consume_fuel", "all fuel consumed by WebAssembly", "store.set_fuel(1_000_000)"),
    ],
)
def test_a_store_without_the_limit_of_its_engine(project: Project, setting: str, cause: str, told: str) -> None:
    config = wasmtime.Config()
    setattr(config, setting, True)
    engine = wasmtime.Engine(config)
    module = wasmtime.Module(engine, "(module (func) (start 0))")
    store = wasmtime.Store(engine)
    error = runtime.explain(said(lambda: wasmtime.Instance(store, module, [])), "a.cwasm")
    assert isinstance(error, runtime.TrapError)
    assert error.problem == f"a.cwasm was loaded, and stopped: {cause}"
    assert f"give the store {'fuel' if 'fuel' in told else 'a deadline'}, {told}" in error.hint
    method, argument = told.removeprefix("store.").rstrip(")").split("(")
    getattr(store, method)(int(argument))
    assert wasmtime.Instance(store, module, [])


EXIT = """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1) (func $start (call $exit (i32.const 3))) (start $start))"""


def test_a_program_that_exits_when_it_is_instantiated(tmp_path: Path) -> None:
    path = tmp_path / "exit.wat"
    path.write_text(EXIT)
    opened = runtime.load_source(path)
    linker, store = wasmtime.Linker(opened.engine), wasmtime.Store(opened.engine)
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    error = runtime.explain(said(lambda: linker.instantiate(store, opened.module)), "a.cwasm")
    assert isinstance(error, runtime.TrapError)
    assert str(error) == "a.cwasm was loaded, and its own code ended with exit status 3"
    with pytest.raises(wasmtime.ExitTrap):
        runtime.instantiate(opened, linker, store)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("(module (fun))", "correct the source"),
        ("(module (memory 1 (pagesize 1)))",
         "switch wasm-custom-page-sizes on in the engine, or build the source without"),
        (f"(module {'(memory 0)' * 101})", ""),
    ],
)  # fmt: skip
def test_what_helps_a_source_that_is_refused(tmp_path: Path, source: str, hint: str) -> None:
    path = tmp_path / "m.wat"
    path.write_text(source)
    with pytest.raises(runtime.InvalidSourceError) as caught:
        runtime.load_source(path)
    assert caught.value.hint == hint


def test_a_source_of_the_other_kind(tmp_path: Path) -> None:
    engine = wasmtime.Engine()
    path = tmp_path / "file.wasm"
    path.write_bytes(wasmtime.wat2wasm("(component)"))
    error = runtime.explain(said(lambda: wasmtime.Module.from_file(engine, str(path))), path)
    assert isinstance(error, runtime.OtherKindError)
    assert "is a component, and a core module is needed here; " in str(error)
    assert "wasmtime.component.Component" in error.hint
    component.Component.from_file(engine, str(path))
    path.write_bytes(wasmtime.wat2wasm("(module)"))
    error = runtime.explain(said(lambda: component.Component.from_file(engine, str(path))), path)
    assert isinstance(error, runtime.OtherKindError)
    assert "is a core module, and a component is needed here; " in str(error)
    wasmtime.Module.from_file(engine, str(path))


@posix
def test_a_directory_of_links(project: Project, tmp_path: Path) -> None:
    """As runfiles, symlinkJoin, stow and stores that are addressed by content make them."""
    links = tmp_path / "links"
    (links / "here").mkdir(parents=True)
    for file in project.build.rglob("*"):
        if file.is_file() and ".wasmbuild" not in file.parts:
            (links / file.relative_to(project.build)).symlink_to(file)
    advice = "copy the directory with its links followed (cp -rL), or name the one that the links lead to"
    told = f"{links / 'index.json'} leads out of the directory through a link; {advice}"
    with pytest.raises(runtime.LinkedOutError) as caught:
        runtime.load(links, "add")
    assert str(caught.value) == told
    assert told in project.run("verify", str(links), status=1).stdout
    # A copy of the index alone helps nobody.
    (links / "index.json").unlink()
    shutil.copy(project.build / "index.json", links)
    with pytest.raises(
        runtime.LinkedOutError, match=r"manifest.json leads out of the directory through a link; copy the"
    ):
        runtime.load(links, "add")
    subprocess.run(["cp", "-rL", "links", "copy"], cwd=tmp_path, check=True)
    for where in (tmp_path / "copy", project.build):
        assert runtime.load(where, "add").target == "here"
        project.run("verify", str(where))


@posix
def test_links_that_stay_inside(project: Project, tmp_path: Path) -> None:
    """As Kubernetes mounts volumes: every file is a link into ``..data``, and that is a link to the newest."""
    volume = tmp_path / "volume"
    shutil.copytree(project.build, volume / "..2026_01")
    (volume / "..data").symlink_to("..2026_01")
    (volume / "index.json").symlink_to("..data/index.json")
    (volume / "here").symlink_to("..data/here")
    assert runtime.load(volume, "add").target == "here"
    project.run("verify", str(volume))


_LIMITED = """
import resource, sys, wasmtime
from wasmbuild import runtime
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
loaded = runtime.load("build", "add")
try:
    if sys.argv[1] == "explain":
        wasmtime.Instance(wasmtime.Store(loaded.engine), loaded.module, [])
    runtime.instantiate(loaded, wasmtime.Linker(loaded.engine), wasmtime.Store(loaded.engine))
except wasmtime.WasmtimeError as error:
    print(runtime.explain(error, loaded.path))
except runtime.HostLimitError as error:
    print(error)
else:
    print("runs")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of address space")
def test_an_address_space_that_is_too_small(project: Project) -> None:
    def run(how: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _LIMITED, how], cwd=project.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    for how in ("explain", "instantiate"):
        assert run(how).endswith(
            " needs 4362076160 bytes of address space for a linear memory, which this process may not have; raise its "
            "limit (ulimit -v), or write smaller ones under [engine], such as memory-reservation = 268435456 and "
            "memory-guard-size = 65536, and build again"
        )
    project.declare(TOML + "[engine]\nmemory-reservation = 268435456\nmemory-guard-size = 65536\n")
    project.run("build")
    assert run("explain") == "runs"


_STARVED = """
import resource
from wasmbuild import runtime
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 20),) * 2)
watcher = runtime.Watcher("build")
for load in (lambda: runtime.load("build", "add"), lambda: watcher.get("add")):
    try:
        load()
    except runtime.HostLimitError as error:
        print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of address space")
def test_a_process_without_memory_is_told_so(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STARVED], cwd=project.root, capture_output=True, text=True, check=True
    )
    first, again = done.stdout.splitlines()
    assert first == again
    assert first.endswith(
        " needs more memory than this process can have; there is too little memory; close some programs, or raise the "
        "limit (ulimit -v)"
    )


_NOEXEC = "mkdir -p m && mount -t tmpfs none m && cp -r build m && mkdir m/tmp && mount -o remount,noexec m"
_LOADED = """
import hashlib, engine, wasmtime
from wasmbuild import runtime
path = "m/build/here/add.cwasm"
for loaded in runtime.load("m/build", "add"), runtime.load_precompiled(path):
    store = wasmtime.Store(loaded.engine)
    print(wasmtime.Instance(store, loaded.module, []).exports(store)["add"](store, 40, 2))
with open(path, "rb") as file:
    engine.load(engine.engine(), path, sha256=hashlib.sha256(file.read()).hexdigest())
try:
    engine.load(engine.engine(), path)
except engine.LoadError as error:
    print(error)
try:
    wasmtime.Module.deserialize_file(wasmtime.Engine(), path)
except wasmtime.WasmtimeError as error:
    print(runtime.explain(error, path))
"""
_LARGE = ADD[:-1] + "".join(f"(func (param i32) (result i32) (i32.popcnt (i32.const {n})))" for n in range(1500)) + ")"


def test_what_lies_where_nothing_may_be_executed_is_copied(project: Project) -> None:
    project.write("add.wat", _LARGE)
    project.run("build")
    assert (project.build / "here" / "add.cwasm").stat().st_size > artifacts.COPIED
    project.run("embed", "--lang", "python", "-o", "engine.py")
    ended = run_under(_NOEXEC, cwd=project.root, program=("-c", _LOADED))
    *values, generated, explained = ended.stdout.splitlines()
    assert values == ["42", "42"]
    assert "; where its file system is mounted noexec, give its SHA-256, so that a copy is loaded; " in generated
    assert "; where its file system is mounted noexec, deserialize its bytes; " in explained
    verified = run_under(_NOEXEC, "verify", "m/build", cwd=project.root)
    assert (verified.returncode, "1 loaded" in verified.stdout) == (0, True), verified


def test_an_executable_whose_copies_may_not_be_executed_proves_nothing_wrong(project: Project) -> None:
    project.declare(TOML + '[engine]\nembedder = "rust"\n')
    project.run("build")
    ended = run_under(f"{_NOEXEC} && export TMPDIR=$PWD/m/tmp", "verify", "build", cwd=project.root)
    assert ended.returncode == 3
    assert "let TMPDIR name a directory that is not mounted noexec" in ended.stdout


_FORBIDDEN = """
import ctypes
from wasmbuild import runtime
PR_SET_MDWE = 65
if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0):
    raise SystemExit("unsupported")
try:
    runtime.load("build", "add")
except runtime.HostLimitError as error:
    print(error)
print(runtime.load("build", "add", targets="portable").target)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a process that may execute no memory")
def test_a_process_that_may_make_no_memory_executable(project: Project) -> None:
    project.declare(TOML + '[targets.portable]\ntriple = "pulley64"\n')
    project.run("build")
    done = subprocess.run([sys.executable, "-c", _FORBIDDEN], cwd=project.root, capture_output=True, text=True)
    if done.stderr == "unsupported\n":
        pytest.skip("needs Linux 6.3")
    error, loaded = done.stdout.splitlines()
    assert "add.cwasm needs executable memory, which this process may not make; " in error
    assert error.endswith("or load a target of pulley64, which needs none")
    assert loaded == "portable"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a home where nobody may write")
def test_a_cache_that_cannot_be_written_is_done_without(project: Project) -> None:
    """As what is generated for C and Rust does: a service may have no home."""
    project.declare(TOML + "[engine]\ncache = true\n")
    project.run("build")
    project.run("embed", "--lang", "python", "-o", "engine.py")
    code = (
        "from wasmbuild import runtime; runtime.load('build', 'add'); "
        "import engine; engine.load(engine.engine(), 'build/here/add.cwasm')"
    )
    environment = {**os.environ, "HOME": "/proc", "XDG_CACHE_HOME": "/proc/cache", "XDG_CONFIG_HOME": "/proc/config"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
