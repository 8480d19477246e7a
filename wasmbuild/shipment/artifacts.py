"""From what a manifest lists to the open file that has these bytes: what is used is what was hashed."""

from __future__ import annotations

import io
import os
from typing import Literal

from wasmbuild.lean.typing import NamedTuple, Protocol
from wasmbuild.shipment.errors import AGAIN, Reason, ShippedFileError
from wasmbuild.shipment.source import ShipmentSource

Check = Literal["digest", "size", "none"]

SMALL = 256 << 10
"""Bytes of a file that are read at once; what is larger is hashed in pieces that stay in the processor's cache."""


class ListedFile(Protocol):
    """A file that a manifest lists: an artifact, or the source that is shipped with it."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class OpenFile(NamedTuple):
    """A file that a manifest lists, to be closed by whoever has it.

    ``status`` is what it had before it was read; ``data`` are its bytes where they were read at once, else None.
    """

    file: io.FileIO
    status: os.stat_result
    data: bytes | None


def open_listed(
    source: ShipmentSource,
    listed: ListedFile,
    where: str,
    *,
    check: Check = "digest",
    whole: bool = False,
    buffer: memoryview | None = None,
) -> OpenFile:
    """Open a file below its manifest's directory, when it is the one that the manifest lists as far as is checked.

    ``where`` names it for people. With ``whole``, what is hashed is kept as ``data``, however large. ``buffer`` is one
    to read into, for a caller who opens many. Raises ShippedFileError.
    """
    try:
        file, status = source.open(listed.path)
    except OSError as error:
        raise ShippedFileError.of(error, where) from None
    try:
        data = None
        if check != "none" and status.st_size != listed.size:
            raise _other_size(where, status.st_size, listed.size)
        if check == "digest":
            found, data = _digest(file, listed.size, where, buffer, whole=whole)
            if found != listed.sha256:
                problem = f"has SHA-256 {found[:16]}…, and its manifest says {listed.sha256[:16]}…"
                raise ShippedFileError(Reason.OTHER_BYTES, where, problem, AGAIN)
        return OpenFile(file, status, data)
    except OSError as error:
        file.close()
        raise ShippedFileError.of(error, where) from None
    except BaseException:
        file.close()
        raise


def _digest(
    file: io.FileIO, size: int, where: str, buffer: memoryview | None, *, whole: bool
) -> tuple[str, bytes | None]:
    """Return the SHA-256 of an open file of a size, and its bytes where they were read at once."""
    from hashlib import sha256

    from wasmbuild.files import read_up_to

    # Who asks for one byte more than there is, and does not get it, has read to the end.
    if size <= SMALL and len(data := os.read(file.fileno(), size + 1)) == size:
        return sha256(data).hexdigest(), data
    file.seek(0)
    if whole:
        data = read_up_to(file, size + 1)
        if len(data) != size:
            raise _changing(where)
        return sha256(data).hexdigest(), data
    buffer = buffer if buffer is not None else memoryview(bytearray(SMALL))
    digest, left = sha256(), size + 1
    while left and (count := file.readinto(buffer[:left])):
        digest.update(buffer[:count])
        left -= count
    if left != 1:
        raise _changing(where)
    return digest.hexdigest(), None


def _changing(where: str) -> ShippedFileError:
    fix = f"{AGAIN}, and look at it when nothing writes to it"
    return ShippedFileError(Reason.CHANGING, where, "changed while it was read", fix)


def _other_size(where: str, found: int, listed: int) -> ShippedFileError:
    how = "cut off, or changed" if found < listed else "changed"
    problem = f"has {found} bytes, and its manifest says {listed}: it was {how} after it was built"
    return ShippedFileError(Reason.OTHER_SIZE, where, problem, AGAIN)
