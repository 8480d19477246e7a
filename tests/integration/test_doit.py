"""doit: the same builds as tasks, in a dodo.py of three lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from doit_command import doit
from support import HEAD, MODULES, SUB, TARGETS, Project

DODO = """from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
"""


@pytest.fixture
def dodo(project: Project) -> Project:
    project.write("dodo.py", DODO)
    return project


def test_compile_then_nothing_then_verify(dodo: Project) -> None:
    first = doit(dodo, "compile", alone=True)
    assert "add@x64" in first
    assert "never built" in first
    assert first.splitlines()[-1].startswith("4 artifacts: 4 compiled in ")
    second = doit(dodo, "compile", alone=True)
    assert second.startswith("4 artifacts: 4 up to date in ")
    assert "4 artifacts verified: 2 consistent, 2 loaded" in doit(dodo, "verify", alone=True)
    assert dodo.compiled() == set()


@pytest.mark.parametrize("options", [["-n", "4"], []])
def test_compile_and_verify_in_one_run(dodo: Project, options: list[str]) -> None:
    """The verification waits for the compiles that were selected before it."""
    assert "4 artifacts verified: 2 consistent, 2 loaded" in doit(dodo, *options, "compile", "verify")
    assert dodo.compiled() == set()


# More work at a time than a test has time for.
SLOW = """import time

from wasmbuild.builder.session import Session

