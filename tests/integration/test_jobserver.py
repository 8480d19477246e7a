"""Builds below Make: as many compilers as it has jobs for, one thread each, and no token lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import ADD, HEAD, TARGETS, Project

from wasmbuild.toolchain.search_path import executables

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems have other job servers")

WASMBUILD = f"{sys.executable} -m wasmbuild.cli"
# As docs/build-systems.md has it.
PLUS_BUT_FOR_N = "$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,+)"


class Counted:
    """A compiler that notes how many of it run at once, and whether each has one thread; none goes on while held."""

    def __init__(self, directory: Path, script: Callable[[str, str], Path]) -> None:
        self.log = directory / "log"
        self.held = directory / "held"
        # That of the wheel may lack its run bit.
        real = shutil.copyfile(executables()[0].path, directory / "real")
        real.chmod(0o755)
        body = (
            f'[ "$1" = compile ] || exec {real} "$@"\n'
            f"cd {directory} && mkdir running.$$ && ls -d running.* | wc -l >> log; cd - >/dev/null\n"
            f'case "$*" in *parallel-compilation=n*) ;; *) echo many >> {self.log};; esac\n'
            f"while [ -e {self.held} ]; do sleep 0.05; done\n"
            f'sleep 0.1; {real} "$@"; code=$?; rmdir {directory}/running.$$; exit $code'
        )
        self.path = script(body, "wasmtime 48.0.2 (counted)")

    def numbers(self) -> list[int]:
        lines = self.log.read_text().split()
        assert "many" not in lines
        return list(map(int, lines))


@pytest.fixture
def counted(project: Project, tmp_path: Path, script: Callable[[str, str], Path]) -> Counted:
    for number in range(4):
        project.write(f"more/m{number}.wat", ADD.replace('"add"', f'"add{number}"'))
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "more/*.wat"\n')
    made = Counted(tmp_path, script)
    project.environment["WASMBUILD_WASMTIME"] = str(made.path)
    return made


def make(project: Project, recipe: str) -> str:
    project.write("Makefile", f"all: a b\na b: ; {recipe} --build-dir out-$@\n")
    environment = {**os.environ, **project.environment}
    for name in ("MAKEFLAGS", "CARGO_MAKEFLAGS"):
        environment.pop(name, None)
    ended = subprocess.run(
        ["make", "-j3"], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    # What Make says when a token was lost, or is one too many.
    assert "INTERNAL" not in ended.stderr
    return ended.stderr


@pytest.mark.needs("make")
@pytest.mark.parametrize("plus", ["+", PLUS_BUT_FOR_N])
def test_two_builds_share_the_jobs_of_make(project: Project, counted: Counted, plus: str) -> None:
    make(project, f"{plus}{WASMBUILD} build -q")
    assert len(counted.numbers()) == 16
    assert 1 < max(counted.numbers()) <= 3


@pytest.mark.needs("make")
def test_make_prints_a_recipe_and_does_not_run_it(project: Project) -> None:
    project.write("Makefile", f"all: ; {PLUS_BUT_FOR_N}{WASMBUILD} build -q\n")
    said = subprocess.run(["make", "-n", "-j3"], cwd=project.root, capture_output=True, text=True, check=True).stdout
    assert said == f"{WASMBUILD} build -q\n"
    assert not project.build.exists()


@pytest.mark.needs("make")
def test_a_recipe_without_a_plus_is_one_job(project: Project, counted: Counted) -> None:
    make(project, f"{WASMBUILD} build -q")
    assert len(counted.numbers()) == 16
    # Make of 4.4 and later offers a FIFO, which such a recipe reaches too.
    version = subprocess.run(["make", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert max(counted.numbers()) <= (2 if tuple(map(int, version.split(".")[:2])) < (4, 4) else 3)


SCONS = pytest.mark.needs_modules("SCons")
DODO = 'from wasmbuild.doit import load\n_, task_compile, _ = load("wasmbuild.toml", build_dir=DIRECTORY).dodo()\n'
SCONSTRUCT = """
from wasmbuild.scons import wasmbuild
SConsignFile(DIRECTORY + "/.sconsign")
Environment(tools=[wasmbuild]).Wasmbuild("wasmbuild.toml", DIRECTORY)
"""
WITH_DOIT = f"+{sys.executable} -m doit -f $@_dodo.py -n 4 -P thread --db-file :memory: --backend sqlite3 #"
WITH_SCONS = f"+{sys.executable} -m SCons -Q -f $@_SConstruct -j4 out-$@ #"


@pytest.mark.needs("make")
@pytest.mark.parametrize(
    ("recipe", "name", "text"),
    [
        (WITH_DOIT, "dodo.py", DODO),
        pytest.param(WITH_SCONS, "SConstruct", SCONSTRUCT, marks=SCONS),
    ],
    ids=["doit", "scons"],
)
def test_doit_and_scons_share_the_jobs_of_make(
    project: Project, counted: Counted, recipe: str, name: str, text: str
) -> None:
    for build in ("a", "b"):
        project.write(f"{build}_{name}", text.replace("DIRECTORY", f'"out-{build}"'))
        (project.root / f"out-{build}").mkdir()
    make(project, recipe)
    assert len(counted.numbers()) == 16
    assert 1 < max(counted.numbers()) <= 3


@pytest.mark.parametrize("kind", ["pipe", "fifo"])
def test_an_interrupted_build_gives_all_tokens_back(
    project: Project, counted: Counted, kind: str, tmp_path: Path
) -> None:
    if kind == "pipe":
        read, write = os.pipe()
        flags, inherited = f"--jobserver-auth={read},{write}", (read, write)
    else:
        os.mkfifo(tmp_path / "jobs")
        read = write = os.open(tmp_path / "jobs", os.O_RDWR)
        flags, inherited = f"--jobserver-auth=fifo:{tmp_path / 'jobs'}", ()
    os.write(write, b"abc")
    project.environment["MAKEFLAGS"] = f" -j4 {flags}"
    counted.held.touch()
    process = project.start("build", "-q", pass_fds=inherited, start_new_session=True)
    while not counted.log.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "interrupted" in said) == (130, True), said
    os.set_blocking(read, False)
    assert sorted(os.read(read, 16)) == sorted(b"abc")
    for descriptor in {read, write}:
        os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "name", "text"),
    [
        (("doit", "-n", "4", "-P", "thread", "compile"), "dodo.py", DODO),
        pytest.param(("SCons", "-Q", "-j4"), "SConstruct", SCONSTRUCT, marks=SCONS),
    ],
    ids=["doit", "scons"],
)
def test_doit_and_scons_give_all_tokens_back_when_they_are_asked_to_stop(
    project: Project, counted: Counted, command: tuple[str, ...], name: str, text: str, number: signal.Signals
) -> None:
    project.write(name, text.replace("DIRECTORY", '"build"'))
    project.build.mkdir()
    read, write = os.pipe()
    os.write(write, b"abc")
    counted.held.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=project.root,
        env={**os.environ, **project.environment, "MAKEFLAGS": f" -j4 --jobserver-auth={read},{write}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(read, write),
        start_new_session=True,
    )
    while not counted.log.exists() or len(counted.log.read_text().split()) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) != 0
    os.set_blocking(read, False)
    assert sorted(os.read(read, 16)) == sorted(b"abc")
    for descriptor in (read, write):
        os.close(descriptor)


def test_a_number_of_its_own_counts_more(project: Project, counted: Counted) -> None:
    project.environment["MAKEFLAGS"] = " -j4 --jobserver-auth=97,98"
    project.run("build", "-q", "-j", "2")
    numbers = [int(line) for line in counted.log.read_text().split() if line != "many"]
    assert 1 < max(numbers) <= 2
