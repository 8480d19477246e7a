"""A store far away as long as it is of use: opened when it is first needed, and left when it fails or takes too long.

All transfers run in one thread's event loop. What may be waited for is a budget: it is what a build may lose by this
cache, so that the seconds a compile would have taken are earned back by what is taken instead. A store that fails, or
that used the budget up, is away for the rest of the build.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import obstore

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.tally import Tally
from wasmbuild.builder.cache.transfers import Transfer, TransferThread

FAILURES = 3
"""So many failures in a row are those of the store, not of an entry."""


class Connection:
    """A store, the thread of its transfers, and how long it may be waited for; threads may use it at once."""

    def __init__(self, store: Callable[[], Any], timeout: float, tally: Tally) -> None:
        """``store`` opens the store; ``timeout`` are the seconds by which it may delay a build."""
        self.budget = Budget(timeout)
        self.mutex = threading.Lock()
        self._open = store
        self._timeout = timeout
        self._tally = tally
        self._store: Any = None
        self._thread: TransferThread | None = None
        self._under_way: set[Transfer] = set()
        self._failures = 0

    def ready(self) -> bool:
        """Tell whether it can be used, opening it the first time; the mutex is held."""
        if self._tally.away is not None:
            return False
        if self._store is None:
            try:
                self._store = self._open()
            except Exception as error:
                self._tally.away = str(error)
                return False
        if self._thread is None:
            self._thread = TransferThread()
        return True

    def set_out(self, *transfers: Transfer) -> None:
        """Take transfers for under way until they arrive; the mutex is held."""
        self._under_way.update(transfers)

    def arrived(self, transfer: Transfer) -> None:
        """Forget a transfer; the mutex is held."""
        self._under_way.discard(transfer)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to run a coroutine in the thread of the transfers."""
        thread = self._thread
        if thread is None:
            work.close()
        else:
            thread.spawn(work)

    def call(self, function: Callable[[int], None], argument: int) -> None:
        """Have a function called by the thread of the transfers."""
        thread = self._thread
        if thread is not None:
            thread.call(function, argument)

    def waited_for(self, future: Future[bytes | None]) -> bytes | None:
        """Return what a transfer brings, None where there is no more time for it."""
        if future.done():
            return future.result()
        with self.budget:
            while True:
                left = self.budget.left()
                if left <= 0:
                    self.leave(f"kept the build waiting for {self._timeout:g} s")
                    return None
                try:
                    return future.result(left)
                except TimeoutError:
                    # Another thread may have earned more.
                    continue

    def close(self) -> None:
        """End all transfers."""
        with self.mutex:
            self._under_way.clear()
            thread, self._thread, self._store = self._thread, None, None
        if thread is not None:
            thread.end()

    # --- in the thread of the transfers

    async def fetch(self, key: str) -> bytes | None:
        """Return the bytes under a key, None where they are too many. Raises what obstore does."""
        found = await obstore.get_async(self._store, _path(key))
        if found.meta["size"] > packed.MAX_BYTES:
            return None
        return bytes(await found.bytes_async())

    async def put(self, key: str, data: bytes) -> None:
        """Put bytes under a key. Raises what obstore does."""
        await obstore.put_async(self._store, _path(key), data)

    def succeed(self) -> None:
        """Note that it answered."""
        self._tally.answered = True
        self._failures = 0

    def fail(self, error: Exception) -> None:
        """Note that it did not; when that was so several times in a row, it is left."""
        self._failures += 1
        self._tally.failure = stores.reason(error)
        if self._failures >= FAILURES:
            self.leave(f"does not answer as a cache does ({self._tally.failure})")

    def leave(self, why: str) -> None:
        """Do without it from now on; whoever waits is let go."""
        with self.mutex:
            if self._tally.away is None:
                self._tally.away = why
            for transfer in self._under_way:
                transfer.end(None)


def _path(key: str) -> str:
    """Return where an entry lies: as Bazel's HTTP cache calls the results of actions, which many servers serve."""
    return f"ac/{key}"
