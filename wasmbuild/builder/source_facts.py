"""What large modules are, by the digests of their bytes, in the user's cache: it takes longer to find out than to read.

Only what the bytes themselves say is remembered, and only by the very code that found it.
"""

from __future__ import annotations

import json
from functools import cache

from wasmbuild import __version__
from wasmbuild.digest import sha256_hex
from wasmbuild.lean_typing import Any
from wasmbuild.usercache import Documents, code_of

_DOCUMENTS = Documents("sources", 1024)
# What is smaller is looked at in less time than a file takes to be written.
WORTH_BYTES = 64 << 10


def recall(sha256: str) -> dict[str, Any] | None:
    """Return what was remembered of a module with this digest in hex, None where nothing was."""
    found = _DOCUMENTS.recall(_name(sha256))
    return found if isinstance(found, dict) else None


def remember(sha256: str, facts: dict[str, Any]) -> None:
    """Remember what a module with this digest in hex is, as JSON values."""
    _DOCUMENTS.remember(_name(sha256), facts)


def _name(sha256: str) -> str:
    return sha256_hex(_code() + bytes.fromhex(sha256))


@cache
def _code() -> bytes:
    return json.dumps([__version__, code_of("formats", "builder")]).encode()
