"""In which order artifacts are compiled, how many at once and with how many threads, and an end in order.

It knows no compiler, no disk and no declaration: requests go to an executor, keys are looked up in a cache, and what
comes back is held to its request before anybody believes it, wherever it comes from.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from wasmbuild.builder.request import (
    ALL_CORES,
    ArtifactCache,
    CheckedArtifact,
    Compiler,
    CompileRequest,
    CompileResult,
    Executor,
    Prepared,
)
from wasmbuild.errors import CompileError, WasmbuildError
from wasmbuild.lean_typing import Generic, Protocol, TypeVar

Outcome = TypeVar("Outcome", covariant=True)

_numbers = itertools.count()


class Work(Protocol[Outcome]):
    """What is to be made, by id. One thread calls it, or several for different ids."""

    def prepare(self, id: str) -> Prepared:
        """Return the request for an artifact, with one thread. Raises WasmbuildError where there can be none."""

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        """Hold an artifact to its request. Raises WasmbuildError where it is another one, or its error."""

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> Outcome:
        """Put an artifact where it belongs. Raises WasmbuildError."""

    def fail(self, id: str, error: WasmbuildError) -> Outcome:
        """Tell that there is no artifact."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(unfinished: int, slots: int, available: int) -> int:
    """Return how many threads a compiler gets when so many artifacts are unfinished, itself included.

    While many wait, one each: that keeps all cores busy and costs least. The last few, and any that run alone, get all
    cores.
    """
    return ALL_CORES if min(unfinished, slots) < available else 1


class Scheduler(Generic[Outcome]):
    """Makes artifacts out of work, on an executor, through a cache."""

    def __init__(self, work: Work[Outcome], executor: Executor, cache: ArtifactCache) -> None:
        self._work = work
        self._executor = executor
        self._cache = cache
        self._requests: dict[str, CompileRequest] = {}

    def run(self, ids: Iterable[str], on_start: Callable[[str], None], on_done: Callable[[Outcome], None]) -> None:
        """Make artifacts in the order given.

        ``on_start`` and ``on_done`` are called by this thread. When it is interrupted, what runs is stopped and nothing
        else is started; ``on_done`` is not called any more.
        """
        waiting = deque(ids)
        ready: deque[tuple[str, Prepared]] = deque()
        try:
            while waiting or ready or self._requests:
                # One more than fits, so that the executor need not wait for a large source to be read.
                while waiting and len(self._requests) + len(ready) <= self._executor.slots:
                    id = waiting.popleft()
                    prepared = self._prepared(id, on_start, on_done)
                    if prepared is not None:
                        ready.append((id, prepared))
                    self._submit(ready, len(waiting), on_start)
                self._submit(ready, len(waiting), on_start)
                if self._requests:
                    for id, result in self._executor.results():
                        on_done(self._finished(id, self._requests.pop(id), result))
        except BaseException:
            self._executor.abort()
            raise

    def _submit(self, ready: deque[tuple[str, Prepared]], waiting: int, on_start: Callable[[str], None]) -> None:
        while ready and len(self._requests) < (slots := self._executor.slots):
            unfinished = waiting + len(ready) + len(self._requests)
            id, (request, wasm) = ready.popleft()
            request = request._replace(threads=threads_for(unfinished, slots, self._executor.cores))
            on_start(id)
            self._requests[id] = request
            self._executor.submit(id, request, wasm)

    def _prepared(
        self, id: str, on_start: Callable[[str], None], on_done: Callable[[Outcome], None]
    ) -> Prepared | None:
        """Return what is to be compiled; None for an artifact that is done already."""
        try:
            prepared = self._work.prepare(id)
        except WasmbuildError as error:
            outcome = self._work.fail(id, error)
        else:
            restored = _restored(self._work, id, prepared, self._cache)
            if restored is None:
                return prepared
            outcome = restored
        on_start(id)
        on_done(outcome)
        return None

    def _finished(self, id: str, request: CompileRequest, result: CompileResult) -> Outcome:
        return _finished(self._work, id, request, result, self._cache)


def make(work: Work[Outcome], id: str, threads: int, compiler: Compiler, cache: ArtifactCache) -> Outcome:
    """Make one artifact in this thread, for whoever schedules by other means."""
    try:
        request, wasm = work.prepare(id)
    except WasmbuildError as error:
        return work.fail(id, error)
    request = request._replace(threads=threads)
    restored = _restored(work, id, Prepared(request, wasm), cache)
    if restored is not None:
        return restored
    return _finished(work, id, request, compiler.compile(request, wasm), cache)


def taken(request: CompileRequest, directory: Path, cache: ArtifactCache) -> CompileResult | None:
    """Take an artifact from a cache into a private directory, unchecked; None where it is not there."""
    key = request.key()
    out = directory / f"restored-{next(_numbers)}.cwasm"
    started = time.monotonic()
    sha256 = cache.get(key, out)
    if sha256 is None:
        return None
    return CompileResult(key, "the cache", out, seconds=time.monotonic() - started, restored=True, sha256=sha256)


def _restored(work: Work[Outcome], id: str, prepared: Prepared, cache: ArtifactCache) -> Outcome | None:
    """Take an artifact from the cache. What is damaged there is as good as nothing."""
    request = prepared.request
    result = taken(request, prepared.wasm.parent, cache)
    if result is None:
        return None
    try:
        checked = work.check_result(id, request, result)
    except CompileError:
        cache.discard(result.key)
        return None
    except WasmbuildError as error:
        return work.fail(id, error)
    return _published(work, id, checked, result)


def _finished(
    work: Work[Outcome], id: str, request: CompileRequest, result: CompileResult, cache: ArtifactCache
) -> Outcome:
    try:
        checked = work.check_result(id, request, result)
    except WasmbuildError as error:
        return work.fail(id, error)
    cache.put(result.key, checked.data, checked.record.sha256, checked.record.inputs, result.seconds)
    return _published(work, id, checked, result)


def _published(work: Work[Outcome], id: str, checked: CheckedArtifact, result: CompileResult) -> Outcome:
    try:
        return work.publish(id, checked, result)
    except WasmbuildError as error:
        return work.fail(id, error)
