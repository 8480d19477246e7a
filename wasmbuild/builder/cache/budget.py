"""How long a build may wait for something that it could do without."""

from __future__ import annotations

import time
from _thread import allocate_lock

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Budget:
    """Seconds that may be waited for, by several threads at once; what is earned is added."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = seconds
        self._clock = clock
        self._waiting = 0
        self._since = 0.0
        self._mutex = allocate_lock()

    def left(self) -> float:
        with self._mutex:
            return self._left - (self._clock() - self._since if self._waiting else 0.0)

    def earn(self, seconds: float) -> None:
        with self._mutex:
            self._left += seconds

    def __enter__(self) -> None:
        with self._mutex:
            if not self._waiting:
                self._since = self._clock()
            self._waiting += 1

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            self._waiting -= 1
            if not self._waiting:
                self._left -= self._clock() - self._since
