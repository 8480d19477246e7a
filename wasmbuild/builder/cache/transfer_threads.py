"""Threads in which transfers run: one where a store is near, many where it is far away.

A thread that waits for a store holds no lock of Python: a transfer takes a third of what it does in an event loop.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

# So many a store may have to answer at once.
_MOST = 32
# Of a store nearby, one thread takes as much as several, which would wait for Python's lock. What takes longer, on an
# average over some, waits for a store that is far away.
_NEAR_SECONDS = 0.004
_SOME = 8


class TransferThreads:
    """Runs jobs in the order given, several at once, for as long as the process lives. Threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._count = 0
        self._average = 0.0
        self._mutex = threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Have a job run, which raises nothing."""
        self._jobs.put(job)
        if not self._count:
            self._start(1)

    def _start(self, more: int) -> None:
        with self._mutex:
            for _ in range(min(more, _MOST - self._count)):
                self._count += 1
                threading.Thread(target=self._serve, name="remote cache", daemon=True).start()

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            started = time.monotonic()
            job()
            self._average += (time.monotonic() - started - self._average) / _SOME
            if self._average > _NEAR_SECONDS and not self._jobs.empty():
                self._start(self._count)