real = Session.{method}
Session.{method} = lambda *given, **named: time.sleep(0.5) or real(*given, **named)
"""


def test_a_verification_waits_for_the_index_to_name_all(dodo: Project) -> None:
    """One is not written for each target that comes, or a thousand would take longer than their artifacts."""
    names = [f"t{number}" for number in range(20)]
    dodo.declare(HEAD + MODULES + "".join(f'[targets.{name}]\ntriple = "pulley64"\n' for name in names))
    dodo.write("dodo.py", SLOW.format(method="finish") + DODO)
    assert "40 artifacts verified" in doit(dodo, "-n", "2", "compile", "verify")


def test_without_the_order_of_tasks_manifests_wait_for_what_is_compiled(dodo: Project) -> None:
    dodo.write("dodo.py", SLOW.format(method="compile") + DODO)
    assert "4 artifacts: 4 compiled" in doit(dodo, "-s", "-n", "4", "compile")
    assert dodo.compiled() == set()


def test_without_the_order_of_tasks_manifests_tell_what_was_not_built(dodo: Project) -> None:
    told = "not built when the manifests were written; run `doit compile`, without -s"
    assert told in doit(dodo, "-s", "compile:manifests", status=1)
    dodo.write("add.wat", "(module")
    assert f"add@arm, add@x64: {told}" in doit(dodo, "-s", "-n", "2", "compile", status=2)
    dodo.write("add.wat", SUB)
    assert "2 compiled" in doit(dodo, "compile")


def test_the_default_is_both(dodo: Project) -> None:
    output = doit(dodo)
    assert "4 compiled" in output
    assert "4 artifacts verified" in output


@pytest.mark.parametrize("also", [False, True], ids=["alone", "beside another"])
@pytest.mark.parametrize(
    ("by_hand", "expected"),
    [
        ("os.replace('late.wat', 'sub.wat')", {"sub@x64", "sub@arm"}),
        ("os.unlink('build/x64/sub.cwasm')", {"sub@x64"}),
    ],
    ids=["edited", "deleted"],
)
def test_what_is_done_by_hand_while_doit_runs_the_next_build_finds(
    dodo: Project, by_hand: str, expected: set[str], also: bool
) -> None:
    """This one has looked at all files when ``dodo`` returns, and need not find it."""
    doit(dodo, "compile")
    dodo.write("late.wat", SUB.replace("i32.sub", "i32.mul"))
    dodo.write("dodo.py", f"import os\n{DODO}if os.path.exists('now'):\n    os.unlink('now')\n    {by_hand}\n")
    dodo.write("now", "")
    if also:
        dodo.write("add.wat", SUB)
    assert ("2 compiled, 2 up to date" if also else "4 up to date") in doit(dodo, "compile")
    assert f"{len(expected)} compiled" in doit(dodo, "compile")
    assert dodo.compiled() == set()


def test_what_another_build_made_meanwhile_is_up_to_date(dodo: Project) -> None:
    build = "subprocess.run([sys.executable, '-m', 'wasmbuild.cli', 'build', '-q'], check=True)"
    dodo.write("dodo.py", f"import subprocess, sys\n{DODO}{build}\n")
    output = doit(dodo, "compile")
    assert "4 artifacts: 4 up to date in " in output
    assert "1/4" not in output


def test_one_artifact(dodo: Project) -> None:
    output = doit(dodo, "compile:add@x64")
    assert "1 artifact: 1 compiled" in output
    assert [path.name for path in dodo.build.rglob("*.cwasm")] == ["add.cwasm"]
    assert dodo.compiled() == {"sub@x64", "add@arm", "sub@arm"}


def test_the_last_artifact_of_a_target_brings_its_manifest(dodo: Project) -> None:
    doit(dodo, "compile:add@x64", "compile:sub@x64")
    assert (dodo.build / "x64/manifest.json").is_file()
    assert not (dodo.build / "arm/manifest.json").exists()


def test_everything_again_when_told_so(dodo: Project) -> None:
    doit(dodo, "compile")
    good = dodo.files()
    output = doit(dodo, "-a", "compile")
    assert "asked for" in output
    assert "4 compiled" in output
    assert dodo.files() == good


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["compile"], "2 compiled, 2 up to date"),
        (["-n", "2", "compile:manifests"], "2 compiled, 2 up to date"),
        (["-s", "-n", "0", "compile"], "2 compiled, 2 up to date"),
        (["compile:*"], "2 compiled, 2 up to date"),
        (["--backend", "json", "--db-file", "doit.json", "compile"], "2 compiled, 2 up to date"),
        (["--backend", "dbm", "--db-file", "doit", "compile"], "2 compiled, 2 up to date"),
        (["-a", "-n", "2", "compile", "verify"], "4 compiled"),
        (["-n", "2", "-P", "process", "compile"], "2 compiled, 2 up to date"),
        (["-a", "-n", "2", "-P", "process", "compile"], "4 compiled"),
    ],
    ids=" ".join,
)
def test_what_is_outdated_in_each_way_to_run_doit(dodo: Project, options: list[str], expected: str) -> None:
    dodo.run("build")
    dodo.write("add.wat", SUB)
    assert f"4 artifacts: {expected} in " in doit(dodo, *options)
    assert dodo.compiled() == set()


def test_list_and_info(dodo: Project) -> None:
    assert doit(dodo, "list").splitlines() == [
        "compile   precompile what is out of date, for every target",
        "verify    prove that the artifacts are what was declared and that they load",
    ]
    assert ["compile:add@x64", "x86_64-unknown-linux-gnu"] in [
        line.split() for line in doit(dodo, "list", "--all").splitlines()
    ]
    # doit's exit code says whether the task is up to date.
    before = doit(dodo, "info", "compile:add@x64", status=1)
    assert " - build/x64/add.cwasm\n" in before
    assert " - never built " in before
    doit(dodo, "compile")
    assert " - build/x64/add.cwasm\n" in doit(dodo, "info", "compile:add@x64")


def test_clean_removes_what_was_made(dodo: Project) -> None:
    doit(dodo, "compile")
    dodo.write("build/x64/mine.txt", "mine")
    doit(dodo, "clean", "compile:add@x64")
    assert not (dodo.build / "x64/add.cwasm").exists()
    assert (dodo.build / "x64/sub.cwasm").exists()
    doit(dodo, "clean", "-n")
    assert (dodo.build / ".wasmbuild").is_dir()
    doit(dodo, "clean")
    assert set(dodo.files()) == {"x64/mine.txt"}
    assert not (dodo.build / ".wasmbuild").exists()
    doit(dodo, "compile")
    assert dodo.compiled() == set()


def test_clean_says_nothing_of_what_a_link_leads_to_and_leaves_it(dodo: Project) -> None:
    doit(dodo, "compile")
    (dodo.build / ".wasmbuild").rename(dodo.root / "elsewhere")
    (dodo.build / ".wasmbuild").symlink_to(dodo.root / "elsewhere")
    before = set(os.listdir(dodo.root / "elsewhere"))
    assert "what is remembered" not in doit(dodo, "clean")
    assert set(os.listdir(dodo.root / "elsewhere")) == before
    (dodo.build / ".wasmbuild").unlink()
    (dodo.root / "elsewhere").rename(dodo.build / ".wasmbuild")
    assert "removing what is remembered in 'build/.wasmbuild'\n" in doit(dodo, "clean")


@pytest.mark.parametrize("state_dir", [".", "state"])
def test_clean_removes_no_file_of_yours_from_the_state_directory(dodo: Project, state_dir: str) -> None:
    mine = dodo.write("state/mine.txt", "mine")
    dodo.write("dodo.py", DODO.replace('load("wasmbuild.toml")', f'load("wasmbuild.toml", state_dir="{state_dir}")'))
    before = {path for path in dodo.root.rglob("*") if path.is_file()}
    doit(dodo, "compile")
    doit(dodo, "clean")
    assert mine.read_text() == "mine"
    left = {path for path in dodo.root.rglob("*") if path.is_file() and ".doit" not in path.name} - before
    assert not [path for path in left if "__pycache__" not in path.parts and dodo.build not in path.parents]
    assert before <= {path for path in dodo.root.rglob("*") if path.is_file()}


def test_json(dodo: Project) -> None:
    report = json.loads(doit(dodo, "-r", "json", "-n", "2", "compile"))
    assert {task["name"]: task["result"] for task in report["tasks"]}["compile:add@x64"] == "success"


def test_one_failure_stops_no_other(dodo: Project) -> None:
    dodo.write("add.wat", "(module (func (result i32)))")
    # doit gives 2 where a group of tasks cannot end well.
    output = doit(dodo, "compile", status=2)
    assert "UnmetDependency" not in output
    assert "error: add@x64: wasmtime 48.0.2 ended with status 1: add.wat is not valid WebAssembly" in output
    assert "2 compiled, 2 failed" in output
    assert (dodo.build / "arm/sub.cwasm").exists()
    assert not list(dodo.build.glob("*/manifest.json"))


def test_mistakes_in_the_declaration_are_tasks_that_fail(dodo: Project) -> None:
    dodo.declare(HEAD.replace("name", "nam") + TARGETS + MODULES.replace("sub.wat", "sb.wat"))
    output = doit(dodo, "compile", status=1)
    assert "wasmbuild.toml: project.nam: unknown key; did you mean" in output
    assert 'modules.sub.source: there is no file "sb.wat"; did you mean "sub.wat"?' in output
    assert not dodo.build.exists()
    assert "compile" in doit(dodo, "list")
    doit(dodo, "verify", status=1)


def test_a_tampered_artifact_is_a_failure_of_verify_and_rebuilt_by_compile(dodo: Project) -> None:
    doit(dodo, "compile")
    artifact = dodo.build / "x64/add.cwasm"
    good = artifact.read_bytes()
    artifact.write_bytes(good[:-1] + b"x")
    output = doit(dodo, "verify", status=1)
    assert "add@x64" in output
    assert "FAILED  not intact" in output
    doit(dodo, "compile")
    assert artifact.read_bytes() == good
    doit(dodo, "verify")


@pytest.mark.parametrize("options", [[], ["-n", "2", "-P", "thread"]], ids=["one", "threads"])
def test_a_message_with_characters_that_the_terminal_lacks(
    dodo: Project, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    doit(dodo, "compile")
    artifact = dodo.build / "x64/add.cwasm"
    artifact.write_bytes(artifact.read_bytes()[:-1] + b"x")
    assert "add.cwasm has SHA-256 " in doit(dodo, *options, "verify", status=1, alone=True)
    dodo.write("größe.wat", "(module")
    dodo.declare(HEAD + TARGETS + '[modules.size]\nsource = "größe.wat"\n')
    assert "gr\\xf6\\xdfe.wat" in doit(dodo, *options, "compile", status=2, alone=True)


def test_a_task_of_a_larger_dodo_whose_message_has_characters_that_the_terminal_lacks(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    project.write("dodo.py", "from wasmbuild.doit import load\ndef task_wasm(): yield from load().tasks('wasm')\n")
    project.declare(HEAD + TARGETS + MODULES.replace('"add.wat"', '"add.wat"\nexports = ["größe"]'))
    assert "add.wat: does not export gr\\xf6\\xdfe" in doit(project, "wasm", status=1, alone=True)


def test_whoever_reads_the_first_line_alone_ends_no_build(dodo: Project) -> None:
    command = [sys.executable, "-m", "doit", "compile"]
    with subprocess.Popen(
        command, cwd=dodo.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **dodo.environment}
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert b"Traceback" not in process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert len(list(dodo.build.glob("*/*.cwasm"))) == 4


def test_a_build_directory_that_is_a_file(dodo: Project) -> None:
    dodo.build.write_text("a file")
    output = doit(dodo, "compile", status=2)
    assert output.count("the build directory is a file, not a directory") == 1
    assert "error: add@arm, add@x64, sub@arm, sub@x64: " in output


@pytest.mark.parametrize("options", [[], ["-n", "4"], ["-n", "2", "-P", "process"]])
def test_a_build_directory_that_cannot_be_taken_as_a_whole(dodo: Project, options: list[str]) -> None:
    """What says that all is right has to go before the first artifact does."""
    dodo.run("build")
    dodo.write("add.wat", SUB)
    note = dodo.build / ".wasmbuild" / "noop.json"
    note.unlink()
    note.mkdir()
    good = dodo.files()
    said = doit(dodo, *options, "compile", status=2)
    assert said.count(f"{note}: cannot be removed: ") == 1
    assert "error: add@arm, add@x64: " in said
    assert dodo.files() == good
    note.rmdir()
    assert "4 artifacts: 2 compiled, 2 up to date in " in doit(dodo, *options, "compile")


def test_mistakes_are_told_once_by_a_dodo_of_its_own(dodo: Project) -> None:
    dodo.declare(HEAD.replace("name", "nam") + TARGETS + MODULES)
    assert doit(dodo, "compile", status=1).count("project.nam: ") == 1
