"""A thread with an event loop, in which all transfers from and to a remote cache run, and whoever waits for one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from typing import Any

_JOIN_SECONDS = 2.0


class Transfer:
    """Bytes of an entry that are on their way; ``ahead`` is set where nobody had asked for them when they set out."""

    __slots__ = ("ahead", "future", "started")

    def __init__(self) -> None:
        self.future: Future[bytes | None] = Future()
        self.started = self.ahead = False

    def end(self, data: bytes | None) -> None:
        """Let go of whoever waits, if nobody did before."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(data)


class TransferThread:
    """A thread that runs coroutines until it is ended; what they wait for must not keep the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="remote cache", daemon=True)
        self._thread.start()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to run a coroutine."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Callable[[int], None], argument: int) -> None:
        """Have a function called there."""
        self._loop.call_soon_threadsafe(function, argument)

    def end(self) -> None:
        """Cancel what runs, and wait a moment for that."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        finally:
            loop.close()
