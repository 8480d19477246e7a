"""What ``[cache]`` comes to: whether artifacts are kept for other builds of this user, and how many."""

from __future__ import annotations

from wasmbuild.lean_typing import NamedTuple

DEFAULT_BYTES = 5 << 30


class CachePolicy(NamedTuple):
    """With ``enabled``, artifacts are taken from the user's cache and kept there, up to ``max_bytes`` in all."""

    enabled: bool = True
    max_bytes: int = DEFAULT_BYTES
