"""Command lines that once ended in a traceback, which has the exit code of a failed compile."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mounts import run_under
from support import ADD, HEAD, MODULES, TARGETS, Project, as_nobody

from wasmbuild.cli import main

TOO_LONG = os.strerror(errno.ENAMETOOLONG)
LONG = "x" * 300
posix = pytest.mark.skipif(os.name != "posix", reason="names, modes and signals of POSIX")
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process, in the project's directory."""
    monkeypatch.chdir(project.root)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        error = capfd.readouterr().err
        assert "Traceback" not in error
        return code, error

    return run


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--config", LONG],
        ["build", "--config", LONG],
        ["explain", "x", "--config", LONG],
        ["compile", "add.wat", "--target", "x64", "-o", LONG],
        ["compile", "add.wat", "--target", "x64", "-o", "add.cwasm", "--depfile", LONG],
        ["compile", LONG, "--target", "x64", "-o", "add.cwasm"],
        ["inspect", LONG],
        ["embed", "--lang", "c", "-o", LONG],
        ["embed", "--lang", "c", LONG],
        ["fit", "--config", LONG, "--", "true", "{}"],
        ["fit", "--source", LONG, "--", "true", "{}"],
        ["verify", ".", "--junit", LONG],
        ["verify", LONG],
        ["verify", f"{LONG}/manifest.json"],
    ],
    ids=" ".join,
)
def test_names_that_are_too_long(command: Command, arguments: list[str]) -> None:
    code, error = command(*arguments)
    assert code in (1, 2, 3)
    assert TOO_LONG in error or arguments[0] == "verify"
    if arguments[0] == "verify":
        # Nothing was looked at, so nothing failed.
        assert code == 3


