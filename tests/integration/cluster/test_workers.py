"""Workers of a Dask cluster that join, die, hang, lie and lack things."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clusters import PAUSES, Cluster, build, first_line, local, wait_for
from support import HEAD, MODULES, Project

from wasmbuild.builder.executors import cluster as clusters
from wasmbuild.builder.executors.cluster_client import ClusterPatience
from wasmbuild.toolchain.find import find

pytestmark = [
    pytest.mark.needs_modules("distributed"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]

# What a scheduler writes when it has waited for workers as long as its no-workers-timeout.
_GIVEN_BACK = "marked as failed because it timed out"


@pytest.fixture
def another(tmp_path: Path) -> Path:
    """A compiler that no worker has: bytes behind its end make an executable another one, which does the same."""
    copied = tmp_path / "wasmtime"
    shutil.copy(find("cli", 48, ".").path, copied)
    with copied.open("ab") as file:
        file.write(b"of this test")
    return copied


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler that gives back after a second what no worker can begin."""
    cluster = Cluster(tmp_path / "hasty", {"DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "1s"})
    yield cluster
    cluster.close()


class TestWorkers:
    def test_one_that_lacks_the_compiler_is_sent_it_once(
        self, project: Project, cluster: Cluster, another: Path
    ) -> None:
        project.environment["WASMBUILD_WASMTIME"] = str(another)
        cluster.worker("bare")
        said = build(project, cluster).stderr
        assert "sending the compiler to bare\n" in said
        assert "4 compiled on 1 worker" in said
        shutil.rmtree(project.build)
        assert "sending" not in build(project, cluster).stderr
        kept = [
            path for path in (cluster.root / "cache").rglob("wasmtime") if path.read_bytes() == another.read_bytes()
        ]
        assert len(kept) == 1

    @pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
    def test_one_that_ends_its_work_is_done_without(
        self, large: Project, cluster: Cluster, tmp_path: Path, sent: signal.Signals
    ) -> None:
        for name in ("one", "two"):
            cluster.worker(name)
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            cluster.signal("two", sent)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "12 artifacts: 12 compiled on " in said
        assert large.files() == local(large, tmp_path)

    def test_one_that_joins_has_its_share(self, large: Project, cluster: Cluster) -> None:
        cluster.worker("one")
        with large.start("build", "--executor", cluster.address) as process:
            first_line(process)
            # Else it has done all before another has started, on a machine that is busy.
            cluster.signal("one", signal.SIGSTOP)
            cluster.worker("late")
            cluster.signal("one", signal.SIGCONT)
            _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "  on late; " in said

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

    def test_one_that_is_full_when_it_writes_is_passed_over(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("full", preload=FULL_LATER)
        said = build(project, cluster, status=3).stderr
        problem = f"    full has no room to compile: No space left on device ({cluster.root / 'full'}"
        assert said.splitlines()[-1].startswith(problem)

    def test_one_that_is_paused_from_the_start(
        self, project: Project, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(workers=2))
        (cluster.root / "paused").touch()
        cluster.worker("small", preload=PAUSES)
        said = project.run("build", "--executor", cluster.address, status=3).stderr
        assert said.splitlines()[-2:] == [
            f"error: no worker of the Dask scheduler at 127.0.0.1:{cluster.port} can compile for this build:",
            "    small is paused: Dask starts nothing on a worker that uses 80 % of its memory limit; start it with a "
            "higher one: dask worker --memory-limit 4GiB",
        ]

    def test_what_waits_on_one_that_stays_paused_is_done_by_another(
        self, large: Project, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(workers=10))
        cluster.worker("small", preload=PAUSES)
        cluster.worker("right")
        with _paused(large, cluster):
            said = large.run("build", "--executor", cluster.address).stderr
        assert "12 artifacts: 12 compiled" in said
        assert large.files() == local(large, tmp_path)

    def test_one_that_pauses_for_a_moment_does_the_rest_afterwards(
        self, large: Project, hasty: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Asked so seldom for its workers, the scheduler is given what none of them starts.
        monkeypatch.setattr(clusters, "PATIENCE", ClusterPatience(poll=8))
        hasty.worker("one", preload=PAUSES)
        began = time.monotonic()
        # Where it is seen in time that the worker is paused, it is given nothing, and nothing is given back.
        with _paused(large, hasty, lambda: _GIVEN_BACK in hasty.log("scheduler") or time.monotonic() > began + 20):
            said = large.run("build", "--executor", hasty.address).stderr
        assert "12 artifacts: 12 compiled on 1 worker" in said

    def test_one_that_is_paused_at_first_is_sent_the_compiler_afterwards(
        self, project: Project, hasty: Cluster, another: Path
    ) -> None:
        project.environment["WASMBUILD_WASMTIME"] = str(another)
        (hasty.root / "paused").touch()
        hasty.worker("bare", preload=PAUSES)
        with project.start("build", "--executor", hasty.address) as process:
            wait_for(lambda: _GIVEN_BACK in hasty.log("scheduler"))
            (hasty.root / "paused").unlink()
            _, said = process.communicate(timeout=120)
        assert "4 compiled on 1 worker" in said

    @pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
    def test_one_whose_compiler_goes_away_while_it_compiles_is_sent_it_again(
        self, project: Project, cluster: Cluster, another: Path, replaced: bool
    ) -> None:
        project.environment["WASMBUILD_WASMTIME"] = str(another)
        cluster.worker("bare", preload=LOSES_ONCE + f"REPLACED = {replaced}\n")
        said = build(project, cluster).stderr
        assert said.count("sending the compiler to bare\n") == 2
        assert "4 compiled on 1 worker" in said

    def test_one_whose_compiler_goes_away_while_it_compiles_takes_another_copy_that_it_has(
        self, project: Project, cluster: Cluster, another: Path, tmp_path: Path
    ) -> None:
        project.environment["WASMBUILD_WASMTIME"] = str(another)
        named = shutil.copy(another, tmp_path / "named")
        paths = os.pathsep.join([str(another.parent), os.environ["PATH"]])
        environment = {"WASMBUILD_WASMTIME": str(named), "PATH": paths}
        cluster.worker("rich", preload=LOSES_ONCE + "REPLACED = False\n", environment=environment)
        said = build(project, cluster).stderr
        assert not named.exists()
        assert "sending" not in said
        assert "4 compiled on 1 worker" in said

    @pytest.mark.parametrize("address", ["", "tcp://bare.example:1"], ids=["same address", "another address"])
    def test_one_that_never_has_the_compiler_is_passed_over(
        self, project: Project, cluster: Cluster, address: str
    ) -> None:
        cluster.worker("bare", preload=KEEPS_NONE + f"ADDRESS = {address!r}\n")
        said = build(project, cluster, status=3).stderr
        assert said.splitlines()[-1] == "    bare has no compiler with that digest"

    def test_one_that_fails_is_one_error(self, project: Project, cluster: Cluster) -> None:
        cluster.worker("broken", preload=FAILS)
        said = build(project, cluster, status=3).stderr
        assert said.splitlines()[-1] == (
            f"error: a worker of the Dask scheduler at 127.0.0.1:{cluster.port} failed to compile: "
            "RuntimeError: can't start new thread; its log says more"
        )

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
            ("cut", "reported success, but what it wrote is no whole artifact"),
            ("foreign", "reported success, but what it wrote is a module for "),
            ("nothing", "answered with something that is no answer"),
            ("alone", "answered with something that is no answer"),
            ("ever", "answered with something that is no answer"),
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
        assert "; take it out of the cluster" in error
        assert not (project.build / "x64/manifest.json").exists()


@contextlib.contextmanager
def _paused(project: Project, cluster: Cluster, until: Callable[[], bool] | None = None) -> Iterator[None]:
    """Have the workers that can pause when the first artifact is there, for good or until something is so."""
    file = cluster.root / "paused"

    def pause() -> None:
        wait_for(lambda: list(project.build.glob("*/*.cwasm")))
        file.touch()
        if until is not None:
            wait_for(until)
            file.unlink()

    thread = threading.Thread(target=pause)
    thread.start()
    yield
    thread.join()
    assert file.exists() == (until is None)


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

FAILS = """
from wasmbuild.builder.executors import remote

def compile(asked, wasm, build):
    raise RuntimeError("can't start new thread")

remote.compile = compile
"""

KEEPS_NONE = """
from wasmbuild.builder.executors import remote, wire
from distributed import get_worker

def compile_there(asked, wasm, build):
    answer = wire.unfit("has no compiler with that digest", lacks_compiler=True)
    return ADDRESS or get_worker().address, answer

remote.compile_there = compile_there
"""

LOSES_ONCE = """
import os, pathlib, shutil
from wasmbuild.builder.executors import remote
right = remote.LocalCompiler.compile
lost = []

def compile(self, request, wasm):
    if not lost:
        path = pathlib.Path(self._toolchain.compiler(request.engine).path)
        lost.append(shutil.move(path, path.with_name("lost")))
        if REPLACED:
            shutil.copy(lost[0], path)
            with path.open("ab") as file:
                file.write(b"another")
    return right(self, request, wasm)

remote.LocalCompiler.compile = compile
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

FULL_LATER = """
import errno, os, pathlib

right = pathlib.Path.write_bytes

def full(self, data):
    if self.name == "source.wasm":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return right(self, data)

pathlib.Path.write_bytes = full
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
import hashlib
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
    if LIE in ("cut", "foreign"):
        made = answer["artifact"]
        made = made[:100] if LIE == "cut" else made[:18] + b"\\xb7" + made[19:]
        return {**answer, "artifact": made, "sha256": hashlib.sha256(made).hexdigest()}
    if LIE == "ever":
        return {**answer, "seconds": float("nan")}
    return ["?"]

right_there = remote.compile_there

def compile_there(asked, wasm, build):
    answered = right_there(asked, wasm, build)
    return "?" if LIE == "alone" and len(before) > 1 else answered

remote.compile = compile
remote.compile_there = compile_there
"""
