"""What a build does with the workers of a cluster that lives in memory."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import artifact

from wasmbuild.builder.executors import remote, wire
from wasmbuild.builder.executors.cluster import Cluster
from wasmbuild.builder.executors.cluster_client import ClusterPatience, RequestLostError, WorkersDiedError
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CompileRequest, CompileResult, Labels
from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import ExecutorError
from wasmbuild.toolchain.limits import ProcessLimits

ENGINE = EngineConfig.declared({}, line=48, triple=triples.parse("x86_64-unknown-linux-gnu"))
QUICK = ClusterPatience(lost=1, answer=0.5, unfit=0.05, stop=1, poll=0.001)
SECONDS = 60

Compile = Callable[[str, CompileRequest], Mapping[str, Any]]


@pytest.fixture(autouse=True)
def _has_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this machine and its workers say a version of what none of these tests needs."""
    versions = {"wasmbuild": "0.1.0", "Python": "3.11", "distributed": "2026.1.0"}
    monkeypatch.setattr(remote, "versions", lambda: versions)


class FakeClient:
    """A scheduler whose workers answer at once; ``described`` is what they say, ``does`` what they do."""

    def __init__(self) -> None:
        self.address = "scheduler:1"
        self.is_connected = False
        self.polls = 0
        self.lost = self.unreachable = False
        self.described: dict[str, dict[str, Any]] = {}
        self.silent: set[str] = set()
        self.paused: set[str] = set()
        self.fleeting: set[str] = set()
        self.invitations: list[str | OSError] = []
        self.does: Compile = compiled
        self.asked: list[tuple[str, str]] = []
        self.sent: list[str] = []
        self.stopped: list[str] = []
        self.never = asyncio.Event()
        self.closed = False

    def add(self, name: str, **described: Any) -> None:
        self.described[name] = {
            "versions": remote.versions(), "system": remote.system(), "limits-memory": True, "lacks": [], **described
        }  # fmt: skip

    async def connect(self, seconds: float) -> None:
        if self.unreachable:
            raise ConnectionRefusedError("refused")
        self.is_connected = True

    async def workers(self) -> Mapping[str, Mapping[str, Any]]:
        self.polls += 1
        # As over a network, there is no answer at once.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self.lost:
            await self.never.wait()
        return {
            name: {"name": name.upper(), "nthreads": 2, "status": "paused" if name in self.paused else "running"}
            for name in self.described
        }

    async def examine(self, address: str) -> Mapping[str, Any]:
        if address in self.fleeting:
            del self.described[address]
        if address in self.silent | self.fleeting:
            await self.never.wait()
        return self.described[address]

    async def install(self, address: str, lacks: Iterable[str]) -> str:
        self.sent.append(address)
        return ""

    async def compile(self, asked: bytes, wasm: bytes, workers: Collection[str]) -> tuple[str, object]:
        worker = min(workers, key=lambda name: sum(name == other for other, _ in self.asked))
        request = wire.request_from_bytes(asked)
        self.asked.append((worker, request.labels.artifact))
        answer = self.does(worker, request)
        if answer == {}:
            await self.never.wait()
        return worker, answer

    async def invite(self) -> None:
        if not self.invitations:
            await self.never.wait()
        came = self.invitations.pop(0)
        if isinstance(came, OSError):
            raise came
        self.add(came)

    async def stop(self, workers: Collection[str]) -> None:
        self.stopped += workers

    async def close(self, seconds: float) -> None:
        self.closed = True


def compiled(worker: str, request: CompileRequest) -> Mapping[str, Any]:
    data = artifact(request)
    return wire.answer(CompileResult(request.key(), "", seconds=1.0), data, hashlib.sha256(data).hexdigest())


class Room:
    def __init__(self, directory: Path) -> None:
        self.client = FakeClient()
        self.said: list[str] = []
        self.patience = QUICK
        self.changed = threading.Event()
        self.wasm = directory / "m.wasm"
        self.wasm.write_bytes(b"\0asm")
        self._cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster(
                self.client,
                limits_memory=True,
                say=self.said.append,
                on_change=self.changed.set,
                patience=self.patience,
            )
        return self._cluster

    def compile(self, *ids: str) -> dict[str, CompileResult]:
        futures = {id: self.cluster.submit(self.request(id), self.wasm) for id in ids}
        return {id: future.result(SECONDS) for id, future in futures.items()}

    def request(self, id: str) -> CompileRequest:
        compiler = CompilerIdentity("48.0.2", "c" * 64)
        return CompileRequest("a" * 64, "module", ENGINE, compiler, ProcessLimits(), 1, Labels(id, id))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.cluster.close()


def test_all_workers_have_their_share(room: Room) -> None:
    for name in ("a", "b"):
        room.client.add(name)
    results = room.compile("1", "2", "3", "4")
    assert {result.worker for result in results.values()} <= {"A", "B"}
    assert all(result.error is None and isinstance(result.artifact, bytes) for result in results.values())
    assert room.changed.wait(SECONDS)


