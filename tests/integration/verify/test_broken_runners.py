"""Runners that end, hang or talk before they run anything, and a loading through them that hangs: who is blamed."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from typing import Any

import pytest
from matrix import thorough
from support import HEAD, MODULES, TARGETS, Project

from wasmbuild.builder.workspace import Workspace
from wasmbuild.engine import host
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.server import Server
from wasmbuild.verify import probes, verify

# The signals of Linux, and a target that runs here.
pytestmark = pytest.mark.skipif(host.triple() != "x86_64-unknown-linux-gnu", reason="runs programs of this host")

X64 = TARGETS[: TARGETS.index("[targets.arm]")]
CALLS = """
[[modules.add.tests]]
call = "add"
args = [1, 2]
returns = [3]
"""
CORRECT = "correct the runner in wasmbuild.toml, or install what is missing"


def runner(program: str, workshop: Any, command: str = "[]", more: str = "") -> str:
    path = sys.executable if program == "python" else workshop.executable.path
    return f"[targets.x64.runner]\ncommand = {command}\n{program} = '{path}'\n{more}"


WRAPPER = """import os, sys, time
{does}
os.execv(sys.argv[1], sys.argv[1:])
"""


def wrapped(project: Project, program: str, workshop: Any, does: str) -> None:
    """Declare a runner whose command is a script that does something before it becomes the program."""
    project.write("wrapper.py", WRAPPER.format(does=does))
    command = f"['{sys.executable}', 'wrapper.py']"
    project.declare(HEAD + X64 + runner(program, workshop, command) + MODULES + CALLS)
    project.run("build")


@pytest.mark.parametrize("program", ["python", "wasmtime"])
@thorough(
    ("does", "ending"),
    [
        (
            "sys.exit('warning: slow\\nno route to the board')",
            {"python": "ended with status 1 (no route to the board)",
             "wasmtime": "ended with status 1 (warning: slow: no route to the board)"},
        ),
        ("os.kill(os.getpid(), 11)", dict.fromkeys(("python", "wasmtime"), "was killed by SIGSEGV")),
        ("sys.exit()", dict.fromkeys(("python", "wasmtime"), "ended without an answer")),
    ],
    always=1,
    ids=["a status", "a signal", "nothing"],
)  # fmt: skip
def test_a_runner_that_ends_before_it_runs_anything_is_blamed_itself(
    project: Project, workshop: Any, program: str, does: str, ending: dict[str, str]
) -> None:
    wrapped(project, program, workshop, does)
    what = "the runner could not be started: it" if program == "python" else "wasmtime --version"
    for entry in project.verdicts(status=1).values():
        assert (entry["level"], entry["failed"]) == ("consistent", "loaded")
        assert entry["message"] == (
            f"cannot be loaded by the runner of its target: {what} {ending[program]}; {CORRECT}"
        )


@pytest.mark.parametrize("program", ["python", "wasmtime"])
def test_a_runner_that_hangs_before_it_runs_anything_is_blamed_itself(
    project: Project, workshop: Any, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    wrapped(project, program, workshop, "time.sleep(1000)")
    monkeypatch.setattr(probes, "Server", partial(Server, start_seconds=1.0))
    targets = Workspace(project.root / "wasmbuild.toml").runners()
    report = verify([project.build], targets=targets, limits=ProcessLimits(seconds=1))
    what = "the runner could not be started: it" if program == "python" else "wasmtime --version"
    assert [entry.message for entry in report.artifacts] == [
        f"cannot be loaded by the runner of its target: {what} did not end within 1 s; {CORRECT}"
    ] * 2


HANGS = '(module (func (export "hangs")))'
SLEEPS = """import time
import wasmtime

load = wasmtime.Module.deserialize_file


def deserialize_file(engine, path):
    with open(path, "rb") as file:
        if b"hangs" in file.read():
            time.sleep(1000)
    return load(engine, path)


