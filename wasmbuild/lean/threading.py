"""What is used of ``threading``, without importing it: it takes as long as ten modules do.

To a type checker ``Thread`` is that of ``threading``. Threads that end what they are about, however the process ends,
are those of ``threading`` itself: these are all daemons.

A program that is not ours has to have imported ``threading`` before one of these does: up to Python 3.12, that takes
who imports it first for the main thread.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread as Thread
else:
    from _thread import allocate_lock, start_new_thread

    class Thread:
        """A daemon thread. Its target has to end without an exception."""

        def __init__(self, *, target, daemon):
            if not daemon:
                raise ValueError("it does not outlive the main thread")
            self._target = target
            self._alive = False
            self._ended = allocate_lock()

        def start(self):
            self._ended.acquire()
            self._alive = True
            try:
                start_new_thread(self._run, ())
            except BaseException:
                self._alive = False
                self._ended.release()
                raise

        def is_alive(self):
            return self._alive

        def join(self, timeout=None):
            # Who is interrupted between the two keeps the lock, and may ask again.
            if self._alive and self._ended.acquire(timeout=-1 if timeout is None else timeout):
                self._ended.release()

        def _run(self):
            try:
                self._target()
            finally:
                self._alive = False
                self._ended.release()


def started(target: Callable[[], None]) -> Thread | None:
    """Start a daemon thread and return it; None where this system has none left."""
    thread = Thread(target=target, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread
