"""Locks that a forked child finds free, whoever held them in the parent.

A child has only the thread that forked; what another thread held stays held for ever. What these locks guard are single
assignments to dictionaries, which a fork, done by a thread that runs Python, does not cut in two.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class ForkSafeLock:
    """A mutex: ``with lock.mutex:``."""

    __slots__ = ("__weakref__", "mutex")

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        _locks.add(self)


_locks: WeakSet[ForkSafeLock] = WeakSet()


def _renew() -> None:
    for lock in list(_locks):
        lock.mutex = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