wasmtime.Module.deserialize_file = deserialize_file
"""


@pytest.mark.parametrize("program", ["python", "wasmtime"])
@pytest.mark.parametrize(("key", "option"), [("", "3"), ("time-limit = 3\n", "100")], ids=["option", "runner"])
def test_loading_that_hangs_ends_when_its_time_is_up(
    project: Project, workshop: Any, program: str, key: str, option: str
) -> None:
    if program == "python":
        project.write("hooks/sitecustomize.py", SLEEPS)
        declared = runner(program, workshop, more=f"{key}environment = {{ PYTHONPATH = 'hooks' }}\n")
    else:
        does = "if any(b'hangs' in open(a, 'rb').read() for a in sys.argv if a.endswith('.cwasm')): time.sleep(1000)"
        project.write("wrapper.py", WRAPPER.format(does=does))
        declared = runner(program, workshop, f"['{sys.executable}', 'wrapper.py']", key)
    project.write("hangs.wat", HANGS)
    project.declare(HEAD + X64 + declared + MODULES + CALLS + '[modules.hangs]\nsource = "hangs.wat"\n')
    project.run("build")
    found = project.verdicts("--time-limit", option, status=1)
    assert found["hangs@x64"]["message"] == (
        "hangs.cwasm ends the process that loads it, which did not end within 3 s; "
        "raise the time limit, or build again, or copy it again from where it was built"
    )
    assert (found["add@x64"]["level"], found["sub@x64"]["level"]) == ("tested", "loaded")


def test_what_a_runner_writes_before_it_runs_an_executable_is_no_word_of_it(project: Project, workshop: Any) -> None:
    says = "sys.stderr.write('warning: no such feature\\nwarning: slow\\n'); print('Welcome', flush=True)"
    project.write("wrapper.py", WRAPPER.format(does=says))
    declared = runner("wasmtime", workshop, f"['{sys.executable}', 'wrapper.py']")
    quiet = '[modules.quiet]\nsource = "quiet.wat"\ntests = [{ wasi = {}, stdout = "", stderr = "" }]\n'
    project.write("quiet.wat", '(module (memory (export "memory") 1) (func (export "_start")))')
    project.declare(HEAD + X64 + declared + MODULES + CALLS + quiet)
    project.run("build")
    assert {id: found["level"] for id, found in project.verdicts().items()} == {
        "add@x64": "tested", "sub@x64": "loaded", "quiet@x64": "tested",
    }  # fmt: skip


@pytest.mark.parametrize("program", ["python", "wasmtime"])
def test_an_interrupted_verification_ends_at_once_with_all_that_it_started(
    project: Project, workshop: Any, program: str
) -> None:
    project.write("pids", "")
    wrapped(project, program, workshop, "open('pids', 'a').write(f'{os.getpid()}\\n'); time.sleep(1000)")
    verification = project.start("verify", "build", "--time-limit", "600")
    pids = project.root / "pids"
    while not pids.read_text().endswith("\n"):
        assert verification.poll() is None
        time.sleep(0.01)
    verification.send_signal(signal.SIGINT)
    _, err = verification.communicate(timeout=30)
    assert verification.returncode == 130
    assert "Traceback" not in err
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.parametrize("program", ["python", "wasmtime"])
def test_a_runner_whose_program_is_not_there(project: Project, workshop: Any, program: str) -> None:
    command = f"['{sys.executable}', '-c', 'exit(1)']"
    project.declare(f"{HEAD}{X64}[targets.x64.runner]\ncommand = {command}\n{program} = 'bin/gone'\n{MODULES}")
    project.run("build")
    for entry in project.verdicts(status=1).values():
        assert entry["message"].startswith("cannot be loaded by the runner of its target: ")
        assert entry["message"].endswith(f"; {CORRECT}: there is no {project.root / 'bin/gone'} here")


def test_a_file_of_the_project_is_not_taken_for_one_that_is_missing(project: Project, workshop: Any) -> None:
    """An executable loads, and starts nothing, because an import of its is to come from a file that is not there."""
    project.write("missing", "(module)")
    project.declare(HEAD + X64 + runner("wasmtime", workshop) + MODULES)
    project.run("build")
    for entry in project.verdicts().values():
        assert (entry["level"], entry["message"]) == ("loaded", "")


def test_a_declaration_that_cannot_be_read_is_not_passed_over(project: Project, workshop: Any) -> None:
    """Without its runners less would be proved, with the exit code of what was asked for."""
    project.declare(HEAD + X64 + runner("python", workshop) + MODULES)
    project.run("build")
    text = (project.root / "wasmbuild.toml").read_text()
    project.declare(f"{text}\n[broken")
    assert project.run("verify", "build", status=2).stderr.startswith("error: wasmbuild.toml: ")
    project.declare(text.replace("targets.x64.runner", "targets.x64.runer"))
    said = project.run("verify", "build", "--config", "wasmbuild.toml", status=2).stderr
    assert "targets.x64.runer: unknown key; did you mean runner?" in said


@pytest.mark.parametrize("program", ["python", "wasmtime"])
@pytest.mark.parametrize(
    ("triple", "mismatch"),
    [
        ("aarch64-unknown-linux-gnu", "architecture is not aarch64"),
        ("x86_64-unknown-freebsd", "operating system is not freebsd"),
    ],
)
def test_a_runner_of_another_machine_is_blamed_and_not_the_artifact(
    project: Project, workshop: Any, program: str, triple: str, mismatch: str
) -> None:
    other = X64.replace("x86_64-unknown-linux-gnu", triple)
    project.declare(HEAD + other + runner(program, workshop) + MODULES)
    project.run("build")
    for entry in project.verdicts(status=1).values():
        assert (entry["level"], entry["failed"]) == ("consistent", "loaded")
        assert entry["message"] == (
            f"cannot be loaded by the runner of its target: its {mismatch}; correct the runner in wasmbuild.toml"
        )


@pytest.mark.parametrize("asked", [(), ("--json",), ("--config", "wasmbuild.toml")])
def test_nothing_is_said_to_be_right_beside_a_declaration_that_is_not(project: Project, asked: tuple[str, ...]) -> None:
    """One without runners too: it says which known faults are let pass."""
    project.declare(HEAD + X64 + MODULES)
    project.run("build")
    project.declare((project.root / "wasmbuild.toml").read_text().replace("triple", "tripel"))
    ended = project.run("verify", "build", *asked, "--junit", "report.xml", status=2)
    assert ended.stdout == ""
    assert "did you mean triple?" in ended.stderr
    assert not (project.root / "report.xml").exists()


@pytest.mark.parametrize("runs", ["here", "python"])
def test_files_of_a_test_whose_time_is_up_are_removed(project: Project, workshop: Any, runs: str) -> None:
    """Who gives a program files is killed with it."""
    loops = '(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))'
    project.write("hangs.wat", loops)
    tested = "[[modules.hangs.tests]]\ntime-limit = 2\nwasi = { files = { 'secret.txt' = 'hello' } }\n"
    declared = runner("python", workshop) if runs == "python" else ""
    project.declare(HEAD + X64 + declared + f'[modules.hangs]\nsource = "hangs.wat"\n{tested}')
    project.run("build")
    temporary = project.root / "temporary"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)
    verification = project.start("verify", "build", "-q")
    while not list(temporary.rglob("secret.txt")):
        assert verification.poll() is None
        time.sleep(0.01)
    assert "did not end within 2 s" in "".join(verification.communicate(timeout=300))
    assert list(temporary.iterdir()) == []