def test_who_can_compile_counts_at_once(room: Room) -> None:
    room.patience = QUICK._replace(poll=60)
    room.client.add("a")
    room.compile("1")
    assert room.changed.wait(SECONDS)
    assert room.cluster.threads == 2


def test_what_lacks_the_compiler_is_sent_it(room: Room) -> None:
    room.client.add("a", lacks=["c" * 64])
    assert room.compile("1", "2")["1"].error is None
    assert room.client.sent == ["a"]
    assert room.said == ["sending the compiler to A"]


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        ({"versions": {"wasmbuild": "0.0.1"}}, "has wasmbuild 0.0.1, and this machine has "),
        ({"versions": {"Python": "3.9"}}, "has Python 3.9, and this machine has "),
        ({"versions": {"distributed": "1"}}, "has distributed 1, and this machine has "),
        (
            {"system": "beos ppc", "lacks": ["c" * 64]},
            "is beos ppc and cannot run the compiler of this build, which is ",
        ),
        ({"limits-memory": False}, "cannot limit the memory of a compile; run workers on Linux"),
        ({"problem": "has no wasmbuild"}, "has no wasmbuild"),
    ],
    ids=["wasmbuild", "Python", "Dask", "system", "limits", "problem"],
)
def test_what_cannot_compile_is_passed_over(room: Room, described: dict[str, Any], reason: str) -> None:
    versions = remote.versions() | described.get("versions", {})
    room.client.add("bad", **described | {"versions": versions})
    with pytest.raises(ExecutorError, match="no worker of the Dask scheduler at scheduler:1 can compile") as error:
        room.compile("1")
    assert str(error.value).splitlines()[1].startswith(f"    BAD {reason}")
    assert room.client.asked == []


def test_the_others_do_it(room: Room) -> None:
    room.client.add("bad", problem="has no wasmbuild")
    room.client.silent.add("mute")
    room.client.add("mute")
    room.client.add("good")
    assert room.compile("1", "2", "3")["3"].worker == "GOOD"
    assert room.said == ["passed over: BAD has no wasmbuild"]


def test_what_workers_call_themselves_and_say_is_safe_to_show(room: Room) -> None:
    room.client.add("\x1b[2jbad\n", problem="has \x1b[31mno\nroom")
    room.client.add("good\r")
    assert room.compile("1")["1"].worker == "GOOD\\r"
    assert room.said == ["passed over: \\x1b[2JBAD\\n has \\x1b[31mno\\nroom"]


def test_why_nobody_can_compile_is_safe_to_show(room: Room) -> None:
    room.client.add("\x1b[2jbad\n", problem="has \x1b[31mno\nroom")
    with pytest.raises(ExecutorError) as error:
        room.compile("1")
    assert str(error.value).splitlines()[1:] == ["    \\x1b[2JBAD\\n has \\x1b[31mno\\nroom"]


def test_one_that_turns_out_to_be_unfit_is_passed_over(room: Room) -> None:
    for name in ("full", "good"):
        room.client.add(name)
    room.client.does = lambda worker, request: (
        wire.unfit("has no room") if worker == "full" else compiled(worker, request)
    )
    assert {result.worker for result in room.compile("1", "2", "3").values()} == {"GOOD"}
    assert room.said == ["passed over: FULL has no room"]


def test_one_that_lost_the_compiler_is_asked_again(room: Room) -> None:
    room.client.add("a")
    answers = iter([wire.unfit("", lacks_compiler=True)])
    room.client.does = lambda worker, request: next(answers, None) or compiled(worker, request)
    assert room.compile("1")["1"].worker == "A"
    assert [worker for worker, _ in room.client.asked] == ["a", "a"]


def test_one_that_lacks_the_compiler_whatever_it_is_sent_is_passed_over(room: Room) -> None:
    room.client.add("bare")
    room.client.does = lambda worker, request: wire.unfit("has no compiler", lacks_compiler=True)
    with pytest.raises(ExecutorError, match=r"can compile for this build:\n    BARE has no compiler$"):
        room.compile("1")


def test_the_others_do_what_one_that_keeps_no_compiler_cannot(room: Room) -> None:
    for name in ("bare", "good"):
        room.client.add(name)
    room.client.does = lambda worker, request: (
        wire.unfit("has no compiler", lacks_compiler=True) if worker == "bare" else compiled(worker, request)
    )
    assert {result.worker for result in room.compile("1", "2", "3").values()} == {"GOOD"}


def test_one_that_does_not_say_why_it_cannot_is_passed_over(room: Room) -> None:
    room.client.add("mute")
    room.client.does = lambda worker, request: wire.unfit("")
    with pytest.raises(ExecutorError, match=r"    MUTE does not say why it cannot compile$"):
        room.compile("1")


