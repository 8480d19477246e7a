"""doit: the tasks of a build in a larger project's dodo.py, under its own names and beside its own tasks."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from doit_command import doit
from support import ADD, HEAD, MODULES, SUB, TARGETS, Project


def test_a_larger_project_takes_the_tasks_under_its_own_names(project: Project) -> None:
    host = project.root.parent
    (host / "dodo.py").write_text(
        """from wasmbuild.doit import load

DOIT_CONFIG = {"default_tasks": ["image"], "verbosity": 2}
WASM = load("project/wasmbuild.toml")


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_check():
    return WASM.verify()


def task_image():
    return {
        "actions": ["cat project/build/x64/add.cwasm > image"],
        "file_dep": ["project/build/x64/add.cwasm"],
        "targets": ["image"],
    }
"""
    )
    assert "wasm:add@x64" in doit(project, cwd=host)
    assert (host / "image").read_bytes() == (project.build / "x64/add.cwasm").read_bytes()
    assert not (project.build / "arm").exists()
    project.write("add.wat", SUB)
    doit(project, cwd=host)
    assert (host / "image").read_bytes() == (project.build / "x64/add.cwasm").read_bytes()
    project.write("add.wat", ADD)
    doit(project, "wasm", "check", cwd=host)
    assert project.compiled() == set()


LARGER = """import shutil
import sys

from wasmbuild.doit import load

DOIT_CONFIG = {"verbosity": 2, "backend": "sqlite3"}
WASM = load("project/wasmbuild.toml")


def task_wasm():
    yield from WASM.tasks(basename="wasm")

"""

SHIP = """
def task_ship():
    return {"actions": ["cat project/build/index.json > shipped"], %s}
"""

GENERATE = """
def task_generate():
    return {
        "actions": ["cat template > project/add.wat"],
        "file_dep": ["template"],
        "targets": %s,
    }
