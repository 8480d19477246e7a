"""Threads in which transfers run: few where a store is near, many where it is far away.

A thread that waits for a store holds no lock of Python: a transfer takes a third of what it does in an event loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wasmbuild.lean.queue import SimpleQueue
from wasmbuild.lean.threading import started

# So many a store may have to answer at once.
_MOST = 32
# Of a store nearby, few threads take as much as many, which would wait for Python's lock; two, so that a transfer that
# hangs holds up no other one.
_FEW = 2
# Who waits longer several times in a row, so long in all, waits for a store that is far away: on a busy machine, all do
# so once.
_NEAR_SECONDS = 0.004
_FAR_SECONDS = 0.05


class TransferThreads:
    """Runs jobs in the order given, several at once, for as long as the process lives. Threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._count = 0
        self._far = 0.0
        self._mutex = threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Have a job run, which raises nothing."""
        if not self._count:
            self._start(_FEW)
        if self._count:
            self._jobs.put(job)
        else:
            job()

    def _start(self, more: int) -> None:
        """Start more threads, as far as there may be more and this system has them."""
        with self._mutex:
            for _ in range(min(more, _MOST - self._count)):
                if started(self._serve) is None:
                    return
                self._count += 1

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            started = _waited()
            job()
            waited = _waited() - started
            self._far = self._far + waited if waited > _NEAR_SECONDS else 0.0
            if self._far > _FAR_SECONDS and not self._jobs.empty():
                self._start(self._count)


def _waited() -> float:
    """Return for how many seconds this thread computed nothing, from a point in time on."""
    return time.monotonic() - time.thread_time()
