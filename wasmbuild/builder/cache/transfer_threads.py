"""Threads in which transfers run: few where a store is near, many where it is far away.

A thread that waits for a store holds no lock of Python: a transfer takes a third of what it does in an event loop.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

# As many are as fast as any number where a store answers at once, and as many as a store may have to answer.
_FEW = 2
_MOST = 32
# What takes longer waits for a store that is far away, and not for Python's lock.
_NEAR_SECONDS = 0.02


class TransferThreads:
    """Runs jobs in the order given, several at once, for as long as the process lives. Threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._count = 0
        self._mutex = threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Have a job run, which raises nothing."""
        self._jobs.put(job)
        if self._count < _FEW:
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
            if time.monotonic() - started > _NEAR_SECONDS and not self._jobs.empty():
                self._start(self._count)
