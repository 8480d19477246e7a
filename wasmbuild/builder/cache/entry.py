"""One file of the cache: an artifact, what decided its bytes, and a trailer that says which it is.

The artifact comes first, so that a file system that shares blocks gives a copy without the rest by cutting it off.

    artifact | key's document as JSON | trailer: magic, sizes of both, SHA-256 of the artifact, key, CRC-32

The checksum is over the artifact and the trailer before it. What is taken is held to that, and not to its digest: it
was hashed when it was kept, nobody but the user can have written here since, and what befalls a disk shows in a
checksum, which takes an eighth of the time: zlib's, for that of ``binascii`` takes nine times as long where it is built
without zlib, as in the Pythons that uv installs. Whoever loads an artifact hashes it.
"""

from __future__ import annotations

import io
import os
import struct
from zlib import crc32

from wasmbuild import files
from wasmbuild.lean.typing import NamedTuple

# How the name of one begins that is not whole yet, which nobody else's does.
TEMPORARY = ".wasmbuild.new-"
_MAGIC = b"wasmbuild/cache2"
_TRAILER = struct.Struct(">16sQQ32s32s")
_SUM = struct.Struct(">I")
_END = _TRAILER.size + _SUM.size
# What is smaller is read at once, trailer and all; the rest in parts that stay in a core's own memory.
_SMALL = 256 << 10
_PART = 256 << 10
# Linux's FICLONE, as in linux/fs.h: _IOW(0x94, 9, int).
_FICLONE = 0x40049409


class DamagedEntryError(Exception):
    """A file that is no whole entry for a key."""


class ExtractedArtifact(NamedTuple):
    """An artifact that was taken out of an entry: size in bytes, digest in hex, what ``files.stamp`` said of the file.

    ``data`` are its bytes where it is small, ``shared`` tells whether the new file has the blocks of the entry.
    """

    size: int
    sha256: str
    stamped: files.Signature | None
    data: bytes | None
    shared: bool


def tail(artifact: bytes, sha256: str, key: str, inputs: bytes) -> bytes:
    """Return what follows an artifact in its entry."""
    trailer = _TRAILER.pack(_MAGIC, len(artifact), len(inputs), bytes.fromhex(sha256), bytes.fromhex(key))
    return inputs + trailer + _SUM.pack(crc32(trailer, crc32(artifact)))


def take(descriptor: int, whole: int, key: str, out: str, *, share: bool) -> ExtractedArtifact:
    """Copy the artifact of an open entry of ``whole`` bytes into a new file, and hold what was copied to its checksum.

    With ``share``, the file system is asked to let both have the same blocks. Never a hard link: who writes into a
    build directory must not write into the cache. Raises DamagedEntryError where it is no entry for the key, and
    OSError; nothing is left then.
    """
    data = None
    if whole <= _SMALL:
        data = os.read(descriptor, whole)
        end = data[-_END:]
    else:
        os.lseek(descriptor, whole - _END, os.SEEK_SET)
        end = os.read(descriptor, _END)
    if len(end) != _END:
        raise DamagedEntryError
    magic, size, encoded, sha256, of = _TRAILER.unpack_from(end)
    if magic != _MAGIC or size + encoded + _END != whole or of.hex() != key:
        raise DamagedEntryError
    with files.NewFile(out) as made:
        shared = share and _shares_blocks(descriptor, made.descriptor, size)
        if data is None:
            checksum = _checksum(made.descriptor if shared else descriptor, size, None if shared else made)
        elif shared:
            data = os.read(made.descriptor, size)
            checksum = crc32(data)
        else:
            data = data[:size]
            checksum = crc32(data)
            made.write(data)
        if crc32(end[: _TRAILER.size], checksum) != _SUM.unpack_from(end, _TRAILER.size)[0]:
            raise DamagedEntryError
    return ExtractedArtifact(size, sha256.hex(), made.stamped, data, shared)


def _checksum(source: int, size: int, copy: files.NewFile | None) -> int:
    """Return the checksum of the first bytes of an open file, which are written into a copy on the way."""
    os.lseek(source, 0, os.SEEK_SET)
    buffer = memoryview(bytearray(_PART))
    checksum = 0
    with io.FileIO(source, "rb", closefd=False) as file:
        while size > 0:
            count = file.readinto(buffer[: min(size, _PART)])
            if not count:
                raise DamagedEntryError
            part = buffer[:count]
            checksum = crc32(part, checksum)
            if copy is not None:
                copy.write(part)
            size -= count
    return checksum


def _shares_blocks(source: int, made: int, size: int) -> bool:
    try:
        import fcntl

        fcntl.ioctl(made, _FICLONE, source)
    except (ImportError, OSError):  # another system, another file system, or one that cannot
        return False
    os.ftruncate(made, size)
    return True