"""


@pytest.fixture
def larger(project: Project) -> Project:
    """A project below that of a dodo.py, which tests write."""
    (project.root.parent / "template").write_text(SUB)
    return project


def write_dodo(project: Project, tasks: str) -> Path:
    host = project.root.parent
    (host / "dodo.py").write_text(LARGER + tasks)
    return host


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"], ["-n", "2"]])
@pytest.mark.parametrize("needs", ['"file_dep": ["project/build/index.json"]', '"task_dep": ["wasm:manifests"]'])
def test_what_depends_on_the_index_gets_a_whole_one(larger: Project, options: list[str], needs: str) -> None:
    host = write_dodo(larger, SHIP % needs)
    doit(larger, "wasm", cwd=host)
    larger.write("add.wat", SUB)
    doit(larger, *options, "ship", cwd=host)
    assert [target["name"] for target in json.loads((host / "shipped").read_bytes())["targets"]] == ["x64", "arm"]
    assert larger.compiled() == set()


def test_nothing_is_shipped_where_a_compile_failed_but_whole_targets_are_in_the_index(larger: Project) -> None:
    larger.declare(HEAD + TARGETS + MODULES + 'targets = ["arm"]')
    larger.write("sub.wat", "(module (func (result i32)))")
    host = write_dodo(larger, SHIP % '"task_dep": ["wasm:manifests"]')
    doit(larger, "--continue", "ship", status=2, cwd=host)
    assert not (host / "shipped").exists()
    index = json.loads((larger.build / "index.json").read_bytes())
    assert [target["name"] for target in index["targets"]] == ["x64"]


@pytest.mark.parametrize("selected", [["wasm"], ["wasm:add@x64", "wasm:add@arm"]])
@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"], ["-n", "2"]])
def test_a_source_that_another_task_makes_is_compiled_as_it_is_made(
    larger: Project, options: list[str], selected: list[str]
) -> None:
    host = write_dodo(larger, GENERATE % '["project/add.wat"]')
    doit(larger, *options, *selected, cwd=host)
    larger.compiled()
    (host / "template").write_text(ADD)
    assert "generate" in doit(larger, *options, *selected, cwd=host)
    assert larger.compiled() == set()
    doit(larger, *options, "-a", "generate", cwd=host)
    assert ".  wasm:add" not in doit(larger, *options, *selected, cwd=host)


def test_a_source_that_is_changed_by_a_task_that_does_not_say_so_is_compiled_after_it(larger: Project) -> None:
    host = write_dodo(larger, GENERATE % "[]")
    assert larger.compiled()
    doit(larger, "generate", "wasm", cwd=host)
    assert larger.compiled() == set()


def test_a_source_that_changes_behind_its_compile_is_an_error(larger: Project) -> None:
    host = write_dodo(larger, GENERATE % "[]" + "\n\ndef task_check():\n    return WASM.verify()\n")
    larger.run("build")
    output = doit(larger, "wasm", "generate", "check", status=1, cwd=host)
    assert "not built as declared: add@arm, add@x64; run `doit compile`" in output


def test_a_source_that_is_made_after_the_start_with_create_after(larger: Project) -> None:
    write_dodo(larger, GENERATE % '["project/add.wat"]')
    dodo = larger.root.parent / "dodo.py"
    delayed = '@create_after(executed="generate")\ndef task_wasm'
    text = dodo.read_text().replace("def task_wasm", delayed) + "\n\ndef task_check():\n    return WASM.verify()\n"
    dodo.write_text("from doit import create_after\n" + text)
    (larger.root / "add.wat").unlink()
    assert "4 artifacts verified" in doit(larger, "wasm", "check", cwd=dodo.parent)
    assert larger.compiled() == set()


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"], ["-n", "2"]])
def test_a_source_that_is_not_there_when_doit_starts_is_named(larger: Project, options: list[str]) -> None:
    host = write_dodo(larger, GENERATE % '["project/add.wat"]' + SHIP % '"file_dep": ["project/build/index.json"]')
    dodo = host / "dodo.py"
    named = 'load("project/wasmbuild.toml", sources={"add": "project/add.wat"})'
    dodo.write_text(dodo.read_text().replace('load("project/wasmbuild.toml")', named))
    (larger.root / "add.wat").unlink()
    doit(larger, *options, cwd=host)
    assert (host / "shipped").read_bytes() == (larger.build / "index.json").read_bytes()
    assert larger.compiled() == set()


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"], ["-n", "2"]])
def test_what_ships_waits_for_tasks_that_are_created_late(larger: Project, options: list[str]) -> None:
    ship = SHIP % '"file_dep": ["project/build/index.json"]'
    host = write_dodo(larger, GENERATE % '["project/add.wat"]' + ship)
    dodo = host / "dodo.py"
    text = dodo.read_text().replace("def task_wasm", '@create_after(executed="generate")\ndef task_wasm')
    text = text.replace("def task_ship", '@create_after(executed="wasm")\ndef task_ship')
    dodo.write_text("from doit import create_after\n" + text)
    (larger.root / "add.wat").unlink()
    doit(larger, *options, cwd=host)
    assert (host / "shipped").read_bytes() == (larger.build / "index.json").read_bytes()


def test_doit_has_no_say_in_what_is_up_to_date(larger: Project) -> None:
    """Its database knows nothing of artifacts that the command built, and forgets."""
    host = write_dodo(larger, "")
    larger.run("build")
    for _ in range(2):
        assert "." not in {line[:1] for line in doit(larger, "wasm", cwd=host).splitlines()}
    larger.write("add.wat", ADD + ";; a comment")
    larger.compiled()
    assert "." not in {line[:1] for line in doit(larger, "wasm", cwd=host).splitlines()}


def test_mistakes_are_told_where_another_task_depends_on_a_single_artifact(larger: Project) -> None:
    host = write_dodo(larger, SHIP % '"task_dep": ["wasm:add@x64"]')
    larger.declare(HEAD.replace("name", "nam") + TARGETS + MODULES)
    assert "wasmbuild.toml: project.nam: unknown key; did you mean" in doit(larger, "ship", status=3, cwd=host)


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"]])
def test_a_task_may_build_in_the_same_directory(larger: Project, options: list[str]) -> None:
    """Between two compiles, which doit would otherwise wait for with the directory taken."""
    host = write_dodo(
        larger,
        """
