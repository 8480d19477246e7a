"""In which order artifacts are compiled, how many at once and with how many threads, and an end in order.

It knows no compiler, no disk and no declaration: requests go to an executor, keys are looked up in a cache, and what
comes back is held to its request before anybody believes it, wherever it comes from.
"""

from __future__ import annotations

from wasmbuild.builder.compile import keep
from wasmbuild.builder.job_slots import ALL_CORES, cores
from wasmbuild.builder.request import CompileRequest, CompileResult, Prepared
from wasmbuild.builder.restoring import Restorable, Restorer, restored
from wasmbuild.errors import ExecutorError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wasmbuild.builder.interfaces import ArtifactCache, Compiler, Executor

Outcome = TypeVar("Outcome", covariant=True)


class Work(Restorable[Outcome], Protocol[Outcome]):
    """What is to be made, by id. One thread calls it, or several for different ids."""

    def prepare(self, id: str) -> Prepared:
        """Return the request for an artifact, with one thread. Raises WasmbuildError where there can be none."""


def threads_for(unfinished: int, slots: int, available: int) -> int:
    """Return how many threads a compiler gets when so many artifacts are unfinished, itself included.

    While many wait, one each: that keeps all cores busy and costs least. The last few, and any that run alone, get all
    cores.
    """
    return ALL_CORES if min(unfinished, slots) < available else 1


class Scheduler(Generic[Outcome]):
    """Makes artifacts out of work, on an executor, through a cache."""

    def __init__(
        self, work: Work[Outcome], start: Callable[[], Executor], cache: ArtifactCache, threads: int | None = None
    ) -> None:
        """``start`` returns the executor, and is called when there is something to compile.

        ``threads`` are how many artifacts are restored at once, by default as many as there are cores.
        """
        self._work = work
        self._start = start
        self._started: Executor | None = None
        self._cache = cache
        self._threads = cores() if threads is None else threads
        self._requests: dict[str, CompileRequest] = {}

    def run(self, ids: Iterable[str], on_start: Callable[[str], None], on_done: Callable[[Outcome], None]) -> None:
        """Make artifacts in the order given.

        ``on_start`` and ``on_done`` are called by this thread. When it is interrupted, what runs is stopped and nothing
        else is started; ``on_done`` is not called any more. Raises ExecutorError, after what the cache has was taken.
        """
        waiting = Restorer(self._work, ids, self._cache, self._threads)
        ready: list[tuple[str, Prepared]] = []
        try:
            while waiting or ready or self._requests:
                while waiting and self._has_room(len(ready)):
                    id, outcome = waiting.next()
                    prepared = self._prepared(id, outcome, on_start, on_done)
                    if prepared is not None:
                        ready.append((id, prepared))
                    self._submit(ready, len(waiting), on_start)
                self._submit(ready, len(waiting), on_start)
                if self._requests:
                    for id, result in self._executor.results():
                        on_done(_finished(self._work, id, self._requests.pop(id), result, self._cache))
        except BaseException as error:
            if self._started is not None:
                self._started.abort()
            if isinstance(error, ExecutorError):
                # What was kept needs nobody who compiles.
                while waiting:
                    id, outcome = waiting.next()
                    if outcome is not None:
                        on_start(id)
                        on_done(outcome)
            raise
        finally:
            waiting.close()

    def close(self) -> None:
        """Let go of the executor; nothing is running."""
        if self._started is not None:
            self._started.close()

    def _has_room(self, ready: int) -> bool:
        """Tell whether one more may be prepared, while so many are.

        That is one more than fits, so that the executor need not wait for a large source to be read.
        """
        begun = len(self._requests) + ready
        return not begun or begun <= self._executor.slots

    @property
    def _executor(self) -> Executor:
        if self._started is None:
            self._started = self._start()
        return self._started

    def _submit(self, ready: list[tuple[str, Prepared]], waiting: int, on_start: Callable[[str], None]) -> None:
        while ready and len(self._requests) < (slots := self._executor.slots):
            unfinished = waiting + len(ready) + len(self._requests)
            id, (request, wasm) = ready.pop(0)
            request = request._replace(threads=threads_for(unfinished, slots, self._executor.cores))
            on_start(id)
            self._requests[id] = request
            self._executor.submit(id, request, wasm)

    def _prepared(
        self, id: str, outcome: Outcome | None, on_start: Callable[[str], None], on_done: Callable[[Outcome], None]
    ) -> Prepared | None:
        """Return what is to be compiled; None for an artifact that is done already."""
        if outcome is None:
            try:
                return self._work.prepare(id)
            except WasmbuildError as error:
                outcome = self._work.fail(id, error)
        on_start(id)
        on_done(outcome)
        return None


def make(work: Work[Outcome], id: str, threads: int, compiler: Compiler, cache: ArtifactCache) -> Outcome:
    """Make one artifact in this thread, for whoever schedules by other means."""
    outcome = restored(work, id, cache)
    if outcome is not None:
        return outcome
    try:
        request, wasm = work.prepare(id)
    except WasmbuildError as error:
        return work.fail(id, error)
    request = request._replace(threads=threads)
    return _finished(work, id, request, compiler.compile(request, wasm), cache)


def _finished(
    work: Work[Outcome], id: str, request: CompileRequest, result: CompileResult, cache: ArtifactCache
) -> Outcome:
    try:
        checked = work.check_result(id, request, result)
    except WasmbuildError as error:
        return work.fail(id, error)
    keep(cache, checked, result)
    try:
        return work.publish(id, checked, result)
    except WasmbuildError as error:
        return work.fail(id, error)
