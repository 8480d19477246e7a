"""One file of the cache: an artifact, what decided its bytes, and a trailer that says which it is.

The artifact comes first, so that a file system that shares blocks gives a copy without the rest by cutting it off. The
digest in the trailer is not checked here: whoever takes an artifact hashes what came to him.

    artifact | key's document as JSON | trailer: magic, sizes of both, SHA-256 of the artifact, key
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

from wasmbuild.lean_typing import IO, Any, NamedTuple

_MAGIC = b"wasmbuild/cache1"
_TRAILER = struct.Struct(">16sQQ32s32s")
_CHUNK = 1 << 20
# Linux's FICLONE, as in linux/fs.h: _IOW(0x94, 9, int).
_FICLONE = 0x40049409


class CacheEntry(NamedTuple):
    """An entry as its trailer tells: the size of its artifact in bytes, the digest that it has to have, its key."""

    size: int
    sha256: str
    key: str


def tail(artifact: bytes, sha256: str, key: str, inputs: Mapping[str, Any]) -> bytes:
    """Return what follows an artifact in its entry."""
    encoded = json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()
    trailer = _TRAILER.pack(_MAGIC, len(artifact), len(encoded), bytes.fromhex(sha256), bytes.fromhex(key))
    return encoded + trailer


def read(file: IO[bytes]) -> CacheEntry | None:
    """Return what the trailer of an open file says, None where it is no whole entry. Raises OSError."""
    whole = os.fstat(file.fileno()).st_size
    if whole < _TRAILER.size:
        return None
    file.seek(whole - _TRAILER.size)
    trailer = file.read(_TRAILER.size)
    if len(trailer) != _TRAILER.size:
        return None
    magic, size, encoded, sha256, key = _TRAILER.unpack(trailer)
    if magic != _MAGIC or size + encoded + _TRAILER.size != whole:
        return None
    return CacheEntry(size, sha256.hex(), key.hex())


def copy(file: IO[bytes], size: int, out: Path) -> None:
    """Copy the first bytes of an open file into a new one, sharing blocks where the file system can.

    Never a hard link: who writes into a build directory must not write into the cache. Raises OSError; nothing is left
    then.
    """
    with open(out, "xb", buffering=0) as made:
        try:
            if _shares_blocks(file, made):
                made.truncate(size)
            else:
                _copy_bytes(file, size, made)
        except BaseException:
            made.close()
            out.unlink()
            raise


def _shares_blocks(file: IO[bytes], made: IO[bytes]) -> bool:
    try:
        import fcntl

        fcntl.ioctl(made.fileno(), _FICLONE, file.fileno())
    except (ImportError, OSError):  # another system, another file system, or one that cannot
        return False
    return True


def _copy_bytes(file: IO[bytes], size: int, made: IO[bytes]) -> None:
    copied = _copied_by_system(file, size, made)
    file.seek(copied)
    size -= copied
    while size > 0:
        part = file.read(min(size, _CHUNK))
        if not part:
            raise EOFError
        size -= len(part)
        while part:
            part = part[made.write(part) :]


def _copied_by_system(file: IO[bytes], size: int, made: IO[bytes]) -> int:
    """Let the system copy what it can, through no memory of ours, and return how much that was."""
    copied = 0
    if hasattr(os, "copy_file_range"):
        file.seek(0)
        with contextlib.suppress(OSError):  # not between these file systems, or not on this system
            while copied < size and (part := os.copy_file_range(file.fileno(), made.fileno(), size - copied)):
                copied += part
    return copied