def test_what_the_scheduler_forgot_is_asked_again(room: Room) -> None:
    room.client.add("a")
    forgotten = [True]

    def does(worker: str, request: CompileRequest) -> Mapping[str, Any]:
        if forgotten.pop() if forgotten else False:
            raise RequestLostError
        return compiled(worker, request)

    room.client.does = does
    assert room.compile("1")["1"].error is None


def test_what_kills_its_workers_is_to_blame_and_what_waited_there_is_not(room: Room) -> None:
    for name in ("a", "b"):
        room.client.add(name)
    room.compile("0")
    deaths = ["1", "2", "1"]

    def does(worker: str, request: CompileRequest) -> Mapping[str, Any]:
        if request.labels.artifact in deaths:
            deaths.remove(request.labels.artifact)
            raise WorkersDiedError(worker, 4)
        return compiled(worker, request)

    room.client.does = does
    results = room.compile("1", "2")
    assert str(results["1"].error).startswith("workers died while they compiled it, again and again, the last one ")
    assert results["2"].error is None


def test_what_waits_for_workers_that_left_goes_to_others(room: Room) -> None:
    room.client.add("a")
    room.compile("0")
    room.client.does = lambda worker, request: {} if worker == "a" else compiled(worker, request)
    future = room.cluster.submit(room.request("1"), room.wasm)
    while ("a", "1") not in room.client.asked:
        assert not future.done()
    room.client.add("b")
    del room.client.described["a"]
    assert future.result(SECONDS).worker == "B"


def test_one_that_is_paused_gets_nothing(room: Room) -> None:
    for name in ("a", "b"):
        room.client.add(name)
    room.client.paused.add("a")
    assert {result.worker for result in room.compile("1", "2").values()} == {"B"}


def test_one_that_goes_on_after_it_was_passed_over_compiles_again(room: Room) -> None:
    room.patience = QUICK._replace(workers=1)
    for name in ("a", "b"):
        room.client.add(name)
    room.compile("0")
    room.client.does = lambda worker, request: {} if worker == "b" or room.client.paused else compiled(worker, request)
    waiting = room.cluster.submit(room.request("1"), room.wasm)
    room.client.paused.add("a")
    while not room.said:
        assert not waiting.done()
    room.client.paused.clear()
    del room.client.described["b"]
    assert waiting.result(SECONDS).worker == "A"
    assert [said.partition(":")[0] for said in room.said] == ["passed over"]


@pytest.mark.parametrize("first", ["lost", ConnectionError("lost")], ids=["worker", "scheduler"])
def test_a_cluster_that_grows_on_demand_is_asked_again(room: Room, first: str | OSError) -> None:
    room.client.fleeting.add("lost")
    room.client.invitations = [first, "next"]
    assert room.compile("1")["1"].worker == "NEXT"


def test_without_workers(room: Room) -> None:
    room.patience = QUICK._replace(workers=0.2)
    with pytest.raises(
        ExecutorError, match=r"scheduler:1 has had no worker for 0\.2 s; start one: dask worker scheduler:1"
    ):
        room.compile("1")
    with pytest.raises(ExecutorError, match="has had no worker"):
        room.compile("2")


def test_without_a_scheduler(room: Room) -> None:
    room.client.unreachable = True
    with pytest.raises(ExecutorError, match="there is no Dask scheduler at scheduler:1: refused; check the address"):
        room.compile("1")


def test_a_scheduler_that_is_lost_ends_what_waits(room: Room) -> None:
    room.client.add("a")
    room.compile("0")
    room.client.does = lambda worker, request: {}
    futures = [room.cluster.submit(room.request(id), room.wasm) for id in "12"]
    room.client.lost = True
    for future in futures:
        with pytest.raises(
            ExecutorError, match="scheduler:1 does not answer any more: it did not answer in time; what "
        ):
            future.result(SECONDS)
    assert room.client.closed


def test_a_scheduler_that_nobody_asked_is_not_lost(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Ctrl-Z stops all of a build, here the thread that asks, for longer than a scheduler may be silent."""
    monkeypatch.setattr(room.changed, "set", lambda: time.sleep(1.2 * (QUICK.lost + QUICK.answer)))
    room.client.add("a")
    room.compile("0")
    polls = room.client.polls
    while room.client.polls < polls + 2:
        assert room.compile("1")["1"].error is None


def test_closed_it_stops_what_runs(room: Room) -> None:
    room.client.add("a")
    room.compile("0")
    room.client.does = lambda worker, request: {}
    future = room.cluster.submit(room.request("1"), room.wasm)
    while ("a", "1") not in room.client.asked:
        assert not future.done()
    room.cluster.close()
    assert room.client.stopped == ["a"]
    with pytest.raises(ExecutorError, match="the build was stopped"):
        future.result(SECONDS)