def task_again():
    return {
        "actions": [f"{sys.executable} -m wasmbuild.cli build --config project/wasmbuild.toml --lock-timeout 60"],
        "task_dep": ["wasm:add@x64"],
    }
""",
    )
    output = doit(larger, *options, "again", "wasm:sub@x64", cwd=host)
    assert "has not ended" not in output
    assert larger.compiled() == set()


def test_shipped_sources_are_targets(larger: Project) -> None:
    larger.declare(HEAD + TARGETS + MODULES + "ship-source = true\n")
    host = write_dodo(
        larger,
        """
def task_copy():
    return {
        "actions": [(shutil.copyfile, ["project/build/x64/sub.wasm", "copy.wasm"])],
        "file_dep": ["project/build/x64/sub.wasm"],
        "targets": ["copy.wasm"],
    }
""".replace("(shutil.copyfile, [", "(lambda *paths: shutil.copyfile(*paths) and None, ["),
    )
    for _ in range(2):
        doit(larger, "copy", cwd=host)
        assert (host / "copy.wasm").read_bytes() == (larger.build / "x64/sub.wasm").read_bytes()
        doit(larger, "clean", "wasm", "wasm:manifests", cwd=host)
        assert larger.files() == {}
        doit(larger, "wasm", cwd=host)


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"], ["-n", "2"]])
def test_a_verification_that_names_what_it_follows_runs_anywhere(larger: Project, options: list[str]) -> None:
    host = write_dodo(larger, '\ndef task_check():\n    return WASM.verify(basename="wasm")\n')
    for source in (ADD, SUB):
        larger.write("add.wat", source)
        assert "4 artifacts verified" in doit(larger, *options, "check", cwd=host)
    assert larger.compiled() == set()


ASKING = """
def task_size():
    return {
        "actions": ["echo %(size)s %(sha256)s %(path)s > asked"],
        "getargs": {key: ("wasm:add@x64", key) for key in ("size", "sha256", "path")},
        "task_dep": ["wasm:add@x64"],
    }


def told(digests):
    with open("digests", "w") as file:
        print(*sorted(f"{name}={digest}" for name, digest in digests.items()), file=file)


def task_all():
    return {"actions": [told], "getargs": {"digests": ("wasm", "sha256")}, "task_dep": ["wasm"]}
"""


@pytest.mark.parametrize(
    ("backend", "options"),
    [("dbm", []), ("json", ["-n", "2", "-P", "thread"]), ("sqlite3", ["-n", "2"])],
)
def test_other_tasks_are_told_what_was_made(larger: Project, options: list[str], backend: str) -> None:
    host = write_dodo(larger, f"DOIT_CONFIG['backend'] = {backend!r}\n" + ASKING)
    artifact = larger.build / "x64/add.cwasm"

    def asked() -> None:
        data = artifact.read_bytes()
        told = f"{len(data)} {hashlib.sha256(data).hexdigest()} project/build/x64/add.cwasm\n"
        assert (host / "asked").read_text() == told
        digests = dict(entry.split("=") for entry in (host / "digests").read_text().split())
        assert set(digests) == {"add@x64", "add@arm", "sub@x64", "sub@arm", "manifests"}
        assert digests["manifests"] == hashlib.sha256((larger.build / "index.json").read_bytes()).hexdigest()

    doit(larger, "run", *options, "size", "all", cwd=host)
    asked()
    # Up to date, and the database is new.
    for database in host.glob(".doit.db*"):
        database.unlink()
    output = doit(larger, "run", *options, "size", "all", cwd=host)
    assert ".  wasm:add@x64" not in output
    asked()
    assert "-- size" in doit(larger, "run", *options, "size", "all", cwd=host)
    # Built by the command meanwhile.
    larger.write("add.wat", SUB.replace("i32.sub", "i32.xor"))
    larger.run("build")
    doit(larger, "run", *options, "size", "all", cwd=host)
    asked()


def test_projects_stand_side_by_side_and_forget_and_clean_are_each_ones_own(larger: Project) -> None:
    other = Project(larger.root.parent / "other")
    tasks = """
