"""Where no artifact fits, the source that was shipped is compiled, if the application allows it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import wasmtime
from support import Project, built
from wasmtime import component

from wasmbuild import runtime
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.engine import host, triples

HOST = host.triple() or pytest.skip("Wasmtime has no compiler for this machine", allow_module_level=True)
FOREIGN = "aarch64-unknown-linux-gnu" if triples.parse(HOST).architecture != "aarch64" else "x86_64-unknown-linux-gnu"

TOML = f"""
[project]
name = "demo"
[toolchain]
wasmtime = "48"
[targets.foreign]
triple = "{FOREIGN}"
engine = {{ consume-fuel = true, max-wasm-stack = 262144 }}
[targets.rust]
triple = "{FOREIGN}"
engine = {{ embedder = "rust" }}
[targets.portable]
triple = "pulley64"
[modules.add]
source = "add.wat"
ship-source = true
targets = ["foreign", "rust"]
[modules."deep/greet"]
source = "greet.wat"
ship-source = true
targets = ["foreign"]
[modules.imports]
source = "imports.wat"
ship-source = true
targets = ["foreign"]
[modules.kept]
source = "add.wat"
targets = ["foreign"]
[modules.everywhere]
source = "add.wat"
ship-source = true
"""

GREET = """(component
    (core module $m (func (export "answer") (result i32) (i32.const 42)))
    (core instance $i (instantiate $m))
    (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"""
IMPORTS = """(module (import "env" "log" (func (param i32))))"""
BOTH: Final = ("pulley", "compile")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("shipped"), TOML, {"greet.wat": GREET, "imports.wat": IMPORTS})


@pytest.fixture
def copy(build: Path, tmp_path: Path) -> Path:
    shutil.copytree(build, tmp_path / "copy")
    return tmp_path / "copy"


def call(loaded: runtime.Loaded, fuel: int | None = None) -> int:
    store = wasmtime.Store(loaded.engine)
    if fuel is not None:
        store.set_fuel(fuel)
    function = wasmtime.Instance(store, loaded.module, []).exports(store)["add"]
    assert isinstance(function, wasmtime.Func)
    result = int(function(store, 40, 2))
    if fuel is not None:
        assert store.get_fuel() < fuel
    return result


def test_a_machine_that_nothing_was_built_for(build: Path) -> None:
    with pytest.raises(runtime.NotInManifestError) as caught:
        runtime.load(build, "add")
    assert caught.value.hint == 'let the source, which is shipped, be compiled: fallback=("pulley", "compile")'
    loaded = runtime.load(build, "add", fallback=BOTH)
    assert not loaded.precompiled
    assert not loaded.engine.is_pulley()
    assert loaded.path == str(build / "foreign" / "add.wasm")
    # The engine is the declared one.
    assert call(loaded, fuel=1000) == 42
    assert loaded.explain() == (
        "add@foreign: compiled its source on this machine; passed over: portable has no module add; for other "
        "machines: foreign, rust"
    )


def test_components_and_missing_imports(build: Path) -> None:
    loaded = runtime.load(build, "deep/greet", fallback=BOTH)
    assert (loaded.kind, loaded.precompiled) == ("component", False)
    store = wasmtime.Store(loaded.engine)
    store.set_fuel(1000)
    answer = runtime.instantiate(loaded, component.Linker(loaded.engine), store).get_func(store, "answer")
    assert answer is not None
    assert answer(store) == 42
    imports = runtime.load(build, "imports", fallback=BOTH)
    store = wasmtime.Store(imports.engine)
    with pytest.raises(runtime.UnknownImportError, match=r"imports@foreign imports .* env::log \(func \(i32\)"):
        runtime.instantiate(imports, wasmtime.Linker(imports.engine), store)


def test_an_artifact_that_fits_is_not_compiled(build: Path) -> None:
    assert runtime.load(build, "everywhere", fallback=BOTH).target == "portable"
    preferred = runtime.load(build, "everywhere", fallback=("compile", "pulley"))
    assert (preferred.target, preferred.precompiled, preferred.engine.is_pulley()) == ("portable", False, False)
    assert call(preferred) == 42


def test_modules_engines_and_configs(build: Path) -> None:
    assert runtime.modules(build) == ["everywhere"]
    assert runtime.modules(build, fallback=BOTH) == ["add", "deep/greet", "everywhere", "imports"]
    with pytest.raises(runtime.OtherArchitectureError) as caught:
        runtime.engine(build, target="foreign")
    assert caught.value.hint.endswith('which is shipped, be compiled: fallback=("pulley", "compile")')
    engine = runtime.engine(build, target="foreign", fallback=BOTH)
    assert runtime.load(build, "add", fallback=BOTH).engine is engine
    config = runtime.config(build, target="foreign", fallback=BOTH)
    config.max_wasm_stack = 1 << 20
    own = wasmtime.Engine(config)
    loaded = runtime.load(build, "add", fallback=BOTH, engine=own)
    assert loaded.engine is own
    assert call(loaded, fuel=1000) == 42


def test_an_engine_of_the_application_takes_any_source(build: Path) -> None:
    with pytest.raises(runtime.NoFittingArtifactError, match='rust has an engine with collector = "copying"'):
        runtime.load(build / "rust", "add", fallback=BOTH)
    assert call(runtime.load(build / "rust", "add", fallback=BOTH, engine=wasmtime.Engine())) == 42
    pulley = wasmtime.Config()
    pulley.target = "pulley64"
    interpreted = runtime.load(build / "rust", "add", fallback=BOTH, engine=wasmtime.Engine(pulley))
    assert interpreted.engine.is_pulley()
    assert call(interpreted) == 42
    config = wasmtime.Config()
    config.wasm_multi_value = False
    config.wasm_simd = config.wasm_relaxed_simd = False
    assert call(runtime.load(build / "rust", "add", fallback=BOTH, engine=wasmtime.Engine(config))) == 42


def test_a_source_that_was_not_shipped(build: Path) -> None:
    with pytest.raises(runtime.NotInManifestError) as caught:
        runtime.load(build, "kept", fallback=BOTH)
    assert caught.value.hint == (
        "ship the source for fallback to compile: ship-source = true for the module in wasmbuild.toml"
    )


def test_what_is_hashed_is_what_is_compiled(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path leads to something else as soon as the file was opened."""
    opened = ConfinedDirectory.open

    def replaced(directory: ConfinedDirectory, path: str) -> tuple[io.FileIO, os.stat_result]:
        found = opened(directory, path)
        if path == "add.wasm":
            (copy / "new").write_bytes(bytes(wasmtime.wat2wasm("(module)")))
            os.replace(copy / "new", copy / "foreign" / path)
        return found

    monkeypatch.setattr(ConfinedDirectory, "open", replaced)
    assert call(runtime.load(copy, "add", fallback=BOTH), fuel=1000) == 42
    with pytest.raises(runtime.DamagedError, match="and its manifest says"):
        runtime.load(copy, "add", fallback=BOTH)


def test_a_watcher_follows_sources_too(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.declare(TOML.partition("[modules.add]")[0] + '[modules.add]\nsource = "add.wat"\nship-source = true\n'
                    'targets = ["foreign"]\n[modules.sub]\nsource = "sub.wat"\nship-source = true\n')  # fmt: skip
    project.run("build")
    watcher = runtime.Watcher(project.build, interval=0, fallback=BOTH)
    first, same = watcher.get("add"), watcher.get("sub")
    assert (first.target, first.precompiled, same.target, same.precompiled) == ("foreign", False, "portable", True)
    project.write("add.wat", '(module (func (export "add") (param i32 i32) (result i32) i32.const 7))')
    project.run("build")
    second = watcher.get("add")
    assert call(second, fuel=1000) == 7
    assert call(first, fuel=1000) == 42
    assert watcher.get("sub") is same
    (project.build / "index.json").touch()
    assert watcher.get("add") is second
    (project.build / "foreign" / "add.wasm").write_bytes(b"")
    (project.build / "index.json").touch()
    assert watcher.get("add") is second
    assert isinstance(watcher.errors["add"], runtime.DamagedError)


def test_a_watcher_sees_a_source_that_changes_where_its_artifact_does_not(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.declare(TOML.partition("[modules.add]")[0] + '[modules.add]\nsource = "add.wat"\nship-source = true\n'
                    'targets = ["foreign"]\n')  # fmt: skip
    found = []
    watcher = runtime.Watcher(project.build, interval=0, fallback=BOTH)
    for content in ("1", "2"):
        project.write("add.wat", f'(module (@custom "note" "{content}"))')
        project.run("build")
        found.append(watcher.get("add"))
    first, second = found
    assert first.artifact.sha256 == second.artifact.sha256
    assert first.module is not second.module


def test_nothing_of_it_is_imported_before_it_is_needed(build: Path) -> None:
    code = f"""
import sys
import wasmbuild.runtime
loaded = wasmbuild.runtime.load({str(build)!r}, "everywhere", fallback=("pulley", "compile"))
assert loaded.precompiled
assert "wasmbuild.runtime.compiling" not in sys.modules
loaded = wasmbuild.runtime.load({str(build)!r}, "add", fallback=("pulley", "compile"))
assert not loaded.precompiled
assert not {{"doit", "logging", "pydantic", "subprocess", "wasmbuild.builder", "wasmbuild.verify"}} & set(sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


_FORBIDDEN = """
import ctypes
from wasmbuild import runtime
PR_SET_MDWE = 65
if ctypes.CDLL(None).prctl(PR_SET_MDWE, 1, 0, 0, 0):
    raise SystemExit("unsupported")
for module in ("add", "deep/greet"):
    try:
        runtime.load("build", module, targets="foreign", fallback=("compile",))
    except runtime.HostLimitError as error:
        print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a process that may execute no memory")
def test_what_the_process_may_not_do_is_not_blamed_on_the_source(build: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _FORBIDDEN], cwd=build.parent, capture_output=True, text=True)
    if ended.stderr == "unsupported\n":
        pytest.skip("needs Linux 6.3")
    assert not ended.stderr
    add, greet = ended.stdout.splitlines()
    assert "add.wasm needs executable memory, which this process may not make; " in add
    assert "greet.wasm needs executable memory, which this process may not make; " in greet
