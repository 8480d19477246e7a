"""SHA-256 without OpenSSL while little is hashed: to load that takes as long as to hash some hundred kilobytes."""

from __future__ import annotations

import sys

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash

# The interpreter's own code takes about twice as long for each byte.
_LITTLE = 1 << 20
_HEX = frozenset("0123456789abcdef")


def sha256(data: bytes) -> _Hash:
    """Return the hash of some bytes, as ``hashlib.sha256`` does."""
    global _left
    if len(data) <= _left:
        _left -= len(data)
        return _own(data)
    import hashlib

    return hashlib.sha256(data)


def sha256_hex(data: bytes) -> str:
    """Return the digest of some bytes in hex."""
    return sha256(data).hexdigest()


def is_hex(text: str, digits: int) -> bool:
    """Tell whether a text is so many hexadecimal digits, in lower case as digests are written here."""
    return len(text) == digits and _HEX.issuperset(text)


def _built_in() -> Callable[[bytes], _Hash]:
    """Return what ``hashlib`` takes where there is no OpenSSL."""
    for name in ("_sha2" if sys.version_info >= (3, 12) else "_sha256", "hashlib"):
        try:
            found: Callable[[bytes], _Hash] = __import__(name).sha256
        except ImportError:
            continue
        return found
    raise ImportError("this Python has no SHA-256")


_own = _built_in()
_left = _LITTLE
