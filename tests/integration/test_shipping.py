"""What travels in a manifest besides artifacts: tests, and sources where they are shipped."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import wasmtime
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project

TESTED = MODULES.replace('"add.wat"', '"add.wat"\n[[modules.add.tests]]\ncall = "add"\nargs = [2, 3]\nreturns = [5]', 1)
SHIPPED = MODULES.replace('"add.wat"', '"add.wat"\nship-source = true', 1)


def entry(project: Project, target: str = "x64", module: str = "add") -> dict[str, Any]:
    manifest = json.loads((project.build / target / "manifest.json").read_text())
    found: dict[str, Any] = next(item for item in manifest["artifacts"] if item["module"] == module)
    return found


def test_tests_travel_and_a_changed_one_compiles_nothing(project: Project) -> None:
    project.compiled()
    project.declare(HEAD + TARGETS + TESTED)
    assert project.compiled() == set()
    assert entry(project)["tests"] == [{"call": "add", "args": [2, 3], "returns": [5]}]
    project.declare(HEAD + TARGETS + TESTED.replace("[5]", "[6]"))
    assert project.compiled() == set()
    assert entry(project)["tests"][0]["returns"] == [6]
    project.declare(HEAD + TARGETS + MODULES)
    assert project.compiled() == set()
    assert "tests" not in entry(project)


def test_a_test_that_does_not_fit_its_module_is_refused_when_it_is_built(project: Project) -> None:
    project.declare(HEAD + TARGETS + TESTED.replace('"add"\nargs', '"plus"\nargs'))
    error = project.run("build", status=1).stderr
    assert "error: add@arm, add@x64: add.wat: modules.add.tests[0].call: " in error
    assert (project.build / "x64/sub.cwasm").exists()


def test_all_that_does_not_fit_a_module_is_told_at_once(project: Project) -> None:
    project.write("add.wat", ADD)
    tests = [
        '{ call = "ad", returns = [] }', '{ call = "add", args = [1], returns = [1] }',
        '{ call = "add", args = [1, 2], returns = [] }',
    ]  # fmt: skip
    demanded = f'"add.wat"\nexports = ["run"]\ntests = [{", ".join(tests)}]'
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', demanded))
    starts = [
        "add.wat: does not export run, which modules.add.exports demands; ",
        'add.wat: modules.add.tests[0].call: there is no export "ad"; ',
        "add.wat: modules.add.tests[1].args: has 1 value, and add takes (i32, i32); ",
        "add.wat: modules.add.tests[2].returns: has 0 values, and add returns (i32); ",
    ]
    whole = project.run("build", status=1).stderr.splitlines()
    step = project.run("compile", "add.wat", "--target", "arm", "-o", "add.cwasm", status=1).stderr.splitlines()
    for told, mark in ((whole, "error: add@arm, add@x64: "), (step, "error: ")):
        found = [line for line in told if "add.wat" in line]
        assert len(found) == len(starts)
        assert all(line.startswith(mark + start) for line, start in zip(found, starts, strict=True))


def test_a_source_is_shipped_kept_right_and_taken_back(project: Project) -> None:
    project.compiled()
    project.declare(HEAD + TARGETS + SHIPPED)
    assert project.compiled() == set()
    shipped = project.build / "x64/add.wasm"
    good = shipped.read_bytes()
    assert good[:4] == b"\0asm"
    assert entry(project)["wasm"]["path"] == "add.wasm"
    assert entry(project)["wasm"]["size"] == len(good)
    assert "wasm" not in entry(project, module="sub")
    assert project.compiled() == set()
    shipped.write_bytes(b"edited")
    assert project.compiled() == set()
    assert shipped.read_bytes() == good
    shipped.unlink()
    assert project.compiled() == set()
    assert shipped.read_bytes() == good
    project.write("add.wat", SUB)
    assert project.compiled() == {"add@x64", "add@arm"}
    assert shipped.read_bytes() != good
    project.write("add.wat", ADD)
    project.compiled()
    project.declare(HEAD + TARGETS + MODULES)
    assert project.compiled() == set()
    assert not list(project.build.rglob("*.wasm"))


@pytest.mark.parametrize(
    "after", [MODULES, TESTED, TESTED.replace("5", "6"), SHIPPED], ids=["plain", "tested", "otherwise", "shipped"]
)
@pytest.mark.parametrize("before", [MODULES, TESTED, SHIPPED], ids=["plain", "tested", "shipped"])
def test_what_travels_is_as_it_is_declared_by_now_when_a_module_comes_too(
    project: Project, before: str, after: str
) -> None:
    project.declare(HEAD + TARGETS + before)
    project.compiled()
    project.declare(HEAD + TARGETS + after + '[modules.also]\nsource = "sub.wat"\n')
    assert project.compiled() == {"also@x64", "also@arm"}
    made = project.files()
    shutil.rmtree(project.build)
    project.compiled()
    assert project.files() == made


@pytest.mark.parametrize("then", ["", '[modules.add]\nsource = "real/x64/add.wasm"\n'])
@pytest.mark.parametrize("build_dir", ["real", "link"])
def test_a_source_beside_its_artifact_is_yours(project: Project, build_dir: str, then: str) -> None:
    """It holds what would be shipped there, also when it is declared no more."""
    source = project.write("real/x64/add.wasm", bytes(wasmtime.wat2wasm(ADD)))
    (project.root / "link").symlink_to("real")
    head = HEAD.replace('"demo"', f'"demo"\nbuild-dir = "{build_dir}"')
    rest = '[modules.sub]\nsource = "sub.wat"\n'
    for declared in ('[modules.add]\nsource = "real/x64/add.wasm"\n', then):
        project.declare(head + TARGETS + declared + rest)
        project.run("build")
        rest += "# another\n"
    assert source.exists()


def test_a_link_in_the_place_of_a_shipped_source_is_made_a_file_again(project: Project) -> None:
    project.declare(HEAD + TARGETS + SHIPPED)
    project.run("build")
    shipped = project.build / "x64/add.wasm"
    whole = shipped.read_bytes()
    shipped.rename(project.root / "elsewhere.wasm")
    shipped.symlink_to(project.root / "elsewhere.wasm")
    project.run("build")
    assert (shipped.is_symlink(), shipped.read_bytes()) == (False, whole)
    project.run("verify", "build")


def test_a_shipped_source_of_a_removed_module_leaves_but_no_file_of_yours(project: Project) -> None:
    project.declare(HEAD + TARGETS + SHIPPED)
    project.compiled()
    project.write("build/x64/sub.wasm", "mine")
    project.declare(HEAD + TARGETS + '[modules.other]\nsource = "add.wat"\n')
    project.compiled()
    assert [path.name for path in project.build.rglob("*.wasm")] == ["sub.wasm"]
