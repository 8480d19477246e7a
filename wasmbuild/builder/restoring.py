"""What a build takes from a cache instead of compiling it: in threads of their own, as long as artifacts are large.

To copy and to check what is large is most of the work, and Python lets go of its lock for both.
"""

from __future__ import annotations

from wasmbuild import interrupts
from wasmbuild.builder.cache.answers import NO_CACHE
from wasmbuild.builder.compile import kept
from wasmbuild.builder.request import CheckedArtifact, CompileRequest, CompileResult
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.queue import Empty, SimpleQueue
from wasmbuild.lean.threading import Thread, started
from wasmbuild.lean.typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.builder.interfaces import ArtifactCache

Outcome = TypeVar("Outcome", covariant=True)

_JOIN_SECONDS = 1.0
# What copies and checks that much is worth a thread; the largest come first.
_WORTH_BYTES = 1 << 19


class Restorable(Protocol[Outcome]):
    """What may be restored, by id. Several threads call it, for different ids."""

    def request(self, id: str) -> CompileRequest:
        """Return the request for an artifact. Raises WasmbuildError where there can be none."""

    def scratch(self) -> Path:
        """Return a private directory, on the file system where artifacts belong. Raises WasmbuildError."""

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        """Hold an artifact to its request. Raises WasmbuildError where it is another one, or its error."""

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> Outcome:
        """Put an artifact where it belongs. Raises WasmbuildError."""

    def fail(self, id: str, error: WasmbuildError) -> Outcome:
        """Tell that there is no artifact."""


def restored(work: Restorable[Outcome], id: str, cache: ArtifactCache) -> Outcome | None:
    """Take an artifact from a cache and publish it; None where it has to be compiled."""
    return _restored(work, id, cache).outcome


class _Restored(NamedTuple, Generic[Outcome]):
    """What became of an artifact, None where it has to be compiled, and its size in bytes."""

    outcome: Outcome | None
    size: int = 0


def _restored(work: Restorable[Outcome], id: str, cache: ArtifactCache) -> _Restored[Outcome]:
    if cache is NO_CACHE:
        return _Restored(None)
    try:
        request = work.request(id)
        found = kept(cache, request, work.scratch(), lambda result: work.check_result(id, request, result))
        if found is None:
            return _Restored(None)
        checked, result = found
        return _Restored(work.publish(id, checked, result), checked.record.size)
    except WasmbuildError as error:
        return _Restored(work.fail(id, error))


class Restorer(Generic[Outcome]):
    """Says of one artifact after another whether it was restored. One thread uses it."""

    def __init__(self, work: Restorable[Outcome], ids: Iterable[str], cache: ArtifactCache, threads: int) -> None:
        """``threads`` are how many artifacts are restored at once while they are there."""
        self._work = work
        self._ids = list(ids)
        self._ids.reverse()
        self._cache = cache
        self._most = threads
        self._threads: list[Thread] = []
        self._asked: SimpleQueue[str | None] = SimpleQueue()
        self._answered: SimpleQueue[tuple[str, _Restored[Outcome] | BaseException]] = SimpleQueue()
        self._under_way: list[str] = []
        self._early: dict[str, _Restored[Outcome] | BaseException] = {}
        # Where nothing is there, threads would be in the way of what compiles; and what is small has been done before
        # another thread is told of it.
        self._ahead = False

    def __len__(self) -> int:
        """Return of how many nothing was said yet."""
        return len(self._ids) + len(self._under_way)

    def next(self) -> tuple[str, Outcome | None]:
        """Return the next artifact's id and what became of it, None where it has to be compiled."""
        while self._ahead and self._ids and len(self._under_way) < 2 * self._most:
            self._start()
            if not self._threads:
                break
            self._under_way.append(self._ids.pop())
            self._asked.put(self._under_way[-1])
        if self._under_way:
            id = self._under_way.pop(0)
            while id not in self._early:
                answered, answer = interrupts.awaited(self._answered)
                self._early[answered] = answer
            found = self._early.pop(id)
            if isinstance(found, BaseException):
                raise found
        else:
            id = self._ids.pop()
            found = _restored(self._work, id, self._cache)
        self._ahead = found.size >= _WORTH_BYTES and self._most > 1
        return id, found.outcome

    def close(self) -> None:
        """End the threads, after what they are about; what waits is left."""
        while not self._asked.empty():
            try:
                self._asked.get_nowait()
            except Empty:
                break
        for _ in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        self._threads = []

    def _start(self) -> None:
        """Start another thread, as far as there may be more and this system has them."""
        if len(self._threads) < self._most:
            # What waits for a store far away must not keep the process.
            thread = started(self._serve)
            if thread is None:
                self._most = len(self._threads)
            else:
                self._threads.append(thread)

    def _serve(self) -> None:
        while (id := self._asked.get()) is not None:
            try:
                found: _Restored[Outcome] | BaseException = _restored(self._work, id, self._cache)
            except BaseException as error:
                found = error
            self._answered.put((id, found))
