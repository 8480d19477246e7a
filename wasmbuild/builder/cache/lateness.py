"""Remote caches that kept somebody waiting for as long as they may, or do not answer, told to other steps of a build.

Each step is a process of its own, and would wait as long again, and try as often.
"""

from __future__ import annotations

import time

from wasmbuild.digest import sha256_hex
from wasmbuild.usercache import Documents

# How long steps do without a cache that was of no use to one of them.
_SECONDS = 60
_DOCUMENTS = Documents("late", 64)


def note(store: str) -> None:
    """Remember that a cache, by its ``origin``, was too late just now, or was not there."""
    _DOCUMENTS.remember(_name(store), time.time())


def is_recent(store: str) -> bool:
    """Tell whether a cache was so a moment ago."""
    when = _DOCUMENTS.recall(_name(store))
    return isinstance(when, float) and 0 <= time.time() - when < _SECONDS


def _name(store: str) -> str:
    return sha256_hex(store.encode())
