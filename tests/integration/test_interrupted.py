"""Builds that are killed, that run at the same time, or that find no room: nothing wrong, half or lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from matrix import thorough
from mounts import run_under
from support import ADD, ALL, HEAD, MODULES, SUB, TARGETS, Project

posix = pytest.mark.skipif(os.name != "posix", reason="signals and file systems of POSIX")

MANY = 8
DODO = """from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load().dodo()
"""


@pytest.fixture
def larger(project: Project) -> Project:
    """A project whose build takes long enough to be killed in the middle."""
    return _enlarged(project)


# While it is held, the first compile goes on, and the others wait to be killed.
HELD = """\
#!/bin/sh
if [ "$1" = compile ] && [ -d {hold} ] && ! mkdir {hold}/first 2> /dev/null; then
    exec sleep 1000
fi
exec {real} "$@"
"""


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the wheel's, which may lack its run bit."""
    copied = tmp_path_factory.mktemp("executable") / "wasmtime"
    shutil.copy(Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime", copied)
    copied.chmod(0o755)
    return copied


@pytest.fixture
def hold(larger: Project, executable: Path, tmp_path: Path) -> Path:
    """Hold builds of ``larger`` in the middle, however busy this machine is, until this directory is removed."""
    hold, compiler = tmp_path / "hold", tmp_path / "held"
    hold.mkdir()
    compiler.write_text(HELD.format(hold=hold, real=executable))
    compiler.chmod(0o755)
    path = larger.root / "wasmbuild.toml"
    path.write_text(path.read_text().replace(HEAD, f'{HEAD}compiler = "{compiler}"\n'))
    return hold


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], float]:
    """What a build of ``larger`` makes that nothing disturbs, and how many seconds it takes."""
    project = _enlarged(Project(tmp_path_factory.mktemp("undisturbed")))
    started = time.monotonic()
    project.compiled()
    return project.files(), time.monotonic() - started


def _enlarged(project: Project) -> Project:
    for number in range(MANY):
        functions = '(func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 7)))'
        functions += f"(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const {number})))" * 700
        project.write(f"many/m{number}.wat", f"(module {functions})")
    project.declare(HEAD + TARGETS + '[modules."*"]\nsource = "many/*.wat"\n')
    return project


def assert_whole(project: Project) -> None:
    """Check that every artifact with a record is what the record says, and that manifests name only what is there."""
    # Compilers of a killed build go on for a while, in a directory that the next build removes.
    for record in project.build.glob("[!.]*/*.cwasm.json"):
        data = json.loads(record.read_text())
        artifact = record.with_name(record.name.removesuffix(".json"))
        if artifact.exists():
            assert artifact.read_bytes()[:4] == b"\x7fELF"
            assert data["id"].endswith(f"@{record.parent.name}")
    for artifact in project.build.glob("[!.]*/*.cwasm"):
        assert artifact.with_name(artifact.name + ".json").exists()
    if list(project.build.glob("*/manifest.json")):
        project.run("verify", *(str(path) for path in project.build.glob("*/manifest.json")))


def wait_for_one(project: Project, process: subprocess.Popen[str]) -> None:
    """Wait until a build has made one artifact."""
    while not list(project.build.glob("*/*.cwasm")):
        assert process.poll() is None
        time.sleep(0.002)


@posix
@thorough("seed", range(4), always=2)
def test_killed_at_any_moment_the_next_build_is_right(
    larger: Project, undisturbed: tuple[dict[str, bytes], float], seed: int
) -> None:
    expected, usual = undisturbed
    moments = random.Random(seed)  # noqa: S311 -- moments, not secrets
    for _ in range(2):
        process = larger.start("build", start_new_session=True)
        time.sleep(moments.uniform(0.1, usual))
        # The process alone, as the system would: its compilers go on for a while.
        process.kill()
        process.communicate()
        if larger.build.exists():
            assert_whole(larger)
    larger.run("build")
    assert larger.files() == expected
    assert not list(larger.build.rglob(".wasmbuild-*"))
    assert larger.compiled() == set()


@posix
def test_killed_while_it_rebuilds_no_manifest_lies(larger: Project) -> None:
    larger.compiled()
    for number in range(MANY):
        path = larger.root / f"many/m{number}.wat"
        path.write_text(path.read_text().replace("i32.const 7", "i32.const 8"))
    process = larger.start("build", start_new_session=True)
    while len(list(larger.build.glob("*/manifest.json"))) == 2 and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert_whole(larger)
    larger.run("build")
    larger.run("verify", "build")
    assert larger.compiled() == set()


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_stops_at_once_and_leaves_nothing(larger: Project, hold: Path, number: signal.Signals) -> None:
    process = larger.start("build", start_new_session=True)
    wait_for_one(larger, process)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    shutil.rmtree(hold)
    assert process.returncode == 130
    assert error.endswith("interrupted; what was finished is whole, and the next build goes on from there\n")
    assert "Traceback" not in error
    assert not list(larger.build.rglob(".wasmbuild-*"))
    assert_whole(larger)
    done = {path.relative_to(larger.build).as_posix() for path in larger.build.glob("*/*.cwasm")}
    rebuilt = larger.compiled()
    assert len(rebuilt) == 2 * MANY - len(done)


