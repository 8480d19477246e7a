"""What a cluster finished before it was lost, and who waits for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from wasmbuild.builder.executors.dask import DaskBackend, DaskCompiler, DaskExecutor
from wasmbuild.builder.request import CompileResult
from wasmbuild.errors import ExecutorError


class FakeBackend:
    """A cluster of one thread, whose requests end as they are told to."""

    threads = 1

    def __init__(self) -> None:
        self.futures: list[Future[CompileResult]] = []

    def cluster(self, on_change: object) -> FakeBackend:
        return self

    def submit(self, request: object, wasm: Path, on_change: object = None) -> Future[CompileResult]:
        self.futures.append(Future())
        return self.futures[-1]


def test_what_was_finished_is_there_though_the_cluster_was_lost_at_once() -> None:
    backend = FakeBackend()
    executor = DaskExecutor(cast(DaskBackend, backend), None)
    for id in ("lost", "finished"):
        executor.submit(id, cast(Any, None), Path())
    result = CompileResult("key", "a worker", b"")
    backend.futures[0].set_exception(ExecutorError("the scheduler is gone"))
    backend.futures[1].set_result(result)
    assert executor.results() == [("finished", result)]
    with pytest.raises(ExecutorError, match="is gone"):
        executor.results()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_request_to_stop_that_does_not_end_the_wait_for_a_worker_is_heard() -> None:
    """As one that comes when the wait is just about to begin: another thread takes it here."""
    backend, main, stop, heard = FakeBackend(), threading.get_ident(), threading.Event(), []

    def interrupt() -> None:
        while not backend.futures or sys._current_frames()[main].f_code.co_name not in ("awaited", "wait"):
            time.sleep(0.01)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        heard.append(stop.wait(60))
        backend.futures[0].cancel()

    other = threading.Thread(target=interrupt)
    other.start()
    with pytest.raises(KeyboardInterrupt):
        DaskCompiler(cast(DaskBackend, backend)).compile(cast(Any, None), Path())
    stop.set()
    other.join()
    assert heard == [True]
