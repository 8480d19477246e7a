"""A store far away as long as it is of use: opened when it is first needed, and left when it fails or takes too long.

What may be waited for is a budget: it is what a build may lose by this cache, so that the seconds a compile would have
taken are earned back by what is taken instead. A store that fails, or that used the budget up, is away for the rest of
the build.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import obstore

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.remote_status import RemoteStatus
from wasmbuild.builder.cache.transfers import Brought, Transfer, TransferThreads

FAILURES = 3
"""So many failures in a row are those of the store, not of an entry."""
# Who waits longer than that waits for a store that is far away.
_NEAR_SECONDS = 0.005


class Connection:
    """A store, the threads of its transfers, and how long it may be waited for; threads may use it at once."""

    def __init__(
        self,
        store: Callable[[], Any],
        timeout: float,
        status: RemoteStatus,
        late: Callable[[], None] = lambda: None,
    ) -> None:
        """``store`` opens the store; ``timeout`` are the seconds by which it may delay a build.

        ``late`` is called when it is left because they are over.
        """
        self.budget = Budget(timeout)
        self.mutex = threading.Lock()
        self._open = store
        self._timeout = timeout
        self._status = status
        self._late = late
        self._store: Any = None
        self._opening = threading.Lock()
        self._threads: TransferThreads | None = None
        self._under_way: set[Transfer[Any]] = set()
        self._failures = 0

    def ready(self) -> bool:
        """Tell whether it can be used, as far as is known; the mutex is held."""
        if self._status.away is not None:
            return False
        if self._threads is None:
            self._threads = TransferThreads()
        return True

    def set_out(self, *transfers: Transfer[Any]) -> None:
        """Take transfers for under way until they arrive; the mutex is held."""
        self._under_way.update(transfers)

    def arrived(self, transfer: Transfer[Any]) -> None:
        """Forget a transfer; the mutex is held."""
        self._under_way.discard(transfer)

    def run(self, job: Callable[[], None]) -> None:
        """Have a job run by a thread of the transfers."""
        threads = self._threads
        if threads is not None:
            threads.run(job)

    def waited_for(self, transfer: Transfer[Brought]) -> Brought | None:
        """Return what a transfer brings, None where there is no more time for it."""
        if transfer.done:
            return transfer.brought
        with self.budget:
            if not transfer.wait(min(_NEAR_SECONDS, self.budget.left())) and self._threads is not None:
                self._threads.hasten()
            # Another thread may earn more meanwhile.
            while not transfer.wait(left := self.budget.left()):
                if left <= 0:
                    self.leave(f"kept the build waiting for {self._timeout:g} s")
                    self._late()
                    return None
        return transfer.brought

    def close(self) -> None:
        """End all transfers."""
        with self.mutex:
            self._under_way.clear()
            threads, self._threads = self._threads, None
        if threads is not None:
            # Of one that is away, nothing will come.
            threads.end(wait=self._status.away is None)

    # --- in the threads of the transfers

    def fetch(self, key: str) -> bytes:
        """Return the bytes under a key. Raises what obstore does, and NotAnEntryError where they are too many."""
        found = obstore.get(self._opened(), _path(key))
        # What else obstore says of it takes as long to make as a tenth of the transfer.
        if found.range[1] > packed.MAX_BYTES:
            self.succeed()
            raise packed.NotAnEntryError
        return bytes(found.bytes())

    def put(self, key: str, data: bytes) -> None:
        """Put bytes under a key. Raises what obstore does."""
        obstore.put(self._opened(), _path(key), data)

    def _opened(self) -> Any:
        """Return the store, which the first transfer opens: to find credentials may take longer than any answer."""
        with self._opening:
            if self._store is None:
                if self._status.away is not None:
                    raise stores.NoStoreError(self._status.away)
                try:
                    self._store = self._open()
                except Exception as error:
                    self.leave(str(error))
                    raise
            return self._store

    def succeed(self) -> None:
        """Note that it answered."""
        self._status.answered = True
        self._failures = 0

    def fail(self, error: Exception) -> None:
        """Note that it did not; when that was so several times in a row, it is left."""
        with self.mutex:
            self._failures += 1
            self._status.failure = stores.reason(error)
            lost = self._failures >= FAILURES
        if lost:
            self.leave(f"does not answer as a cache does ({self._status.failure})")

    def leave(self, why: str) -> None:
        """Do without it from now on; whoever waits is let go."""
        with self.mutex:
            if self._status.away is None:
                self._status.away = why
            for transfer in self._under_way:
                transfer.end()


def _path(key: str) -> str:
    """Return where an entry lies: as Bazel's HTTP cache calls the results of actions, which many servers serve."""
    return f"ac/{key}"
