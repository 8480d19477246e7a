"""Two lines of Wasmtime in one declaration: one build, one verification, each target by the library of its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import wheels
from matrix import thorough
from support import ADD, Project

from wasmbuild import runtime
from wasmbuild.engine import host
from wasmbuild.runtime import engines
from wasmbuild.toolchain import find, installed, lockfile, search_path

OTHER = 49
COMPONENT = """(component
  (core module $m (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"""
DECLARATION = f"""
[project]
name = "fleet"
[toolchain]
wasmtime = "48"
compiler = "embedded"
[targets.next]
triple = "{host.triple()}"
wasmtime = "{OTHER}"
[targets.now]
triple = "{host.triple()}"
[targets.next-portable]
triple = "pulley64"
wasmtime = "{OTHER}"
"""
MODULES = "".join(
    f"""
[modules.{name}]
source = "{name}.wat"
[[modules.{name}.tests]]
call = "add"
args = [1, 2]
returns = [3]
"""
    for name in ("core", "component")
)
IDS = {f"{module}@{target}" for module in ("core", "component") for target in ("next", "now", "next-portable")}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project with two lines, and a user who has installed nothing but the library of the other line."""
    if engines.library_line() != 48:
        pytest.skip("is about line 48 and another one")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    project = Project(tmp_path / "project")
    project.write("core.wat", ADD)
    project.write("component.wat", COMPONENT)
    project.declare(DECLARATION + MODULES)
    return project


def install(fleet: Project) -> None:
    fleet.run("toolchain", "install", str(OTHER), "--library", "--from", str(wheels.of_line(OTHER)))


def test_without_the_other_line_it_is_said_what_to_install(fleet: Project) -> None:
    said = fleet.run("build", status=2).stderr
    assert f"is Wasmtime {engines.library_version()}, not {OTHER}" in said
    assert f"beside it: wasmbuild toolchain install {OTHER} --library" in said


def test_one_build_and_one_verification(fleet: Project) -> None:
    install(fleet)
    assert fleet.compiled() == IDS
    assert fleet.compiled() == set()
    compilers = {}
    for target in ("next", "now", "next-portable"):
        manifest = json.loads((fleet.build / target / "manifest.json").read_bytes())
        compilers[target] = manifest["wasmtime"]["compiler"]
        assert manifest["wasmtime"]["major"] == int(compilers[target].partition(".")[0])
    assert compilers["now"] == engines.library_version()
    assert {compilers["next"].partition(".")[0], compilers["next-portable"].partition(".")[0]} == {str(OTHER)}

    found = fleet.verdicts()
    assert {id: entry["level"] for id, entry in found.items()} == dict.fromkeys(IDS, "tested")
    # Of each line the reference is its own: a flipped setting of the one is found by its name in both.
    for target in ("now", "next"):
        manifest = fleet.build / target / "manifest.json"
        document = json.loads(manifest.read_bytes())
        manifest.write_text(json.dumps({**document, "engine": {"embedder": "c-api", "epoch-interruption": True}}))
        entries = json.loads(fleet.run("verify", "--json", str(manifest), status=1).stdout)["artifacts"]
        assert {entry["failed"] for entry in entries} == {"consistent"}
        assert all("epoch-interruption" in entry["message"] for entry in entries)


@pytest.mark.slow
def test_each_command_says_the_line(fleet: Project) -> None:
    install(fleet)
    fleet.run("build")
    paths = fleet.run("toolchain", "which").stdout.split()
    assert len(paths) == 2
    assert paths[1] == str(search_path.library())
    assert paths[0].startswith(str(installed.directory(installed.LIBRARIES)))
    plan = json.loads(fleet.run("plan", "--json").stdout)
    assert [target["wasmtime"]["line"] for target in plan["targets"]] == [OTHER, 48, OTHER]
    checked = json.loads(fleet.run("toolchain", "check", "--json").stdout)
    assert [(row["name"], row["compiler"].partition(".")[0]) for row in checked["targets"]] == [
        ("next", str(OTHER)), ("next-portable", str(OTHER)), ("now", "48"),
    ]  # fmt: skip
    audited = json.loads(fleet.run("audit", "--json", "build").stdout)
    assert {entry["compiler"].partition(".")[0] for entry in audited["artifacts"]} == {"48", str(OTHER)}
    assert "its line" not in fleet.run("embed", "--lang", "c", "--target", "now").stderr
    assert f"For Wasmtime {OTHER}," in fleet.run("embed", "--lang", "python", "--target", "next").stdout
    said = fleet.run("embed", "--lang", "c", status=2).stderr
    assert f"the target next is for Wasmtime {OTHER} and now for 48" in said


@pytest.mark.slow
def test_a_line_that_only_a_library_compiles_keeps_no_other_from_being_locked(fleet: Project) -> None:
    install(fleet)
    fleet.declare(DECLARATION.replace('compiler = "embedded"', "") + MODULES)
    said = fleet.run("lock").stderr
    assert (
        f"left out: what compiles for Wasmtime {OTHER} here is a library, and wasmbuild.lock names executables" in said
    )
    assert f"run: wasmbuild toolchain install {OTHER}" in said
    (locked,) = lockfile.read(fleet.root)
    assert locked.line == 48
    fleet.run("build")
    # A line that was locked is never dropped.
    other = locked._replace(request=str(OTHER), version=f"{OTHER}.0.0")
    both = fleet.write("wasmbuild.lock", lockfile.to_bytes([locked, other])).read_bytes()
    assert "here is a library" in fleet.run("lock", status=2).stderr
    assert (fleet.root / "wasmbuild.lock").read_bytes() == both


@pytest.mark.slow
def test_what_is_of_one_line_is_not_made_again_for_the_other(fleet: Project) -> None:
    install(fleet)
    fleet.run("build")
    fleet.declare(DECLARATION.replace(f'wasmtime = "{OTHER}"', "", 1) + MODULES)
    assert fleet.compiled() == {"core@next", "component@next"}
    assert fleet.reasons("core@next") == []
    fleet.declare(DECLARATION + MODULES)
    [reason] = fleet.reasons("core@next")
    assert reason.startswith(f"compiler {engines.library_version()} → {OTHER}.0.0")


@thorough("named_by", ["toolchain.compiler", "WASMBUILD_WASMTIME"], always=1)
def test_an_executable_that_is_named_compiles_for_its_own_line(fleet: Project, named_by: str) -> None:
    install(fleet)
    executable = find.find("cli", 48, ".")
    choice = "auto"
    if named_by == "WASMBUILD_WASMTIME":
        fleet.environment[named_by] = executable.path
    else:
        choice = executable.path
    declared = DECLARATION.replace('compiler = "embedded"', f'compiler = "{choice}"') + MODULES
    fleet.declare(declared)
    assert fleet.compiled() == IDS
    assert fleet.compiled() == set()
    ended = fleet.run("toolchain", "which")
    assert ended.stdout.split()[1] == executable.path
    assert f"{executable.version}: {named_by.replace('toolchain.', '[toolchain] ')} names it" in ended.stderr
    assert f"{OTHER}.0.0: the library of the wasmtime package, installed by wasmbuild," in ended.stderr
    # Of a line that nobody declares it is a mistake, as ever.
    fleet.declare(declared.replace('wasmtime = "48"', f'wasmtime = "{OTHER}"'))
    assert f"{executable.path} is Wasmtime {executable.version}, not {OTHER}" in fleet.run("build", status=2).stderr


def test_an_application_gets_what_is_of_its_line(fleet: Project) -> None:
    install(fleet)
    fleet.run("build")
    loaded = runtime.load(fleet.build, "core")
    assert loaded.target == "now"
    with pytest.raises(runtime.OtherLineError) as caught:
        runtime.load(fleet.build, "core", targets="next")
    assert f"is for Wasmtime {OTHER}, and the library of the wasmtime package" in caught.value.problem
    told, _, _ = caught.value.hint.partition(" under [toolchain] or in the target, or install that line: ")
    assert told == 'build again with wasmtime = "48"'
    fleet.declare(DECLARATION.replace(f'wasmtime = "{OTHER}"', 'wasmtime = "48"', 1) + MODULES)
    fleet.run("build")
    assert runtime.load(fleet.build, "core", targets="next").target == "next"
