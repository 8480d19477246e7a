"""What a cluster finished before it was lost."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from wasmbuild.builder.executors.dask import DaskBackend, DaskExecutor
from wasmbuild.builder.request import CompileResult
from wasmbuild.errors import ExecutorError


class FakeBackend:
    """A cluster of one thread, whose requests end as they are told to."""

    threads = 1

    def __init__(self) -> None:
        self.futures: list[Future[CompileResult]] = []

    def cluster(self, on_change: object) -> FakeBackend:
        return self

    def submit(self, request: object, wasm: Path, on_change: object) -> Future[CompileResult]:
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