@posix
@pytest.mark.parametrize(
    "options", [(), ("-n", "2"), ("-n", "2", "-P", "process")], ids=["one", "threads", "processes"]
)
def test_asked_to_stop_doit_says_what_is_left_and_no_more(
    larger: Project, hold: Path, options: tuple[str, ...]
) -> None:
    larger.write("dodo.py", DODO)
    command = [sys.executable, "-m", "doit", *options, "compile"]
    process = subprocess.Popen(
        command, cwd=larger.root, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_one(larger, process)
    # As Ctrl-C does: all processes of the terminal's job are told.
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    shutil.rmtree(hold)
    assert error == "interrupted; what was finished is whole, and the next run goes on from there\n"
    assert process.returncode == -signal.SIGINT
    assert_whole(larger)
    larger.run("build")
    larger.run("verify", "build")


def test_two_builds_at_once_do_the_work_once(larger: Project) -> None:
    processes = [larger.start("build", "--json") for _ in range(2)]
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    compiled = [entry["id"] for report in reports for entry in report["artifacts"] if entry["outcome"] == "compiled"]
    assert len(compiled) == len(set(compiled)) == 2 * MANY
    assert not list(larger.build.rglob(".wasmbuild-*"))
    larger.run("verify", "build")


@posix
def test_a_build_can_refuse_to_wait(project: Project) -> None:
    import fcntl

    project.compiled()
    project.write("add.wat", SUB)
    with (project.build / ".wasmbuild/lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        error = project.run("build", "--lock-timeout", "0.2", status=3).stderr
    assert error.startswith("error: build/.wasmbuild/lock: process ")
    assert error.endswith("is building here and has not ended within 0.2 s; wait for it to end, or longer than that\n")
    assert project.compiled() == {"add@x64", "add@arm"}


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """Mount a file system of 600 kB as the build directory."""
    project.build.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(project.build)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield project.build
    subprocess.run(["umount", str(project.build)], check=True)


@pytest.mark.needs("mount")
def test_a_full_disk_is_said_and_what_was_there_stays(project: Project, small_disk: Path) -> None:
    only = HEAD + TARGETS[: TARGETS.index("[targets.arm]")] + MODULES
    project.declare(only)
    assert project.compiled() == {"add@x64", "sub@x64"}
    good = project.files()
    project.declare(HEAD + TARGETS + MODULES)
    (small_disk / "filler").write_bytes(bytes(350_000))
    error = project.run("build", status=3).stderr
    assert "no space is left" in error.lower() or "No space left on device" in error
    assert "free some" in error
    left = project.files()
    assert all(left[name] == good[name] for name in good if name != "index.json")
    assert not list(small_disk.rglob(".wasmbuild-*"))
    (small_disk / "filler").unlink()
    project.run("build")
    project.run("verify", "build")
    assert project.compiled() == set()


@posix
@pytest.mark.parametrize("kind", ["file", "read-only", "dangling"])
def test_a_build_directory_that_cannot_be_written(project: Project, kind: str) -> None:
    if kind == "file":
        project.build.write_text("a file")
        said = "error: build: the build directory is a file, not a directory; move it away, or set another build-dir\n"
    elif kind == "dangling":
        project.build.symlink_to("nowhere")
        said = (
            "error: build/.wasmbuild/lock: cannot lock the build directory: what has to be its directory is "
            "a file, or a link that leads nowhere; move that away, or name another state or build directory\n"
        )
    else:
        # Not even root makes directories there.
        project.build.symlink_to("/proc/sys")
        said = "error: build/.wasmbuild/lock: cannot lock the build directory: "
    error = project.run("build", status=3).stderr
    assert error.startswith(said)
    assert len(error.splitlines()) == 1


def test_a_disk_that_has_no_room_for_the_lock(project: Project) -> None:
    project.build.mkdir()
    ended = run_under("mount -t tmpfs -o nr_inodes=2 none build", "build", cwd=project.root)
    assert (ended.returncode, ended.stderr) == (
        3,
        "error: build/.wasmbuild/lock: cannot lock the build directory: No space left on device; free some "
        "space there, or name another state or build directory\n",
    )


def test_a_source_that_changes_while_it_is_built_is_noticed(project: Project, executable: Path, tmp_path: Path) -> None:
    """The compiler itself edits the source, after it was read."""
    project.compiled()
    compiler = tmp_path / "wasmtime"
    source = project.root / "add.wat"
    compiler.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {executable} --version\n'
        f"printf '%s' '{SUB}' > {source}\nexec {executable} \"$@\"\n"
    )
    compiler.chmod(0o755)
    project.declare(HEAD + f'compiler = "{compiler}"\n' + TARGETS + MODULES)
    source.write_text(ADD)
    outcomes = project.outcomes("-j", "1", status=1)
    assert "failed" in {outcomes["add@x64"], outcomes["add@arm"]}
    assert not (project.build / "index.json").exists() or "x64" not in (project.build / "index.json").read_text()
    project.run("build")
    project.run("verify", "build")
    assert project.compiled() == set()
    assert set(outcomes) == ALL
