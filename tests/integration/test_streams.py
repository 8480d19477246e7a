"""What commands say where nobody hears it: streams that are full, closed, or read no further, and an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import pytest
from matrix import thorough
from shell import device, posix, wasmbuild
from support import Project


def read_only(project: Project) -> IO[bytes]:
    return project.write("read-only", b"").open("rb")


def full(project: Project) -> IO[bytes]:
    return device(project, "full", 7).open("wb")


TALKATIVE = [
    ("plan",),
    ("plan", "--json"),
    ("verify", "build"),
    ("verify", "build", "--json"),
    ("build", "-q", "--json"),
    ("explain", "add@x64"),
    ("inspect", "add.wat"),
    ("embed", "--lang", "c"),
    ("schema", "manifest"),
    ("--help",),
    ("plan", "--help"),
    ("--version",),
]


@posix
@thorough(
    ("open_", "reason", "buffered"),
    [
        (full, "No space left on device", True),
        (full, "No space left on device", False),
        (read_only, "Bad file descriptor", True),
    ],
    always=1,
    ids=["full", "full-unbuffered", "read-only"],
)
def test_standard_output_that_cannot_be_written_is_one_line(
    open_: Callable[[Project], IO[bytes]],
    reason: str,
    buffered: bool,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not buffered:
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    project.run("build", "-q")
    with open_(project) as out:
        for command in TALKATIVE:
            done = wasmbuild(project, *command, stdout=out)
            assert (done.returncode, done.stderr) == (
                3, f"error: standard output cannot be written: {reason}; let it lead somewhere else\n",
            ), command  # fmt: skip


@posix
def test_talk_that_cannot_be_written_changes_nothing(project: Project) -> None:
    with read_only(project) as err:
        assert wasmbuild(project, "build", stderr=err).returncode == 0
        assert wasmbuild(project, "plan", "--config", "none", stderr=err).returncode == 2
    assert project.compiled() == set()


def closing(*numbers: int) -> Callable[[], None]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@posix
@thorough("numbers", [(1,), (0, 1, 2), (2,), (1, 2)], always=2)
def test_closed_streams_lead_nowhere(numbers: tuple[int, ...], project: Project) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        process = project.start(*arguments, preexec_fn=closing(*numbers))
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    status, out, err = run("build")
    assert status == 0
    assert out == ""
    assert err == "" if 2 in numbers else err.splitlines()[-1].startswith("4 artifacts: 4 compiled")
    status, out, err = run("verify", "build", "--junit", "report.xml")
    assert status == 0
    assert out == "" if 1 in numbers else out.endswith("2 loaded\n")
    assert err == "" if 2 in numbers else err.endswith(": wasmbuild audit build\n")
    assert (project.root / "report.xml").read_text().count("<testcase ") == 4
    # Talk of an error is no data.
    assert run("plan", "--config", "none")[:2] == (2, "")
    project.run("verify", "build")


def doit_with_closed(project: Project, numbers: tuple[int, ...], name: str) -> int:
    command = [sys.executable, "-m", "doit", name]
    done = subprocess.run(command, cwd=project.root, capture_output=True, preexec_fn=closing(*numbers))
    assert b"Traceback" not in done.stderr
    return done.returncode


@posix
@thorough("numbers", [(1, 2), (0, 1, 2), (1,), (2,)], always=1)
def test_closed_streams_of_doit_lead_nowhere(numbers: tuple[int, ...], project: Project) -> None:
    three = 'from wasmbuild.doit import load\nDOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()\n'
    project.write("dodo.py", three)
    assert [doit_with_closed(project, numbers, name) for name in ("compile", "verify")] == [0, 0]
    assert project.compiled() == set()
    (project.root / "build/x64/add.cwasm").write_bytes(b"no artifact")
    assert doit_with_closed(project, numbers, "verify") == 1


@posix
def test_a_mistake_that_nobody_hears_of_leaves_other_tasks_alone(project: Project) -> None:
    tasks = 'task_wasm = lambda: load("wasmbuild.toml").tasks(basename="wasm")\ntask_other = lambda: {"actions": []}\n'
    project.write("dodo.py", f"from wasmbuild.doit import load\n{tasks}")
    project.write("wasmbuild.toml", "[project")
    assert [doit_with_closed(project, (2,), name) for name in ("other", "wasm")] == [0, 1]


@pytest.mark.parametrize("command", [("plan",), ("cache", "stats")])
def test_whoever_has_seen_enough_hears_no_complaint(
    command: tuple[str, ...], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMBUILD_CACHE", str(project.root / "cache"))
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as out:
        done = wasmbuild(project, *command, stdout=out)
    assert (done.returncode, done.stderr) == (1, "")


@posix
@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("verify", "build"), "interrupted; not everything was verified, and there is no verdict\n"),
        (
            ("compile", "add.wat", "--target", "x64", "-o", "x"),
            "interrupted; the artifact is the old one or the new one, whole\n",
        ),
    ],
)
def test_an_interruption_has_the_words_of_its_command(project: Project, command: tuple[str, ...], said: str) -> None:
    """The declaration's compiler and the runner never end: they tell that they have started, for each artifact."""
    os.mkfifo(project.root / "started")
    hang = project.write("hang", f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'wasmtime 48.0.2' && exit\n"
                                 f"echo started > {project.root / 'started'}\nexec sleep 600\n")  # fmt: skip
    hang.chmod(0o755)
    project.run("build", "-q")
    text = (project.root / "wasmbuild.toml").read_text()
    if command[0] == "compile":
        project.declare(text.replace('wasmtime = "48"', f'wasmtime = "48"\ncompiler = "{hang}"'))
    else:
        project.declare(text + f'[targets.arm.runner]\ncommand = []\nwasmtime = "{hang}"\n')
    process = project.start(*command)
    with (project.root / "started").open() as started:
        assert started.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", said)