OTHER = load("other/wasmbuild.toml")


def task_other():
    yield from OTHER.tasks(basename="other")


def task_check():
    return OTHER.verify(basename="other")


def task_image():
    return {"actions": ["cat other/build/x64/add.cwasm > image"], "task_dep": ["other:add@x64"]}
"""
    host = write_dodo(larger, tasks)
    output = doit(larger, "image", cwd=host)
    assert "other:add@x64" in output
    assert "other:sub@x64" not in output
    assert (host / "image").read_bytes() == (other.build / "x64/add.cwasm").read_bytes()
    doit(larger, "-n", "2", "-P", "thread", cwd=host)
    assert other.files() == larger.files()
    assert "'source': 'other/add.wat'" in doit(larger, "info", "other:add@x64", cwd=host)
    doit(larger, "forget", "other", cwd=host)
    assert "-- other:add@x64" in doit(larger, "other", cwd=host)
    doit(larger, "clean", "other:*", cwd=host)
    assert other.files() == {}
    assert larger.compiled() == set()


PLACED = """
import shutil

from wasmbuild.doit import load

WASM = load(
    "project/wasmbuild.toml",
    build_dir="out",
    state_dir="state",
    sources={"add": "made.wat"},
    targets=["x*"],
    program=PROGRAM,
)


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_generate():
    return {
        "actions": [(lambda: shutil.copyfile("template", "made.wat") and None, [])],
        "file_dep": ["template"],
        "targets": ["made.wat"],
    }
"""


def test_a_build_is_placed_as_calls_of_python_place_it(larger: Project) -> None:
    host = larger.root.parent
    (host / "dodo.py").write_text(PLACED.replace("PROGRAM", '"x86_64-unknown-linux-gnu"'))
    # The source is another task's to make.
    doit(larger, "-n", "2", "-P", "thread", "wasm", cwd=host)
    assert {path.name for path in (host / "out").iterdir()} == {"index.json", "x64"}
    assert (host / "state" / "noop.json").exists()
    assert not larger.build.exists()
    assert "wasm:add@x64" not in {
        line.removeprefix(".  ") for line in doit(larger, "wasm", cwd=host).splitlines() if line.startswith(".")
    }
    (host / "template").write_text(ADD)
    assert ".  wasm:add@x64" in doit(larger, "wasm", cwd=host)
    (host / "dodo.py").write_text(PLACED.replace("PROGRAM", '"nonsense"'))
    assert doit(larger, "wasm:add@x64", status=3, cwd=host).startswith("program: 'nonsense' ")


def test_files_above_are_told_as_seen_from_the_dodo(project: Project) -> None:
    host = project.root.parent / "inner"
    host.mkdir()
    (host / "dodo.py").write_text(
        """from wasmbuild.doit import load


def task_wasm():
    yield from load("../project/wasmbuild.toml").tasks(basename="wasm")
"""
    )
    project.write("add.wat", "(module (func")
    output = doit(project, status=1, cwd=host)
    assert os.path.join("..", "project", "add.wat") + ": is not valid WebAssembly text" in output
    (project.root / "add.wat").unlink()
    output = doit(project, status=1, cwd=host)
    assert os.path.join("..", "project", "wasmbuild.toml") + ": modules.add.source: there is no file" in output
    assert str(project.root) not in output
