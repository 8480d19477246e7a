"""What a child says, put together from what its stdout brings: the frames that ``wire.py`` describes."""

from __future__ import annotations

from wasmbuild.lean import json
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.text import printable

# Bytes.
_LONGEST_LINE = 1 << 28


class Reply(NamedTuple):
    """What the child said: a JSON object, and bytes."""

    body: dict[str, Any]
    data: bytes


class ReplyBuffer:
    """The bytes that came, and no reply was made of yet."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._searched = 0

    def add(self, data: bytes) -> None:
        """Add what came next."""
        self._bytes += data

    def take(self) -> Reply | None:
        """Return the next reply that is whole; None while there is none. Raises ValueError for what can be none."""
        end = self._bytes.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._bytes)
            if self._searched > _LONGEST_LINE:
                raise ValueError("a line without an end")
            return None
        line = self._bytes[:end].decode("utf-8", "replace")
        try:
            body = json.read(line)
        except (ValueError, RecursionError):
            raise ValueError(f"{printable(line, 80) or 'an empty line'}; it may write nothing else to stdout") from None
        size = body.get("size", 0) if isinstance(body, dict) else None
        if type(size) is not int or size < 0:
            raise ValueError("not an object with a size")
        if len(self._bytes) < end + 1 + size:
            return None
        data = bytes(self._bytes[end + 1 : end + 1 + size])
        del self._bytes[: end + 1 + size]
        self._searched = 0
        return Reply(body, data)
