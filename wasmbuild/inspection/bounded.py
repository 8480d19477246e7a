"""Reading no more of a file than is wanted, whatever it has."""

from __future__ import annotations

from typing import IO

_CHUNK = 1 << 20


def read_up_to(file: IO[bytes], limit: int) -> bytes:
    """Return the bytes of an open file from its present position on, at most ``limit``."""
    parts = []
    while limit > 0 and (part := file.read(min(limit, _CHUNK))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
