"""What is compiled when, with how many threads, and what is believed of what comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeCache, FakeCompiler, FakeExecutor, FakeWork, artifact

from wasmbuild.builder import restoring
from wasmbuild.builder.job_slots import ALL_CORES
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult, Labels
from wasmbuild.builder.scheduler import Scheduler, make, threads_for
from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import DiskError, ExecutorError
from wasmbuild.lean.threading import Thread
from wasmbuild.toolchain.limits import ProcessLimits


def all_end(threads: list[Thread]) -> bool:
    """Tell whether threads end, which may be about to."""
    for thread in threads:
        thread.join(60)
    return not any(thread.is_alive() for thread in threads)


class Room:
    """Everything that a scheduler needs, made of fakes."""

    def __init__(self, directory: Path) -> None:
        self.work = FakeWork(directory)
        self.compiler = FakeCompiler()
        self.cache = FakeCache()
        self.events: list[str] = []
        self.executor = FakeExecutor(self.compiler, 2)

    def run(self, ids: Iterable[str], slots: int = 2, cores: int = 2) -> dict[str, str]:
        self.executor = FakeExecutor(self.compiler, slots, cores)
        scheduler = Scheduler(self.work, lambda: self.executor, self.cache)
        scheduler.run(ids, lambda id: self.events.append(f"+{id}"), lambda id: self.events.append(f"-{id}"))
        return self.work.outcomes

    def scheduler(self, threads: int) -> Scheduler[str]:
        self.executor = FakeExecutor(self.compiler, 2)
        return Scheduler(self.work, lambda: self.executor, self.cache, threads)

    def order(self) -> list[str]:
        return [request.labels.source.removesuffix(".wasm") for request in self.compiler.compiled]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_everything_is_compiled_and_told_once(room: Room) -> None:
    assert room.run("abcde") == dict.fromkeys("abcde", "compiled")
    assert sorted(room.events) == sorted([f"{sign}{id}" for sign in "+-" for id in "abcde"])
    assert [event for event in room.events if event[0] == "+"] == ["+a", "+b", "+c", "+d", "+e"]
    assert all(room.events.index(f"+{id}") < room.events.index(f"-{id}") for id in "abcde")
    assert set(room.work.published) == set("abcde")
    assert not room.executor.aborted


def test_where_all_is_restored_no_executor_is_started(room: Room) -> None:
    room.run("abc")

    def start() -> FakeExecutor:
        raise AssertionError

    again = Scheduler(room.work, start, room.cache)
    again.run("abc", lambda id: None, lambda id: None)
    again.close()
    assert room.work.outcomes == dict.fromkeys("abc", "restored")


def test_what_is_kept_is_taken_where_nobody_can_compile(room: Room) -> None:
    class Lost(FakeExecutor):
        def results(self) -> Iterable[tuple[str, CompileResult]]:
            raise ExecutorError("no machines")

    room.run("be")
    executor = Lost(room.compiler, 1)
    with pytest.raises(ExecutorError, match="no machines"):
        Scheduler(room.work, lambda: executor, room.cache).run("abcde", lambda id: None, lambda id: None)
    assert executor.aborted
    assert room.work.outcomes == dict.fromkeys("be", "restored")


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_no_more_run_than_there_are_slots(room: Room, slots: int) -> None:
    room.run("abcde", slots=slots)
    assert room.executor.most == min(slots, 5)
    assert sorted(room.order()) == list("abcde")


def test_more_slots_are_used_as_they_come(room: Room) -> None:
    class Growing(FakeExecutor):
        def results(self) -> Iterable[tuple[str, CompileResult]]:
            if self.slots < 4:
                self.slots += 1
                return []
            return super().results()

    executor = Growing(room.compiler, 1)
    Scheduler(room.work, lambda: executor, room.cache).run("abcdef", lambda id: None, lambda id: None)
    assert executor.most == 4
    assert set(room.work.published) == set("abcdef")


def test_one_slot_keeps_the_order(room: Room) -> None:
    room.run("cabed", slots=1)
    assert room.order() == list("cabed")


def test_many_get_a_thread_each_and_the_last_all_cores(room: Room) -> None:
    room.run("abcde", slots=4, cores=4)
    threads = {request.labels.source[0]: request.threads for request in room.compiler.compiled}
    assert threads == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
    room.compiler.compiled.clear()
    room.run("xy", slots=4, cores=4)
    assert {request.threads for request in room.compiler.compiled} == {ALL_CORES}
    assert threads_for(1, 1, 1) == 1
    assert threads_for(8, 1, 4) == ALL_CORES


def test_a_failure_stops_no_other(room: Room) -> None:
    room.compiler.refuse("b.cwasm")
    room.work.missing.add("c")
    room.work.full.add("d")
    assert room.run("abcde") == {
        "a": "compiled", "b": "b.cwasm: refused", "c": "c: missing", "d": "d: no space", "e": "compiled",
    }  # fmt: skip
    assert set(room.work.published) == {"a", "e"}
    assert sorted(event for event in room.events if event[1] in "bcd") == ["+b", "+c", "+d", "-b", "-c", "-d"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_interrupted_nothing_else_is_started(room: Room, error: type[BaseException]) -> None:
    def interrupt(request: CompileRequest, wasm: Path) -> CompileResult:
        raise error

    room.compiler.answers["b.cwasm"] = interrupt
    with pytest.raises(error):
        room.run("abcde")
    assert room.executor.aborted
    assert "d" not in room.order()
    assert not any(event == "-b" for event in room.events)


class TestCache:
    def test_what_it_has_is_not_compiled(self, room: Room) -> None:
        room.run("ab")
        room.compiler.compiled.clear()
        room.work.outcomes.clear()
        assert room.run("abc") == {"a": "restored", "b": "restored", "c": "compiled"}
        assert room.order() == ["c"]
        assert room.work.request("c").key() in room.cache.kept
        assert room.events[-2:] == ["+c", "-c"]

    def test_what_it_has_is_restored_by_threads_and_told_in_order(
        self, room: Room, monkeypatch: pytest.MonkeyPatch, threads: list[Thread]
    ) -> None:
        monkeypatch.setattr(restoring, "_WORTH_BYTES", 1)
        ids = "abcdefghijklmnopqrstuvwxyz"
        room.run(ids)
        for id in ids[20:]:
            room.cache.discard(room.work.request(id).key())
        room.work.outcomes.clear()
        room.events.clear()
        both = threading.Barrier(2, timeout=60)
        taken_by: dict[str, int] = {}
        check_result = room.work.check_result

        def checked(id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
            taken_by[id] = threading.get_ident()
            if id in "bc":
                both.wait()
            return check_result(id, request, result)

        room.work.check_result = checked  # type: ignore[method-assign]
        threads.clear()
        room.scheduler(threads=2).run(ids, lambda id: room.events.append(f"+{id}"), lambda id: None)
        assert threads
        assert all_end(threads)
        assert room.work.outcomes == {id: "restored" if id in ids[:20] else "compiled" for id in ids}
        assert room.events == [f"+{id}" for id in ids]
        assert taken_by["b"] != taken_by["c"]

    def test_what_is_small_is_restored_without_threads(self, room: Room) -> None:
        room.run("abc")
        room.work.outcomes.clear()
        taken_by = set()
        publish = room.work.publish

        def published(id: str, checked: CheckedArtifact, result: CompileResult) -> str:
            taken_by.add(threading.get_ident())
            return publish(id, checked, result)

        room.work.publish = published  # type: ignore[method-assign]
        room.scheduler(threads=2).run("abc", lambda id: None, lambda id: None)
        assert taken_by == {threading.get_ident()}
        assert room.work.outcomes == dict.fromkeys("abc", "restored")

    @pytest.mark.usefixtures("no_threads")
    def test_where_there_are_no_threads_it_is_restored_all_the_same(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(restoring, "_WORTH_BYTES", 1)
        room.run("abc")
        room.scheduler(threads=2).run("abc", lambda id: None, lambda id: None)
        assert room.work.outcomes == dict.fromkeys("abc", "restored")

    @pytest.mark.parametrize("worth", [1, 1 << 20], ids=["threads", "none"])
    def test_a_mistake_of_ours_while_restoring_is_raised(
        self, room: Room, monkeypatch: pytest.MonkeyPatch, threads: list[Thread], worth: int
    ) -> None:
        monkeypatch.setattr(restoring, "_WORTH_BYTES", worth)
        room.run("abc")

        def fail(id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
            if id == "c":
                raise ZeroDivisionError
            return check_result(id, request, result)

        check_result = room.work.check_result
        room.work.check_result = fail  # type: ignore[method-assign]
        threads.clear()
        with pytest.raises(ZeroDivisionError):
            room.scheduler(threads=2).run("abc", lambda id: None, lambda id: None)
        assert bool(threads) is (worth == 1)
        assert all_end(threads)

    def test_threads_labels_and_limits_are_not_in_the_key(self, room: Room) -> None:
        request = room.work.request("a")
        other = request._replace(threads=ALL_CORES, labels=Labels("x", "y"), limits=ProcessLimits(1, 1))
        assert other.key() == request.key()
        assert request._replace(wasm_sha256="b" * 64).key() != request.key()

    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"\0" * len(data)])
    def test_what_is_damaged_is_compiled_again(self, room: Room, damage: Any) -> None:
        room.run("a")
        key = room.work.request("a").key()
        whole = room.cache.kept[key]
        room.cache.kept[key] = damage(whole)
        assert room.run("a") == {"a": "compiled"}
        assert room.cache.kept[key] == whole

    def test_what_is_for_another_target_is_compiled_again(self, room: Room) -> None:
        arm = EngineConfig.declared({}, line=48, triple=triples.parse("aarch64-unknown-linux-gnu"))
        key = room.work.request("a").key()
        room.cache.kept[key] = artifact(room.work.request("a")._replace(engine=arm))
        assert room.run("a") == {"a": "compiled"}

    def test_what_failed_is_not_kept(self, room: Room) -> None:
        room.compiler.refuse("a.cwasm")
        room.run("a")
        assert room.cache.kept == {}


class TestWorkers:
    """What another machine sends back is held to its request as what is made here."""

    def answer(self, room: Room, **changes: Any) -> str:
        def answer(request: CompileRequest, wasm: Path) -> CompileResult:
            good = CompileResult(request.key(), "worker 7", artifact(request))
            return good._replace(**changes)

        room.compiler.answers["a.cwasm"] = answer
        return room.run("a")["a"]

    def test_another_request_s_artifact(self, room: Room) -> None:
        said = self.answer(room, key=room.work.request("b").key())
        assert said.startswith("worker 7 answered with the artifact of another request;")

    def test_an_artifact_for_another_target(self, room: Room) -> None:
        arm = EngineConfig.declared({}, line=48, triple=triples.parse("aarch64-unknown-linux-gnu"))
        data = artifact(room.work.request("a")._replace(engine=arm))
        said = self.answer(room, artifact=data)
        assert said.startswith("worker 7 reported success, but what it wrote is a module for aarch64-unknown-linux-gnu")

    @pytest.mark.parametrize("data", [b"", b"\x7fELF", None])
    def test_half_an_artifact(self, room: Room, data: bytes | None) -> None:
        assert self.answer(room, artifact=data).startswith("worker 7 reported success, but what it wrote is no whole")
        assert room.work.published == {}
        assert room.cache.kept == {}

    def test_a_file_that_is_gone(self, room: Room, tmp_path: Path) -> None:
        assert self.answer(room, artifact=tmp_path / "gone") == (
            f"{tmp_path / 'gone'}: cannot be read back: No such file or directory; something removed or moved the "
            "build directory while it was built; build again"
        )


def test_two_engines_in_one_build_are_two_requests(room: Room) -> None:
    room.work.engines["b"] = EngineConfig.declared(
        {"consume-fuel": True}, line=49, triple=triples.parse("x86_64-unknown-linux-gnu")
    )
    room.compiler.answers["b.cwasm"] = lambda request, wasm: CompileResult(
        "", "", error=DiskError(f"{request.engine.line}")
    )
    assert room.run("ab") == {"a": "compiled", "b": "49"}


def test_one_alone_takes_the_same_way(room: Room) -> None:
    assert make(room.work, "a", ALL_CORES, room.compiler, room.cache) == "a"
    assert make(room.work, "a", 1, room.compiler, room.cache) == "a"
    assert room.work.outcomes == {"a": "restored"}
    assert [request.threads for request in room.compiler.compiled] == [ALL_CORES]
    room.work.missing.add("b")
    make(room.work, "b", 1, room.compiler, room.cache)
    assert room.work.outcomes["b"] == "b: missing"
