"""Applications load what wasmbuild built: the best artifact, the engine that agrees, and why the others were not."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from support import Project, built
from wasmtime import component

from wasmbuild import runtime
from wasmbuild.confined import ConfinedDirectory
from wasmbuild.engine import cpu, host, triples
from wasmbuild.runtime import publication, shipments
from wasmbuild.runtime.shipments import OpenShipment

HOST = host.triple() or pytest.skip("Wasmtime has no compiler for this machine", allow_module_level=True)
ARCHITECTURE = triples.parse(HOST).architecture
FOREIGN = "aarch64-unknown-linux-gnu" if ARCHITECTURE != "aarch64" else "x86_64-unknown-linux-gnu"
LEVELS = list(cpu.levels(ARCHITECTURE))

TOML = f"""
[project]
name = "demo"
[toolchain]
wasmtime = "48"
[targets.base]
triple = "{HOST}"
[targets.second-level]
triple = "{HOST}"
cpu = "{LEVELS[1]}"
[targets.top]
triple = "{HOST}"
cpu = "{LEVELS[-1]}"
[targets.foreign]
triple = "{FOREIGN}"
[targets.fuel]
triple = "{HOST}"
engine = {{ consume-fuel = true, wasm-threads = false, max-wasm-stack = 262144, strategy = "winch" }}
[targets.rust]
triple = "{HOST}"
engine = {{ embedder = "rust" }}
[targets.portable]
triple = "pulley64"
[modules.add]
source = "add.wat"
[modules."deep/greet"]
source = "greet.wat"
[modules.only-portable]
source = "add.wat"
targets = ["portable"]
[modules.imports]
source = "imports.wat"
targets = ["base"]
"""

GREET = """(component
    (core module $m (func (export "answer") (result i32) (i32.const 42)))
    (core instance $i (instantiate $m))
    (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"""
IMPORTS = """(module
    (import "env" "log" (func (param i32)))
    (import "env" "level" (global i32))
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("shipped"), TOML, {"greet.wat": GREET, "imports.wat": IMPORTS})


@pytest.fixture
def copy(build: Path, tmp_path: Path) -> Path:
    shutil.copytree(build, tmp_path / "copy")
    return tmp_path / "copy"


def add(loaded: runtime.Loaded) -> int:
    store = wasmtime.Store(loaded.engine)
    function = wasmtime.Instance(store, loaded.module, []).exports(store)["add"]
    assert isinstance(function, wasmtime.Func)
    return int(function(store, 40, 2))


def test_the_highest_cpu_level_that_this_machine_has(build: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, runtime.LOGGER)
    loaded = runtime.load(build, "add")
    assert add(loaded) == 42
    told = [f"{reason.target}: {type(reason.error).__name__}" for reason in loaded.passed_over]
    assert told[0] == "foreign: OtherArchitectureError"
    if loaded.target == "top":
        assert told == ["foreign: OtherArchitectureError"]
    else:
        # The machine says itself that it lacks what the highest level has.
        assert loaded.target == "second-level"
        assert told[1] == "top: MissingCpuFeatureError"
        assert "needs a CPU with " in loaded.explain()
    assert loaded.explain().startswith(f"add@{loaded.target}: loaded code for {HOST}")
    assert loaded.explain().endswith("; for other machines: foreign")
    assert [record.getMessage() for record in caplog.records if "add@" in record.getMessage()] == [loaded.explain()]
    assert (loaded.name, loaded.id, loaded.triple) == ("add", f"add@{loaded.target}", HOST)
    assert [export.name for export in loaded.artifact.exports] == ["add"]
    assert loaded.path == str(build / loaded.target / "add.cwasm")
    assert loaded.precompiled


def test_a_missing_feature_is_found_once(copy: Path) -> None:
    build = copy
    try:
        runtime.load(build, "add", targets="top")
    except runtime.MissingCpuFeatureError as error:
        first = error
    else:
        pytest.skip("this CPU has all features of the highest level")
    # Not even opened again.
    (build / "top" / "add.cwasm").unlink()
    with pytest.raises(runtime.MissingCpuFeatureError) as caught:
        runtime.load(build, "add", targets="top")
    assert caught.value.feature == first.feature
    assert f"has_{caught.value.feature}" in cpu.levels(ARCHITECTURE)[LEVELS[-1]]
    assert caught.value.hint.startswith("declare a target with a lower cpu, or without that feature")


def test_pulley_when_nothing_else_has_the_module(build: Path) -> None:
    loaded = runtime.load(build, "only-portable")
    assert loaded.target == "portable"
    assert loaded.engine.is_pulley()
    assert add(loaded) == 42
    assert {type(r.error) for r in loaded.passed_over if r.target == "base"} == {runtime.NotInManifestError}
    with pytest.raises(runtime.NoFittingArtifactError) as caught:
        runtime.load(build, "only-portable", fallback=())
    assert caught.value.hint == 'allow it with fallback=("pulley",)'


def test_slower_than_what_was_built_for_this_machine_is_a_warning(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, runtime.LOGGER)
    for name in ("base", "second-level", "top", "fuel"):
        shutil.rmtree(copy / name)
    runtime.load(copy, "only-portable", targets="portable")
    runtime.load(copy, "add")
    runtime.load(copy, "deep/greet")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "DEBUG"]
    assert "base is not here: " in caplog.messages[1]


def test_components_and_modules_in_folders(build: Path) -> None:
    loaded = runtime.load(build, "deep/greet")
    assert loaded.kind == "component"
    store = wasmtime.Store(loaded.engine)
    instance = runtime.instantiate(loaded, component.Linker(loaded.engine), store)
    answer = instance.get_func(store, "answer")
    assert answer is not None
    assert answer(store) == 42
    with pytest.raises(runtime.OtherKindError) as caught:
        loaded.module  # noqa: B018
    assert str(caught.value).startswith(
        f"deep/greet@{loaded.target} is a component, and a core module is needed here; "
    )
    with pytest.raises(
        runtime.OtherKindError, match=r"is a core module, and a component is needed here; take \.module"
    ):
        runtime.load(build, "add").component  # noqa: B018


def test_engines_agree_and_are_shared(build: Path) -> None:
    default = runtime.engine(build)
    assert runtime.load(build, "add").engine is default
    assert runtime.engine(build / "base") is runtime.engine(build, target="second-level") is default
    fuel = runtime.load(build, "add", targets="fuel")
    assert fuel.engine is runtime.engine(build, target="fuel") is not default
    store = wasmtime.Store(fuel.engine)
    store.set_fuel(10_000)
    assert wasmtime.Instance(store, fuel.module, []).exports(store)["add"](store, 1, 2) == 3  # type: ignore[operator]
    assert store.get_fuel() < 10_000


def test_a_shared_engine_that_was_closed_is_made_anew(build: Path) -> None:
    closed = runtime.engine(build)
    closed.close()
    assert runtime.load(build, "add").engine is runtime.engine(build) is not closed


def test_an_engine_of_the_application(build: Path) -> None:
    config = runtime.config(build, target="fuel")
    config.max_wasm_stack = 1 << 20
    own = wasmtime.Engine(config)
    loaded = runtime.load(build, "add", engine=own)
    assert loaded.target == "fuel"
    assert loaded.engine is own
    reasons = {reason.target: reason.error for reason in loaded.passed_over}
    assert isinstance(reasons["base"], runtime.OtherSettingError)
    with pytest.raises(runtime.OtherCodeError, match="is Pulley bytecode, and the engine that was given runs native"):
        runtime.load(build, "only-portable", engine=own, targets="portable")
    pulley = wasmtime.Engine(runtime.config(build, target="portable"))
    assert runtime.load(build, "add", engine=pulley).target == "portable"


def test_an_engine_that_python_cannot_have(build: Path) -> None:
    with pytest.raises(runtime.InexpressibleSettingError, match='has an engine with collector = "copying"'):
        runtime.engine(build, target="rust")
    with pytest.raises(runtime.InexpressibleSettingError):
        runtime.load(build / "rust", "add")


def test_settings_that_no_loader_looks_at_bar_none(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.declare(f"""
[project]
name = "demo"
[toolchain]
wasmtime = "48"
[engine]
generate-address-map = false
memory-guaranteed-dense-image-size = 65536
gc-heap-reservation-for-growth = 65536
[targets.here]
triple = "{HOST}"
runner = {{ python = '{sys.executable}' }}
[modules.add]
source = "add.wat"
""")
    project.run("build")
    assert add(runtime.load(project.build, "add")) == 42
    [entry] = json.loads(project.run("verify", "--json", "build").stdout)["artifacts"]
    assert (entry["level"], entry["message"]) == ("loaded", "")


def test_a_machine_that_was_given_its_own_target_only(copy: Path) -> None:
    for name in ("second-level", "top", "foreign", "fuel", "rust"):
        shutil.rmtree(copy / name)
    loaded = runtime.load(copy, "add")
    assert loaded.target == "base"
    reasons = {reason.target: type(reason.error) for reason in loaded.passed_over}
    assert reasons["second-level"] is runtime.MissingArtifactError
    assert reasons["foreign"] is runtime.OtherArchitectureError


def test_a_target_that_is_taken_away_meanwhile(copy: Path) -> None:
    """What is left of its directory, if anything, is no longer a target to a new process either."""
    first = runtime.load(copy, "add").target
    shutil.rmtree(copy / first)
    second = runtime.load(copy, "add")
    assert second.target != first
    assert {reason.target: str(reason.error) for reason in second.passed_over}[first].startswith(
        f"target {first} is not here: "
    )
    for path in (copy / second.target).iterdir():
        if path.name != "deep":
            path.unlink()
    assert runtime.load(copy, "add").target not in (first, second.target)


@pytest.mark.parametrize("check", ["digest", "size", "none"])
def test_levels_of_trust(copy: Path, check: str) -> None:
    path = copy / "base" / "add.cwasm"
    data = bytearray(path.read_bytes())
    # The name of a symbol, which the loader does not look at.
    at = data.rindex(b"function[0]")
    data[at : at + 8] = b"fun\xfftion"
    path.write_bytes(data)
    if check == "digest":
        with pytest.raises(runtime.DamagedError, match="has SHA-256"):
            runtime.load(copy / "base", "add", check=check)
    else:
        assert add(runtime.load(copy / "base", "add", check=check)) == 42  # type: ignore[arg-type]
    path.write_bytes(bytes(data) + b"\0")
    if check == "none":
        assert add(runtime.load(copy / "base", "add", check=check)) == 42
    else:
        with pytest.raises(runtime.DamagedError):
            runtime.load(copy / "base", "add", check=check)  # type: ignore[arg-type]


def test_what_is_hashed_is_what_is_loaded(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path leads to something else as soon as the file was hashed."""
    from wasmbuild.shipment import artifacts

    path = copy / "base" / "add.cwasm"
    digest = artifacts._digest

    def replaced(*arguments: Any, **options: Any) -> tuple[str, bytes | None]:
        found = digest(*arguments, **options)
        (copy / "new").write_bytes(b"not an artifact")
        os.replace(copy / "new", path)
        return found

    monkeypatch.setattr(artifacts, "_digest", replaced)
    assert add(runtime.load(copy / "base", "add")) == 42


def test_a_file_that_is_written_while_it_is_loaded(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmbuild.runtime import artifacts

    path = copy / "base" / "add.cwasm"
    deserialize = artifacts.deserialize

    def written(*arguments: object) -> object:
        loaded = deserialize(*arguments)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))
        return loaded

    monkeypatch.setattr(artifacts, "deserialize", written)
    with pytest.raises(runtime.DamagedError, match=r"was written to while it was loaded; build again, or copy it"):
        runtime.load(copy / "base", "add")


def test_without_descriptors_that_have_paths(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmbuild.runtime import artifacts

    monkeypatch.setattr(artifacts, "_BY_DESCRIPTOR", False)
    for check in ("digest", "size", "none"):
        assert add(runtime.load(copy, "add", check=check)) == 42  # type: ignore[arg-type]
    assert runtime.load_any(copy / "base" / "add.cwasm", trusted=copy).kind == "module"


def test_a_wasm_file_in_place_of_an_artifact(copy: Path) -> None:
    path = copy / "base" / "add.cwasm"
    path.write_bytes(bytes(wasmtime.wat2wasm("(module)")))
    with pytest.raises(runtime.NotPrecompiledError) as caught:
        runtime.load(copy / "base", "add", check="none")
    assert str(caught.value).startswith(
        f"{path} is a core WebAssembly module, and a precompiled artifact is needed here; compile it with wasmbuild"
    )


def test_published_while_it_was_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage under an index that is no longer the one that was read is none."""
    stale = shipments.find(copy)
    for candidate in stale.native.candidates:
        for module, artifact in candidate.artifacts.items():
            candidate.artifacts[module] = artifact._replace(sha256="0" * 64)
    monkeypatch.setattr("wasmbuild.runtime.shipments._shipments", type(shipments._shipments)())
    fresh = shipments.find(copy)
    assert fresh is not stale
    answers = iter([stale, fresh])
    monkeypatch.setattr(
        publication, "open_shipment", lambda where: OpenShipment(next(answers), ConfinedDirectory(where))
    )
    assert add(runtime.load(copy, "add")) == 42


def test_many_threads(build: Path) -> None:
    results: list[int] = []

    def work() -> None:
        for _ in range(20):
            results.append(add(runtime.load(build, "add")))
            runtime.load(build, "deep/greet")
            runtime.load(build, "only-portable")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [42] * 120


def test_nothing_heavy_is_imported(build: Path) -> None:
    code = f"""
import sys
import wasmtime
before = set(sys.modules)
import wasmbuild.runtime
# What reads manifests is imported with the first of them.
assert not {{"json", "wasmbuild.formats.manifest", "wasmbuild.engine.config"}} & (set(sys.modules) - before)
loaded = wasmbuild.runtime.load({str(build)!r}, "add")
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
assert not new & {{"asyncio", "doit", "inspect", "logging", "multiprocessing", "pydantic", "subprocess", "tomli",
    "tomllib", "unittest", "sqlite3", "importlib_metadata"}}, new
rooms = {{name for name in sys.modules if name.startswith("wasmbuild.")}}
# Of the toolchain, it shares with the children how a Config is made.
rooms -= {{"wasmbuild.toolchain", "wasmbuild.toolchain.configure"}}
assert not any(name.split(".")[1] in ("build", "cli", "doit", "toolchain", "verify") for name in rooms), rooms
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
