"""Builds on a Dask cluster, with a real scheduler and real workers that die, hang, lie and lack things."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import Cluster, heavy
from support import ALL, HEAD, MODULES, TARGETS, Project

from wasmbuild.builder.executors import cluster as clusters
from wasmbuild.builder.executors.cluster import ClusterPatience
from wasmbuild.toolchain.find import find

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two workers that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("shared"))
    for name in ("one", "two"):
        cluster.worker(name)
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers, which may be harmed."""
    settings = {"WORKER_TTL": "5s", "ALLOWED_FAILURES": "1"}  # by default 5 min and 3
    named = {f"DASK_DISTRIBUTED__SCHEDULER__{name}": value for name, value in settings.items()}
    cluster = Cluster(tmp_path / "cluster", named)
    yield cluster
    cluster.close()


@pytest.fixture
def large(project: Project) -> Project:
    """A project whose build takes two workers some seconds."""
    names = [f"m{number}" for number in range(6)]
    for number, name in enumerate(names):
        project.write(f"{name}.wat", heavy(400, seed=number))
    modules = "".join(f'[modules.{name}]\nsource = "{name}.wat"\n' for name in names)
    project.declare(HEAD + TARGETS + modules)
    return project


def build(project: Project, cluster: Cluster, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Build on a cluster, as a user does, by a process."""
    return project.run("build", "--executor", cluster.address, *arguments, status=status, alone=True)


def local(project: Project, tmp_path: Path) -> dict[str, bytes]:
    """Return what a build on this machine makes of a project."""
    root = tmp_path / "local"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns("build"))
    other = Project.__new__(Project)
    other.root, other.build, other.environment = root, root / "build", {}
    other.run("build")
    return other.files()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line of progress of a build."""
    assert process.stderr is not None
    while line := process.stderr.readline():
        if line.startswith("["):
            return line
    raise AssertionError("the build ended without a line")


class TestWhole:
    def test_the_bytes_are_those_of_a_local_build(self, project: Project, shared: Cluster, tmp_path: Path) -> None:
        report = json.loads(build(project, shared, "--json").stdout)
        assert {entry["id"]: entry["outcome"] for entry in report["artifacts"]} == dict.fromkeys(ALL, "compiled")
        assert {entry["worker"] for entry in report["artifacts"]} <= {"one", "two"}
        assert project.files() == local(project, tmp_path)
        assert project.compiled() == set()

    def test_progress_says_where(self, project: Project, shared: Cluster) -> None:
        said = build(project, shared).stderr
        assert said.count("  on one; ") + said.count("  on two; ") == 4
        assert "4 artifacts: 4 compiled on " in said

    def test_an_artifact_that_does_not_compile_stops_no_other(self, project: Project, shared: Cluster) -> None:
        project.write("add.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\xff")
        project.declare(HEAD + TARGETS + MODULES.replace("add.wat", "add.wasm"))
        ended = build(project, shared, "--json", status=1)
        outcomes = {entry["id"]: entry for entry in json.loads(ended.stdout)["artifacts"]}
        assert {id for id, entry in outcomes.items() if entry["outcome"] == "compiled"} == {"sub@x64", "sub@arm"}
        here = json.loads(project.run("build", "--json", status=1).stdout)["artifacts"]
        # The command that is shown is the one that failed, with the path of the compiler there.
        assert [entry["error"].partition("\n")[0] for entry in here if entry["outcome"] == "failed"] == [
            outcomes[id]["error"].partition("\n")[0] for id in ("add@x64", "add@arm")
        ]

    def test_from_doit_by_the_environment(self, project: Project, shared: Cluster) -> None:
        project.write(
            "dodo.py",
            'from wasmbuild.doit import load\nDOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()\n',
        )
        ended = subprocess.run(
            [sys.executable, "-m", "doit", "-n", "4", "compile"],
            cwd=project.root,
            env={**os.environ, "WASMBUILD_EXECUTOR": shared.address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.count("  on one; ") + ended.stdout.count("  on two; ") == 4
        assert project.compiled() == set()

    def test_where_the_declaration_says(self, project: Project, shared: Cluster) -> None:
        project.declare(HEAD + f'[build]\nexecutor = "{shared.address}"\n' + TARGETS + MODULES)
        for _ in range(2):  # read, and remembered
            assert "4 artifacts: 4 compiled on " in project.run("build", alone=True).stderr
            shutil.rmtree(project.build)
        assert "4 artifacts: 4 compiled in " in project.run("build", "--executor", "local").stderr
        shutil.rmtree(project.build)
        code = "from wasmbuild.api import build; print(len(build().compiled))"
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False
        )
        assert (ended.stdout, ended.stderr) == ("4\n", "")
        assert "Run out-of-band function 'examine'" in shared.log("one")

    def test_compiled_again_elsewhere(self, project: Project, shared: Cluster) -> None:
        project.run("build")
        said = build(project, shared, "--check-reproducible").stderr
        assert "4 artifacts compiled again: 4 with the same bytes" in said

    def test_what_is_up_to_date_asks_no_scheduler(self, project: Project) -> None:
        project.run("build")
        ended = project.run("build", "--executor", "dask://127.0.0.1:1", alone=True)
        assert ended.stderr == "4 artifacts are up to date\n"

    def test_a_local_build_knows_nothing_of_dask(self, project: Project) -> None:
        code = "import sys; from wasmbuild.cli import main; main(['build', '-q']); print(*sys.modules)"
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=True
        )
        loaded = set(ended.stdout.split())
        assert not {"distributed", "dask", "asyncio", "wasmbuild.builder.executors.dask"} & loaded
        assert (project.build / "x64/add.cwasm").exists()


class TestWorkers:
    def test_one_that_lacks_the_compiler_is_sent_it_once(
        self, project: Project, cluster: Cluster, tmp_path: Path
    ) -> None:
        # Bytes behind its end make an executable another one, which does the same.
        ours = tmp_path / "wasmtime"
        shutil.copy(find("cli", 48, ".").path, ours)
        with ours.open("ab") as file:
            file.write(b"of this test")
        project.environment["WASMBUILD_WASMTIME"] = str(ours)
        cluster.worker("bare")
        said = build(project, cluster).stderr
        assert "sending the compiler to bare\n" in said
        assert "4 compiled on 1 worker" in said
        shutil.rmtree(project.build)
        assert "sending" not in build(project, cluster).stderr
        kept = [path for path in (cluster.root / "cache").rglob("wasmtime") if path.read_bytes() == ours.read_bytes()]
        assert len(kept) == 1

    def test_one_that_dies_is_done_without(self, large: Project, cluster: Cluster, tmp_path: Path) -> None:
        for name in ("one", "two"):
            cluster.worker(name)
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.signal("two", signal.SIGKILL)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "12 artifacts: 12 compiled on " in said
        assert large.files() == local(large, tmp_path)

    def test_one_that_joins_has_its_share(self, large: Project, cluster: Cluster) -> None:
        cluster.worker("one")
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.worker("late")
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "  on late; " in said

    def test_one_that_hangs_is_done_without(self, large: Project, cluster: Cluster, tmp_path: Path) -> None:
        for name in ("one", "two"):
            cluster.worker(name)
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.signal("two", signal.SIGSTOP)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "12 artifacts: 12 compiled on " in said
        assert large.files() == local(large, tmp_path)

    def test_one_that_another_version_runs_on_is_passed_over(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("old", preload=SET_VERSION)
        said = build(project, cluster, status=3).stderr
        assert said.splitlines()[-2:] == [
            f"error: no worker of the Dask scheduler at 127.0.0.1:{cluster.port} can compile for this build:",
            "    old has wasmbuild 0.0.1, and this machine has 0.1.0; install the same on both",
        ]
        cluster.worker("right")
        said = build(project, cluster).stderr
        assert "passed over: old has wasmbuild 0.0.1, and this machine has 0.1.0; install the same on both\n" in said
        assert "4 compiled on 1 worker" in said

    def test_one_without_wasmbuild(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("plain", preload=NOT_INSTALLED)
        said = build(project, cluster, status=3).stderr
        assert said.splitlines()[-1] == (
            "    plain has no wasmbuild, or another one than here; run there: pip install 'wasmbuild[dask]==0.1.0'"
        )

    def test_one_without_room_is_passed_over(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("full", preload=NO_ROOM)
        said = build(project, cluster, status=3).stderr
        assert said.splitlines()[-1].startswith("    full has no room to compile: No space left on device")
        assert not project.build.exists() or not list(project.build.glob("*/manifest.json"))
        cluster.worker("right")
        assert "4 compiled on 1 worker" in build(project, cluster).stderr

    def test_what_kills_its_workers_is_an_error_of_the_artifact(self, project: Project, cluster: Cluster) -> None:
        for name in ("one", "two", "three", "four", "five"):
            cluster.worker(name, preload=DIES_OF_ADD)
        project.declare(HEAD + '[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n' + MODULES)
        ended = build(project, cluster, "--json", status=1)
        outcomes = {entry["id"]: entry for entry in json.loads(ended.stdout)["artifacts"]}
        assert outcomes["sub@x64"]["outcome"] == "compiled"
        assert outcomes["add@x64"]["error"].startswith(
            "workers died while they compiled it, again and again, the last "
        )

    @pytest.mark.parametrize(
        ("lie", "message"),
        [
            ("another", "answered with the artifact of another request"),
            ("bytes", "answered with an artifact that is damaged"),
            ("nothing", "answered with something that is no answer"),
        ],
    )
    def test_one_that_answers_with_something_else(
        self, project: Project, cluster: Cluster, lie: str, message: str
    ) -> None:
        cluster.worker("liar", preload=LIES + f"LIE = {lie!r}\n")
        project.declare(HEAD + '[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n' + MODULES)
        ended = build(project, cluster, "-j", "1", "--json", status=1)
        outcomes = {entry["id"]: entry for entry in json.loads(ended.stdout)["artifacts"]}
        assert sorted(entry["outcome"] for entry in outcomes.values()) == ["compiled", "failed"]
        (error,) = [entry["error"] for entry in outcomes.values() if entry["outcome"] == "failed"]
        assert error.startswith(f"the worker liar {message}")
        assert not (project.build / "x64/manifest.json").exists()


class TestScheduler:
    @pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
    def test_one_that_is_lost_is_one_error(
        self, large: Project, cluster: Cluster, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(connect=5, lost=3, answer=1, stop=2))
        cluster.worker("one")
        killed = large.root / "killed"
        script = f"import glob, os, time\nwhile not glob.glob({str(large.build / 'x64/*.cwasm')!r}): time.sleep(0.01)\n"
        script += f"os.kill({cluster.scheduler.pid}, {int(number)})\nopen({str(killed)!r}, 'w')\n"
        with subprocess.Popen([sys.executable, "-c", script]):
            ended = large.run("build", "--executor", cluster.address, status=3)
        assert killed.exists()
        errors = [line for line in ended.stderr.splitlines() if "error" in line.lower()]
        assert errors == [ended.stderr.splitlines()[-1]]
        assert errors[0].startswith(f"error: the Dask scheduler at 127.0.0.1:{cluster.port} does not answer any more: ")
        assert large.compiled() < {f"m{number}@{target}" for number in range(6) for target in ("x64", "arm")}

    def test_one_that_is_lost_is_told_in_time(self, large: Project, cluster: Cluster) -> None:
        cluster.worker("one")
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.signal("scheduler", signal.SIGSTOP)
            # What it takes to be told is what is promised, and what holds it is this limit.
            _, said = process.communicate(timeout=90)
        assert process.returncode == 3
        assert "does not answer any more" in said

    def test_without_a_worker(self, project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(workers=1))
        ended = project.run("build", "--executor", cluster.address, status=3)
        assert ended.stderr.splitlines()[-1] == (
            f"error: the Dask scheduler at 127.0.0.1:{cluster.port} has had no worker for 1 s; "
            f"start one: dask worker 127.0.0.1:{cluster.port}"
        )

    def test_none_there(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(connect=1))
        ended = project.run("build", "--executor", "dask://127.0.0.1:1", status=3)
        assert ended.stderr.splitlines()[-1].startswith("error: there is no Dask scheduler at 127.0.0.1:1: ")

    @pytest.mark.parametrize("address", ["dask://", "dask://host:99999", "http://host:8786", "somewhere", "dask://a b"])
    def test_no_address(self, project: Project, address: str) -> None:
        ended = project.run("build", "--executor", address, status=2)
        assert ended.stderr == (
            f'error: executor: "{address}" is no place to compile; '
            f'write "local", or "dask://HOST:8786" for a scheduler of Dask\n'
        )

    def test_without_the_extra(self, project: Project) -> None:
        code = (
            "import sys; sys.modules['distributed'] = None; from wasmbuild.cli import main; "
            "sys.exit(main(['build', '--executor', 'dask://127.0.0.1:1']))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 2
        assert ended.stderr == (
            "error: dask://127.0.0.1:1: Dask is not installed here; run: pip install 'wasmbuild[dask]'\n"
        )


def test_interrupted_nothing_is_left_running(project: Project, cluster: Cluster) -> None:
    cluster.worker("one")
    for name in ("add", "sub"):
        project.write(f"{name}.wat", heavy(3000))
    with project.start("build", "--executor", cluster.address) as process:
        deadline = time.monotonic() + 120
        while not cluster.children("one"):
            assert time.monotonic() < deadline, process.poll()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("interrupted")
    assert cluster.children("one") == []
    # The cluster is as good as before, and has nothing else to do.
    for name in ("add", "sub"):
        project.write(f"{name}.wat", heavy(1))
    assert "4 artifacts: 4 compiled on 1 worker" in build(project, cluster).stderr
    assert cluster.log("one").count("Run out-of-band function 'stop'") == 1


SET_VERSION = """
from wasmbuild.builder.executors import remote
remote.__version__ = "0.0.1"
"""

NOT_INSTALLED = """
import sys

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "wasmbuild":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing)
"""

NO_ROOM = """
import errno, os, tempfile

right = tempfile.mkdtemp

def full(suffix=None, prefix=None, dir=None):
    if prefix == "wasmbuild-":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch")
    return right(suffix, prefix, dir)

tempfile.mkdtemp = full
"""

DIES_OF_ADD = """
import os
from wasmbuild.builder.executors import remote
right = remote.compile

def compile(asked, wasm, build):
    if b'"add.wat"' in asked:
        os._exit(1)
    return right(asked, wasm, build)

remote.compile = compile
"""

LIES = """
from wasmbuild.builder.executors import remote
right = remote.compile
before = []

def compile(asked, wasm, build):
    answer = right(asked, wasm, build)
    before.append(answer)
    if len(before) == 1:
        return answer
    if LIE == "another":
        return before[0]
    if LIE == "bytes":
        return {**answer, "artifact": before[0]["artifact"]}
    return ["?"]

remote.compile = compile
"""
