"""Line 36, whose releases load what they compiled themselves and nothing else: from its declaration to its audit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import wheels
from matrix import thorough
from support import ADD, Project

from wasmbuild import runtime
from wasmbuild.engine import host, lines, triples
from wasmbuild.formats import cwasm
from wasmbuild.line_check import __main__ as line_check
from wasmbuild.toolchain import executable

LINE, OTHER_RELEASE = 36, "36.0.0"
COMPONENT = """(component
  (core module $m (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"""
IDS = {f"{module}@{target}" for module in ("core", "component") for target in ("here", "portable", "far")}


@pytest.fixture
def program() -> Path:
    return wheels.executable_of_line(LINE)


@pytest.fixture
def release(program: Path) -> str:
    return executable.identify(program).version


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Path) -> Project:
    """Make a project of line 36, and a user who has installed nothing but an executable of it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    project = Project(tmp_path / "project")
    project.write("core.wat", ADD)
    project.write("component.wat", COMPONENT)
    project.run("toolchain", "install", str(LINE), "--from", str(program))
    return project


def declare(project: Project, wasmtime: str, runtime: str | None = None) -> None:
    far = "aarch64" if triples.parse(host.triple() or "").architecture == "x86_64" else "x86_64"
    project.declare(
        f"""
        [project]
        name = "lts"
        [toolchain]
        wasmtime = "{wasmtime}"
        {f'[engine]{chr(10)}runtime = "{runtime}"' if runtime else ""}
        [targets.here]
        triple = "{host.triple()}"
        [targets.portable]
        triple = "pulley64"
        [targets.far]
        triple = "{far}-unknown-linux-gnu"
        [modules.core]
        source = "core.wat"
        tests = [{{ call = "add", args = [1, 2], returns = [3] }}]
        [modules.component]
        source = "component.wat"
        """
    )


def verdict(project: Project) -> dict[str, Any]:
    """Return what becomes of an artifact whose manifest was changed, which the index would not have."""
    report = json.loads(project.run("verify", "--json", "build/here", status=1).stdout)
    return next(entry for entry in report["artifacts"] if entry["id"] == "core@here")


def test_all_that_is_done_with_a_line(project: Project, release: str) -> None:
    declare(project, str(LINE), release)
    assert project.compiled() == IDS
    assert project.compiled() == set()
    for artifact in project.build.rglob("*.cwasm"):
        assert cwasm.read(artifact.read_bytes()).version == release
    levels = {id: entry["level"] for id, entry in project.verdicts().items()}
    assert {id: level for id, level in levels.items() if id.endswith("@far")} == {
        "core@far": "consistent",
        "component@far": "consistent",
    }
    assert {levels["core@here"], levels["core@portable"]} == {"tested"}
    assert {levels["component@here"], levels["component@portable"]} == {"loaded"}

    project.run("lock")
    assert f'request = "{release}"' in (project.root / "wasmbuild.lock").read_text()
    assert project.compiled() == set()
    assert f"is up to date: {release}" in project.run("lock", "--bump").stderr
    assert project.run("toolchain", "check").stdout.count("compiles SIMD, bulk memory, passive data, tables") == 3
    assert f"Wasmtime {release} precompiled" in project.run("inspect", "build/here/core.cwasm").stdout
    audited = json.loads(project.run("audit", "--json").stdout)["artifacts"]
    assert {entry["compiler"] for entry in audited} == {entry["runtime"] for entry in audited} == {release}
    assert {advisory["id"] for advisory in audited[0]["advisories"]} >= {"GHSA-mghf-wjfp-p5xm", "GHSA-897f-g5gm-fmxm"}


def test_another_release_compiles_nothing(project: Project, release: str) -> None:
    declare(project, str(LINE), OTHER_RELEASE)
    said = project.run("build", status=2).stderr
    assert f"no compiler of Wasmtime {OTHER_RELEASE} was found" in said
    assert f"is Wasmtime {release}, and what it compiles does not load in {OTHER_RELEASE}" in said
    assert f"    wasmbuild toolchain install {OTHER_RELEASE}\n" in said
    assert not list(project.build.rglob("*.cwasm"))


def test_another_release_that_is_named_is_refused(project: Project, program: Path, release: str) -> None:
    declare(project, str(LINE), OTHER_RELEASE)
    config = project.root / "wasmbuild.toml"
    config.write_text(config.read_text().replace("[toolchain]", f'[toolchain]\ncompiler = "{program}"'))
    [said] = project.run("build", status=2).stderr.splitlines()
    assert f"{program} is Wasmtime {release}, and what it compiles does not load in {OTHER_RELEASE}" in said
    assert said.endswith("; name another executable there, or change the release that is declared")
    # That mends it.
    config.write_text(config.read_text().replace(OTHER_RELEASE, release))
    assert project.compiled() == IDS


def test_what_inspect_tells_to_type_loads_them(project: Project, program: Path, release: str) -> None:
    declare(project, release)
    project.compiled()
    for target in ("here", "portable"):
        artifact = project.build / target / "core.cwasm"
        said = project.run("inspect", str(artifact)).stdout
        [command] = re.findall(r"command  (wasmtime run .*)", said)
        assert "deserialize_file(engine, path)" not in said
        words = [str(program), *command.split()[1:], str(artifact)]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_another_release_loads_nothing_of_an_audit(project: Project, release: str) -> None:
    declare(project, release)
    project.compiled()
    said = project.run("audit", "--runtime", OTHER_RELEASE, status=2).stderr
    assert f"--runtime {OTHER_RELEASE} loads none of these artifacts, which {release} compiled" in said
    assert project.run("audit", "--runtime", release).stdout == project.run("audit").stdout


def test_applications_in_python_are_told_that_they_cannot_load_them(project: Project, release: str) -> None:
    declare(project, release)
    said = project.run("embed", "--lang", "python", "--target", "here", status=2).stderr
    assert "the library of Wasmtime 36 loads what its own release compiled alone" in said
    [usable] = re.findall(r"build on line (\d+) or ", said)
    assert lines.get(int(usable)).library
    for language in ("c", "rust"):
        assert project.run("embed", "--lang", language, "--target", "here").stdout
    project.compiled()
    with pytest.raises(runtime.OtherLineError) as caught:
        runtime.load(project.build / "here", "core")
    assert "pip install" not in str(caught.value)


def test_the_release_has_to_be_known(project: Project) -> None:
    declare(project, str(LINE))
    [said] = project.run("build", status=2).stderr.splitlines()
    assert "toolchain.wasmtime: a release of Wasmtime 36 loads what it compiled itself and nothing else" in said
    declare(project, "36.0.1", "36.0.2")
    [said] = project.run("build", status=2).stderr.splitlines()
    assert said.endswith('and runtime under [engine] is 36.0.2; write "36.0.2", or leave runtime out')


def test_what_another_release_is_to_load_is_not_consistent(project: Project, release: str) -> None:
    declare(project, release)
    project.compiled()
    manifest = project.build / "here" / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace(f'"runtime": "{release}"', f'"runtime": "{OTHER_RELEASE}"'))
    found = verdict(project)
    assert found["failed"] == "consistent"
    assert f"does not load in Wasmtime {OTHER_RELEASE}" in found["message"]
    assert f"wasmbuild toolchain install {OTHER_RELEASE} gets it" in found["message"]
    # Nor is it what its manifest says, where that names another compiler.
    manifest.write_text(text.replace(f'"{release}"', f'"{OTHER_RELEASE}"'))
    found = verdict(project)
    assert f"is of Wasmtime {release}, and its manifest says {OTHER_RELEASE}" in found["message"]


def test_nothing_else_on_this_machine_loads_them(
    project: Project, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, release)
    project.compiled()
    monkeypatch.setenv("XDG_DATA_HOME", str(project.root / "nothing"))
    assert project.verdicts()["core@here"]["level"] == "intact"
    assert f"wasmbuild toolchain install {release}" in project.run("verify", "build/here", "-v").stdout


@pytest.mark.slow
def test_the_library_of_the_line_is_another_release_and_refuses(project: Project, release: str, tmp_path: Path) -> None:
    declare(project, release)
    project.compiled()
    with zipfile.ZipFile(wheels.of_line(LINE)) as wheel:
        wheel.extractall(tmp_path / "library")
    code = "import sys, wasmtime; wasmtime.Module.deserialize_file(wasmtime.Engine(), sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(project.build / "here" / "core.cwasm")],
        env={"PYTHONPATH": str(tmp_path / "library")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert f"incompatible Wasmtime version '{release}'" in ended.stderr


def test_a_test_that_its_executable_cannot_run_asks_for_no_library(project: Project, release: str) -> None:
    declare(project, release)
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(f'{declared}tests = [{{ call = "add", args = [1, 2], returns = [3] }}]\n')
    project.run("build")
    here = project.verdicts()["component@here"]
    assert (here["level"], here["lacks"]) == ("loaded", "calls")
    assert here["message"].endswith("; nothing does: the library of Wasmtime 36 is not used")


def test_its_library_is_not_installed(project: Project) -> None:
    said = project.run("toolchain", "install", str(LINE), "--library", status=2).stderr
    assert "the library of Wasmtime 36 is not used; " in said
    assert said.rstrip().endswith("leave out --library: wasmbuild toolchain install 36")


@thorough(
    "setting",
    ['strategy = "winch"', "signals-based-traps = false", "wasm-custom-page-sizes = true", "wasm-exceptions = true"],
    always=1,
)
def test_what_its_headers_lack_is_not_written_for_c(project: Project, release: str, setting: str) -> None:
    declare(project, release)
    declaration = project.root / "wasmbuild.toml"
    declaration.write_text(
        declaration.read_text().replace("[targets.here]", f"[targets.here]\nengine = {{ {setting} }}")
    )
    said = project.run("embed", "--target", "here", "--lang", "c", status=2).stderr
    assert f"engine.{setting}: the C API of Wasmtime 36 has no way to set it" in said
    assert "pub fn config" in project.run("embed", "--target", "here", "--lang", "rust").stdout


WINCH = 'strategy = "winch"'


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("(module (tag) (func (throw 0)))", "exceptions"),
        ("(module (func (param exnref) (throw_ref (local.get 0))))", "exceptions"),
        ("(module (type $f (func)) (type $k (cont $f)) (func (param (ref $k))))", "stack switching"),
        (
            "(module (type $f (func)) (type $k (cont $f)) (func $g) (elem declare func $g) "
            "(func (drop (cont.new $k (ref.func $g)))))",
            "stack switching",
        ),
        # Of the proposal that was replaced: (module (func try catch_all end))
        (bytes.fromhex("0061736d01000000 0104016000000302 01000a0801 06000640190b0b"), "exceptions"),
    ],
)
def test_what_it_has_no_code_for_is_told_whether_its_setting_is_on_or_not(
    project: Project, release: str, source: str | bytes, uses: str
) -> None:
    project.write("core.wat", source)
    without = f"core.wat uses {uses}, which Wasmtime 36 has no code for; build it without"
    for engine in ("", WINCH, f"wasm-{uses.replace(' ', '-')} = true"):
        declare_features(project, release, engine)
        said = project.run("build", status=1).stderr
        # Winch takes no declarations of them either.
        assert f"{without}\n" in said or (engine == "" and f"{without}, or, if it only declares " in said)
    # For programs whose engines have it.
    project.write("core.wat", ADD)
    project.run("build")
    project.run("toolchain", "check")


@pytest.mark.parametrize(
    ("source", "setting"),
    [
        ('(module (tag (export "e") (param i32)))', "wasm-exceptions"),
        ("(module (type $f (func)) (type (cont $f)))", "wasm-stack-switching"),
    ],
)
def test_what_only_declares_such_things_compiles_with_the_setting_that_is_told(
    project: Project, release: str, source: str, setting: str
) -> None:
    project.write("core.wat", source)
    declare_features(project, release, "")
    said = project.run("build", status=1).stderr
    assert (
        f"has no code for; build it without, or, if it only declares such things and what loads it turns that on, "
        f"write {setting} = true under [engine]\n"
    ) in said
    declare_features(project, release, f"{setting} = true")
    project.run("build")
    project.run("verify", "build")


def declare_features(project: Project, release: str, engine: str) -> None:
    project.declare(
        f'[project]\nname = "lts"\n[toolchain]\nwasmtime = "{release}"\n'
        f"[engine]\n{'' if engine == WINCH else 'wasm-function-references = true'}\n{engine}\n"
        '[targets.t]\ntriple = "x86_64-unknown-linux-gnu"\n[modules.core]\nsource = "core.wat"\n'
    )


@pytest.mark.parametrize(
    ("source", "triple", "lacks"),
    [
        ('(module (func (export "f") (param externref)))', "x86_64-unknown-linux-gnu", "needs gc-support, which"),
        (
            "(module (table 1 funcref) (elem declare func $f) (func $f (table.set (i32.const 0) (ref.func $f))))",
            "x86_64-unknown-linux-gnu",
            "has code that",
        ),
        ("(module (func (result v128) (v128.const i32x4 0 0 0 0)))", "aarch64-unknown-linux-gnu", "has code that"),
        ("(module (func (drop (i32x4.splat (i32.const 1)))))", "aarch64-unknown-linux-gnu", "has code that"),
        ("(module (memory 1) (func (drop (v128.load (i32.const 0)))))", "aarch64-unknown-linux-gnu", "has code that"),
    ],
)
def test_what_its_winch_lacks_compiles_without_winch(
    project: Project, release: str, source: str, triple: str, lacks: str
) -> None:
    project.write("core.wat", source)
    declaration = (
        f'[project]\nname = "lts"\n[toolchain]\nwasmtime = "{release}"\n[engine]\n{WINCH}\n'
        f'[targets.t]\ntriple = "{triple}"\n[modules.core]\nsource = "core.wat"\n'
    )
    project.declare(declaration)
    said = project.run("build", status=1).stderr
    assert f"core.wat {lacks} {WINCH} of [engine] lacks in Wasmtime 36; remove that setting, leave" in said
    project.declare(declaration.replace(WINCH, ""))
    project.run("build")


@pytest.mark.slow
def test_the_file_of_the_line_is_what_its_executable_does(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = line_check.main([str(LINE), "--compiler", str(program)])
    assert code == 0, capsys.readouterr().out


def test_the_settings_of_a_program_are_found(project: Project, program: Path) -> None:
    run = [str(program), "run", "--allow-precompiled"]
    found = project.run("fit", "--line", str(LINE), "--", *run, "-Wfuel=1", "{}").stdout
    assert found == '[engine]\nembedder = "c-api"\nconsume-fuel = true\n'
    told = project.run("fit", "--line", "48", "--", *run, "{}", status=1).stderr
    assert "has a Wasmtime of another line than 48, and none from 38 to 63" in told
