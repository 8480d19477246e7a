"""Remote caches that kept somebody waiting for as long as they may, told to the other steps of a build.

Each step is a process of its own, and would wait as long again.
"""

from __future__ import annotations

import time

from wasmbuild.digest import sha256_hex
from wasmbuild.usercache import Documents

# How long steps do without a cache that kept one of them waiting.
_SECONDS = 60
_DOCUMENTS = Documents("late", 64)


def note(shown: str) -> None:
    """Remember that a cache, by its address as it is shown, was too late just now."""
    _DOCUMENTS.remember(_name(shown), time.time())


def is_recent(shown: str) -> bool:
    """Tell whether a cache was too late a moment ago."""
    when = _DOCUMENTS.recall(_name(shown))
    return isinstance(when, float) and 0 <= time.time() - when < _SECONDS


def _name(shown: str) -> str:
    return sha256_hex(shown.encode())
