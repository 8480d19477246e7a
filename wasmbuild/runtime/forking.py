"""Locks that a forked child finds free, whoever held them in the parent.

A child has only the thread that forked; what another thread held stays held for ever. What these locks guard are single
assignments to dictionaries, which a fork, done by a thread that runs Python, does not cut in two.
"""

from __future__ import annotations

import os

# What `threading` makes its locks with: to import that takes a sixth of what this package does.
from _thread import LockType, allocate_lock


class ForkSafeLock:
    """A mutex: ``with lock.mutex:``."""

    __slots__ = ("__weakref__", "_mutex", "_process")

    def __init__(self) -> None:
        self._mutex = allocate_lock()
        self._process = _process

    @property
    def mutex(self) -> LockType:
        """The lock of this process: that of the parent is left to it."""
        if self._process is not _process:
            with _renewing:
                if self._process is not _process:
                    # Who finds the second finds the first.
                    self._mutex = allocate_lock()
                    self._process = _process
        return self._mutex


# Stands for this process: another object in each child.
_process = object()
_renewing = allocate_lock()


def _renew() -> None:
    global _process, _renewing
    _process, _renewing = object(), allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
