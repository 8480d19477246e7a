"""A store far away as long as it is of use: opened when it is first needed, and left when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import obstore

from wasmbuild.builder.cache import packed, stores

FAILURES = 3
"""So many failures in a row are those of the store, not of an entry."""


class RemoteStore:
    """A store of entries; threads may use it at once.

    ``away`` says why nothing can be expected of it any more, in words that follow its address, None while there is
    nothing against it.
    """

    def __init__(self, store: Callable[[], Any]) -> None:
        """``store`` opens it."""
        self.away: str | None = None
        self._open = store
        self._store: Any = None
        self._opening = threading.Lock()
        self._mutex = threading.Lock()
        self._failures = 0

    def fetch(self, key: str) -> bytes:
        """Return the bytes under a key. Raises what obstore does, and NotAnEntryError where they are too many."""
        found = obstore.get(self._opened(), _path(key))
        # What else obstore says of it takes as long to make as a tenth of the transfer.
        if found.range[1] > packed.MAX_BYTES:
            raise packed.NotAnEntryError
        return bytes(found.bytes())

    def put(self, key: str, data: bytes) -> None:
        """Put bytes under a key. Raises what obstore does."""
        obstore.put(self._opened(), _path(key), data)

    def succeed(self) -> None:
        """Note that it answered."""
        self._failures = 0

    def is_left_for(self, error: BaseException) -> bool:
        """Tell whether it is away now because an error is one that all entries will have."""
        hopeless = str(error) if isinstance(error, stores.NoStoreError) else stores.hopeless(error)
        with self._mutex:
            if self.away is None:
                self.away = hopeless
        return hopeless is not None

    def fail(self, why: str) -> None:
        """Note that it did not answer, and the reason; with the last of several in a row, it is away."""
        with self._mutex:
            self._failures += 1
            if self.away is None and self._failures >= FAILURES:
                self.away = f"does not answer as a cache does ({why})"

    def _opened(self) -> Any:
        """Return the store, which the first transfer opens: to find credentials may take longer than any answer."""
        with self._opening:
            if self._store is None:
                if self.away is not None:
                    raise stores.NoStoreError(self.away)
                self._store = self._open()
            return self._store


def _path(key: str) -> str:
    """Return where an entry lies: as Bazel's HTTP cache calls the results of actions, which many servers serve."""
    return f"ac/{key}"