@posix
@pytest.mark.parametrize(
    ("name", "command", "said"),
    [
        ("wasmbuild.toml", "build", "wasmbuild.toml: cannot be read: Permission denied; name a readable file"),
        ("wasmbuild.toml", "verify build", "wasmbuild.toml: cannot be read: Permission denied; name a readable file"),
        ("source", "build", 'modules.deep.source: "source/deep.wat" cannot be read: Permission denied; check that you'),
        ("globbed", "build", '"globbed/*.wat" cannot be looked for in "globbed": Permission denied; make that folder'),
        ("given", "build", '"given" cannot be read: Permission denied; name a directory that is there'),
        ("given/file", "build", '"given/file" cannot be read: Permission denied; put a readable file there'),
        ("add.wat", "build", "add.wat: cannot be read: Permission denied; make it readable"),
        ("add.wat", "manifest", "add.wat: cannot be read: Permission denied; make it readable"),
        ("add.wat", "compile add.wat --target x64 -o x", "add.wat: cannot be read: Permission denied; check that you"),
        (
            "add.wat",
            "compile add.wat --target x64 -o x --record x.json",
            "add.wat: cannot be read: Permission denied; check that you",
        ),
        ("add.wat", "inspect add.wat", "add.wat: cannot be read: Permission denied; check that you"),
    ],
)
def test_what_may_not_be_read_is_a_matter_of_the_host(project: Project, name: str, command: str, said: str) -> None:
    for file in ("source/deep.wat", "globbed/a.wat"):
        project.write(file, ADD)
    project.write("given/file", "")
    tests = '[[modules.deep.tests]]\ncall = "add"\nargs = [1, 2]\nreturns = [3]\nwasi = { dirs = ["given"] }\n'
    globbed = '[modules."globbed-*"]\nsource = "globbed/*.wat"\n'
    project.declare(f'{HEAD}{TARGETS}{MODULES}{globbed}[modules.deep]\nsource = "source/deep.wat"\n{tests}')
    project.run("build", "-q")
    locked = project.root / name
    mode = locked.stat().st_mode
    locked.chmod(0)
    try:
        ended = subprocess.run(
            [*as_nobody(locked), sys.executable, "-m", "wasmbuild", *command.split()],
            cwd=project.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        locked.chmod(mode)
    assert said in ended.stderr
    assert ended.returncode == 3


@posix
def test_what_else_is_wrong_with_a_declaration_is_told_by_the_exit_code(project: Project) -> None:
    closed = project.root / "closed"
    closed.mkdir(mode=0)
    project.declare(f'{HEAD}{TARGETS}{MODULES}[modules.a]\nsource = "closed/a.wat"\n[modules.b]\nsource = "none.wat"\n')
    ended = subprocess.run(
        [*as_nobody(closed), sys.executable, "-m", "wasmbuild", "build"],
        cwd=project.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    closed.chmod(0o700)
    assert ["Permission denied" in line for line in ended.stderr.splitlines()] == [True, False]
    assert ended.returncode == 2


@posix
def test_directories_that_may_not_be_entered(project: Project) -> None:
    locked = project.root / "locked"
    locked.mkdir(mode=0)
    prefix = as_nobody(locked)
    for arguments in (
        "verify locked/x",
        "compile add.wat --target x64 -o locked/x.cwasm",
        "fit --config locked/x.toml -- true {}",
        "embed --lang c locked/x",
    ):
        ended = subprocess.run(
            [*prefix, sys.executable, "-m", "wasmbuild", *arguments.split()],
            cwd=project.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Permission denied" in ended.stdout + ended.stderr
        assert ended.returncode in (2, 3), arguments
        assert "Traceback" not in ended.stderr
        assert ended.returncode in (1, 2, 3)
    locked.chmod(0o700)


def test_keys_with_dots(project: Project, command: Command) -> None:
    text = (project.root / "wasmbuild.toml").read_text()
    project.declare(text.replace("[targets.x64]", '[engine]\n"a.b" = true\n"cranelift-flags.x" = 1\n[targets.x64]'))
    code, error = command("plan")
    assert code == 2
    assert 'wasmbuild.toml: engine."a.b": unknown setting' in error
    assert 'wasmbuild.toml: engine."cranelift-flags.x": unknown setting' in error


@posix
def test_programs_for_fit_that_write_or_remove_what_nobody_expects(project: Project, command: Command) -> None:
    for name, lines in {
        "digits": "printf \"Module was compiled with a memory reservation of '1' but '\"\n"
        "head -c 5000 /dev/zero | tr '\\0' 9\necho \"' is expected for the host\"\nexit 1",
        "removes": 'rm -rf "$(dirname "$1")"\nexit 1',
    }.items():
        project.write(name, f"#!/bin/sh\n{lines}\n").chmod(0o755)
        code, error = command("fit", "--", f"./{name}", "{}")
        assert code == 1
        assert error.startswith(f"error: ./{name} ")


@posix
def test_doit_tells_it_too(project: Project) -> None:
    project.write("dodo.py", "from wasmbuild.doit import load\n_, task_compile, _ = load('wasmbuild.toml').dodo()\n")
    project.declare((project.root / "wasmbuild.toml").read_text() + f'[modules.long]\nsource = "{LONG}.wat"\n')
    ended = subprocess.run(
        [sys.executable, "-m", "doit", "compile"], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert TOO_LONG in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


@posix
def test_two_requests_to_stop_at_any_moment(project: Project, tmp_path: Path) -> None:
    """The interpreter's own start is left out: a program that says when it begins stands for the script of pip."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\nfrom wasmbuild.__main__ import run\nos.write(1, b'.')\nsys.argv[1:] = ['build']\nrun()\n"
    )
    for step in range(8):
        with subprocess.Popen(
            [sys.executable, script], cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            for delay in (step * 0.012, 0.004 * (step % 3)):
                try:
                    process.wait(delay)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
            error = process.communicate(timeout=60)[1].decode()
            assert "Traceback" not in error
            assert process.returncode in (0, 130)
            assert process.returncode == 0 or "interrupted" in error
    project.run("build", "-q")


@posix
@pytest.mark.parametrize("descriptors", [7, 8, 9, 12])
def test_a_host_without_descriptors_is_no_mistake_of_the_project(project: Project, descriptors: int) -> None:
    limited = f'ulimit -n {descriptors}; exec "$0" -m wasmbuild build'
    ended = subprocess.run(
        ["/bin/sh", "-c", limited, sys.executable], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, 3), ended.stderr
    if ended.returncode:
        assert "this process may not open more files; raise the limit (ulimit -n)" in ended.stderr
    project.run("build")
    project.verdicts()


@pytest.mark.skipif(not hasattr(os, "getrandom"), reason="this Python does not start without /dev/urandom")
@pytest.mark.parametrize("command", ["build --target x64", "inspect add.wat"])
def test_a_host_without_a_null_device_is_told_for_what_it_is(project: Project, command: str) -> None:
    ended = run_under("mount -t tmpfs none /dev", *command.split(), cwd=project.root)
    assert ended.returncode == 3, ended.stderr
    assert "no program can be run: there is no /dev/null here; give this container or chroot a /dev\n" in ended.stderr


@posix
def test_a_path_that_the_locale_lacks_is_told_as_such_and_what_is_told_helps(project: Project) -> None:
    project.write("größe.wat", ADD)
    project.declare(HEAD + TARGETS + '[modules.size]\nsource = "größe.wat"\n')
    project.environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = project.run("build", status=2, alone=True).stderr
    assert "gr\\xf6\\xdfe.wat: is a path with characters that this locale lacks" in said
    assert said.endswith("; set LC_ALL=C.UTF-8, or PYTHONUTF8=1\n")
    project.environment["PYTHONUTF8"] = "1"
    project.run("build", alone=True)
