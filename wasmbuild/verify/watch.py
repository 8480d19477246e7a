"""A deadline for what a child is doing, which moves from request to request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watch:
    """Calls ``kill`` from a thread of its own when the time that was granted last is up. Close it to end the thread."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self._change = threading.Condition()
        self._deadline: float | None = None
        self._wakes: float | None = None
        self._expired = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def grant(self, seconds: float | None) -> None:
        """Grant so many seconds from now; None for no limit. Whether time was up before is forgotten."""
        with self._change:
            self._expired = False
            self._deadline = None if seconds is None else time.monotonic() + seconds
            if self._deadline is None:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wasmbuild-watch", daemon=True)
                self._thread.start()
            # A later deadline is seen when the thread wakes for the earlier one.
            elif self._wakes is None or self._deadline < self._wakes:
                self._change.notify()

    def relax(self) -> bool:
        """Grant any time from now on, and tell whether time was up before."""
        with self._change:
            self._deadline = None
            return self._expired

    @property
    def expired(self) -> bool:
        """Whether the time that was granted last is up."""
        with self._change:
            return self._expired

    def close(self) -> None:
        """End the thread."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._change:
            while not self._closed:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is not None and left <= 0:
                    # Under the lock: whoever asks next knows of it, and what it starts next is not what is killed.
                    self._expired, self._deadline = True, None
                    self._kill()
                    continue
                self._wakes = self._deadline
                self._change.wait(left)
