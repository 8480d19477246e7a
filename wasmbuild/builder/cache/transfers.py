"""Threads in which all transfers from and to a remote cache run, and whoever waits for one.

A thread that waits for a store holds no lock of Python: a transfer takes a third of what it does in an event loop.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from wasmbuild.lean.typing import Generic, TypeVar

Brought = TypeVar("Brought")

# As many as are as fast as any number where a store answers at once, and as many as a store may have to answer.
_FEW = 4
_MOST = 32
_JOIN_SECONDS = 0.2


class Transfer(Generic[Brought]):
    """An entry that is on its way: what it ``brought`` when it is ``done``, None where that is nothing.

    ``ahead`` is set where nobody had asked for them when they set out.
    """

    __slots__ = ("_arrived", "ahead", "brought", "done", "started")

    def __init__(self) -> None:
        self.brought: Brought | None = None
        self.started = self.ahead = self.done = False
        self._arrived = threading.Lock()
        self._arrived.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait for it, at most that long; tell whether it is done."""
        if not self.done and self._arrived.acquire(timeout=max(seconds, 0)):
            self._arrived.release()
        return self.done

    def end(self, brought: Brought | None = None) -> None:
        """Let go of whoever waits, if nobody did before."""
        if not self.done:
            self.brought = brought
            self.done = True
            with contextlib.suppress(RuntimeError):  # two did at once
                self._arrived.release()


class TransferThreads:
    """Runs jobs in the order given, several at once, until it is ended. Threads may use it at once."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._mutex = threading.Lock()

    def run(self, job: Callable[[], None]) -> None:
        """Have a job run, which raises nothing."""
        self._jobs.put(job)
        if len(self._threads) < _FEW:
            self._start(1)

    def hasten(self) -> None:
        """Run twice as many jobs at once as now: somebody has to wait, for a store that is far away."""
        if not self._jobs.empty():
            self._start(len(self._threads))

    def end(self, *, wait: bool) -> None:
        """Run nothing more; with ``wait``, wait a moment for what is running."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()
        with self._mutex:
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        until = time.monotonic() + (_JOIN_SECONDS if wait else 0.0)
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0.0))

    def _start(self, more: int) -> None:
        with self._mutex:
            for _ in range(min(more, _MOST - len(self._threads))):
                # What it waits for must not keep the process.
                thread = threading.Thread(target=self._serve, name="remote cache", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
