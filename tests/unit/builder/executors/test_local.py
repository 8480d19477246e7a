"""Compiles on this machine: as many at once as there may be, and an end in order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import FakeCompiler, FakeWork, artifact

from wasmbuild.builder.executors.local import LocalExecutor
from wasmbuild.builder.request import CompileRequest, CompileResult
from wasmbuild.lean import threading as lean


class Room:
    """What an executor is given, made of fakes."""

    def __init__(self, directory: Path) -> None:
        self.work = FakeWork(directory)
        self.compiler = FakeCompiler()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_it_runs_as_many_as_it_may(room: Room, tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(request: CompileRequest, wasm: Path) -> CompileResult:
        both.wait()
        return CompileResult(request.key(), "here", artifact(request))

    room.compiler.answers = {f"{id}.cwasm": meet for id in "ab"}
    executor = LocalExecutor(room.compiler, 2)
    for id in "ab":
        executor.submit(id, *room.work.prepare(id))
    found: dict[str, CompileResult] = {}
    while len(found) < 2:
        found.update(executor.results())
    executor.close()
    assert [found[id].key for id in "ab"] == [room.work.request(id).key() for id in "ab"]


@pytest.mark.usefixtures("no_threads")
def test_where_there_are_no_threads_who_submits_compiles(room: Room) -> None:
    executor = LocalExecutor(room.compiler, 2)
    for id in "ab":
        executor.submit(id, *room.work.prepare(id))
    assert [id for id, _ in executor.results()] == ["a", "b"]
    executor.close()


def test_a_mistake_of_ours_is_raised_where_the_results_are_taken(room: Room) -> None:
    def fail(request: CompileRequest, wasm: Path) -> CompileResult:
        raise ZeroDivisionError

    room.compiler.answers["a.cwasm"] = fail
    executor = LocalExecutor(room.compiler, 1)
    executor.submit("a", *room.work.prepare("a"))
    with pytest.raises(ZeroDivisionError):
        executor.results()
    executor.close()


def test_stopped_it_starts_nothing_more(room: Room) -> None:
    started, stop = threading.Event(), threading.Event()

    def wait(request: CompileRequest, wasm: Path) -> CompileResult:
        started.set()
        stop.wait(60)
        return CompileResult(request.key(), "here", artifact(request))

    room.compiler.answers["a.cwasm"] = wait
    executor = LocalExecutor(room.compiler, 1)
    for id in "abc":
        executor.submit(id, *room.work.prepare(id))
    started.wait(60)
    threading.Timer(0.05, stop.set).start()
    executor.abort()
    assert [request.labels.source for request in room.compiler.compiled] == ["a.wasm"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_request_to_stop_that_does_not_end_the_wait_for_results_is_heard(room: Room) -> None:
    """As one that comes when the wait is just about to begin: another thread takes it here."""
    stop, heard = threading.Event(), []

    def interrupt(request: CompileRequest, wasm: Path) -> CompileResult:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        heard.append(stop.wait(60))
        return CompileResult(request.key(), "here", artifact(request))

    room.compiler.answers["a.cwasm"] = interrupt
    executor = LocalExecutor(room.compiler, 1)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 -- where it comes is not what is tested
            executor.submit("a", *room.work.prepare("a"))
            executor.results()
    finally:
        stop.set()
        executor.abort()
    assert heard == [True]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_thread_that_has_started_when_a_request_to_stop_comes_is_ended(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, ended = lean.start_new_thread, threading.Event()  # type: ignore[attr-defined]

    def interrupted(run: Callable[[], None], arguments: tuple[()]) -> None:
        def noted() -> None:
            run()
            ended.set()

        start(noted, arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(lean, "start_new_thread", interrupted)
    executor = LocalExecutor(room.compiler, 1)
    with pytest.raises(KeyboardInterrupt):
        executor.submit("a", *room.work.prepare("a"))
    executor.abort()
    assert ended.wait(60)
