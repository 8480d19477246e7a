"""What is used of ``threading``, without importing it: it takes as long as ten modules do.

To a type checker the name is that of ``threading``. Threads that end what they are about, however the process ends, are
those of ``threading`` itself: these are all daemons.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Thread as Thread
else:
    from _thread import allocate_lock, start_new_thread

    class Thread:
        """A daemon thread. Its target has to end without an exception."""

        def __init__(self, *, target, daemon):
            if not daemon:
                raise ValueError("it does not outlive the main thread")
            self._target = target
            self._ended = allocate_lock()

        def start(self):
            self._ended.acquire()
            try:
                start_new_thread(self._run, ())
            except BaseException:
                self._ended.release()
                raise

        def is_alive(self):
            return self._ended.locked()

        def join(self, timeout=None):
            if self._ended.acquire(timeout=-1 if timeout is None else timeout):
                self._ended.release()

        def _run(self):
            try:
                self._target()
            finally:
                self._ended.release()
