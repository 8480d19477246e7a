"""What the disk says of a file: its stat signature, its bytes, its digest; each read through one descriptor."""

from __future__ import annotations

import errno
import os
import stat
import time

from wasmbuild.digest import sha256
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Signature = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, mtime and ctime in nanoseconds."""

# A file can change twice within one step of the clock that stamps it, and its signature shows the first change only.
# Linux stamps with the timer tick (at most 10 ms), Windows with 15.6 ms; a file system without nanoseconds with 2 s.
FINE_STEP_NS = 20_000_000
COARSE_STEP_NS = 2_000_000_000
# POSIX stamps a change with a ctime that nobody chooses; that of Windows is when the file was made.
_STAMPED_BY_CHANGES = 3 if os.name == "nt" else 4

_CHUNK = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A FIFO would block the open itself; O_NONBLOCK has no effect on regular files.
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
# Takes out of a path what no shell needs in quotes, besides letters and digits.
_PLAIN = str.maketrans("", "", f"/-_.{os.sep}")
# For reading too, because what shares its blocks with another file is read there.
_NEW_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
STAMPS_OPEN = os.utime in os.supports_fd
"""Whether this system stamps a file that is open, by its descriptor: that takes half of the time."""


def signature(result: os.stat_result) -> Signature:
    """Return the part of a stat result that changes whenever the file's bytes may have changed."""
    return (result.st_dev, result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns)


def spelled(result: os.stat_result) -> str:
    """Return the signature of a stat result as text, which ``spell`` makes of the signature itself."""
    return f"{result.st_dev}\t{result.st_ino}\t{result.st_size}\t{result.st_mtime_ns}\t{result.st_ctime_ns}"


def spell(sig: Signature) -> str:
    """Return a signature as text: five numbers with tabs between them."""
    dev, ino, size, mtime, ctime = sig
    return f"{dev}\t{ino}\t{size}\t{mtime}\t{ctime}"


def is_settled(sig: Signature, now_ns: int) -> bool:
    """Tell whether a change after ``now_ns`` (the file system's clock) would certainly show in the signature.

    Where it shows in the ctime, an mtime that somebody set, as to one in the future, says nothing.
    """
    stamps = sig[_STAMPED_BY_CHANGES:]
    step = FINE_STEP_NS if all(stamp % 1_000_000_000 for stamp in stamps) else COARSE_STEP_NS
    return max(stamps) + step <= now_ns


def pass_step() -> None:
    """Wait until what is written from now on is younger than all that was, where the clock of files is a fine one.

    Who compares times, as Make and Ninja do, would not see what a user writes in the same step as the last output.
    """
    time.sleep(FINE_STEP_NS / 1e9)


def status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return what the system says of the file that a path leads to, None where it says of none."""
    try:
        return os.stat(path)
    except OSError:
        return None


def signature_of(path: str | os.PathLike[str]) -> Signature | None:
    """Return the signature of the file that a path leads to, None where there is none to be seen."""
    found = status(path)
    return None if found is None else signature(found)


def stamp(path: str | os.PathLike[str] | int) -> Signature | None:
    """Give a file of ours the present time to the nanosecond, which nobody who writes into it later leaves it.

    Systems stamp what is written by the tick of a clock, and between two ticks there are millions of nanoseconds. So
    what is read of the file after this is what it holds for as long as it keeps the signature, however young that is;
    to rename it changes the last part alone. Where ``STAMPS_OPEN`` is true, a descriptor names it as well as its path.
    Returns the signature, None where the file system keeps no such time.
    """
    now = time.time_ns()
    try:
        os.utime(path, ns=(now, now))
        kept = os.fstat(path) if isinstance(path, int) else os.lstat(path)
    except OSError:
        return None
    return signature(kept) if kept.st_mtime_ns == now else None


def placed(path: str | os.PathLike[str], stamped: Signature) -> Signature | None:
    """Return the signature of a file that was stamped and renamed to this; None where it is another one already."""
    try:
        now = signature(os.lstat(path))
    except OSError:
        return None
    return now if now[:-1] == stamped[:-1] else None


class NewFile:
    """A file that is written where none is, as a context; what raises there, or cannot be written, leaves none.

    ``stamped`` is what ``stamp`` said when it was whole, None where nobody asked for ``stamps``. Raises OSError.
    """

    def __init__(self, path: str | os.PathLike[str], mode: int = 0o666, *, stamps: bool = True) -> None:
        self._path = path
        self._stamps = stamps
        self.descriptor = os.open(path, _NEW_FLAGS, mode)
        self.stamped: Signature | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes | memoryview) -> None:
        """Write all of some bytes."""
        written = os.write(self.descriptor, data)
        while written < len(data):
            data = memoryview(data)[written:]
            written = os.write(self.descriptor, data)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            try:
                if kind is None and self._stamps and STAMPS_OPEN:
                    self.stamped = stamp(self.descriptor)
            finally:
                os.close(self.descriptor)
            if kind is None and self._stamps and not STAMPS_OPEN:
                self.stamped = stamp(self._path)
        except BaseException:
            kind = True
            raise
        finally:
            if kind is not None:
                with suppress(OSError):
                    os.unlink(self._path)


def replace(
    path: str | os.PathLike[str],
    temporary: str | os.PathLike[str],
    parts: Iterable[bytes],
    make_folder: Callable[[], object],
    mode: int = 0o666,
    *,
    stamps: bool = True,
) -> Signature | None:
    """Replace a file by one that is written under a name of its own until it is whole; return what ``stamp`` said.

    ``make_folder`` is called where the folder is missing. Raises OSError; whatever is raised leaves nothing behind.
    """
    # From before there is such a file: who is interrupted may be so between any two steps.
    try:
        try:
            made = NewFile(temporary, mode, stamps=stamps)
        except FileNotFoundError:
            make_folder()
            made = NewFile(temporary, mode, stamps=stamps)
        with made:
            for part in parts:
                made.write(part)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return made.stamped


def open_regular(path: str | os.PathLike[str], *, follow: bool = True) -> IO[bytes]:
    """Open a regular file for reading, unbuffered; never blocks on a FIFO and never opens a device.

    Raises OSError: what ``open`` raises, or EISDIR for a directory and EINVAL for anything else that is not a regular
    file. With ``follow`` false, a symbolic link as the last part of the path is refused too.
    """
    descriptor = os.open(path, _OPEN_FLAGS | _NONBLOCK | (0 if follow else _NOFOLLOW))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    except BaseException:
        os.close(descriptor)
        raise
    # Out of the above: who is interrupted as it returns has lost a file that has closed the descriptor.
    return os.fdopen(descriptor, "rb", buffering=0)


def read(path: str | os.PathLike[str], limit: int | None = None) -> tuple[bytes, Signature]:
    """Read a regular file whole and return its bytes with the signature that it had before they were read.

    Raises OSError: what ``open_regular`` raises, and EFBIG for a file of more than ``limit`` bytes before it is read.
    """
    with open_regular(path) as file:
        sig = signature(os.fstat(file.fileno()))
        if limit is not None and sig[2] > limit:
            raise too_large(path, sig[2], limit)
        return b"".join(_chunks(file)), sig


def too_large(path: str | os.PathLike[str], size: int, limit: int) -> OSError:
    """Return the error that a file has more bytes than are read of its kind: the system says that of writing alone."""
    return OSError(errno.EFBIG, f"it has {size} bytes, and at most {limit} are read", os.fspath(path))


def read_up_to(file: IO[bytes], limit: int) -> bytes:
    """Return the bytes of an open file from its present position on, at most ``limit``."""
    parts = []
    while limit > 0 and (part := file.read(min(limit, _CHUNK))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def sha256_of(file: IO[bytes]) -> tuple[str, int]:
    """Hash an open file from its present position on; return the digest in hex and the number of bytes."""
    first = file.read(_CHUNK)
    digest = sha256(first)
    size = len(first)
    for chunk in _chunks(file):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def hash_file(path: str | os.PathLike[str]) -> tuple[str, Signature]:
    """Return the SHA-256 of a regular file in hex, and the signature that it had before it was read."""
    with open_regular(path) as file:
        sig = signature(os.fstat(file.fileno()))
        return sha256_of(file)[0], sig


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def seen_from_here(path: Path | str) -> str:
    """Return an absolute path as people see it from the working directory: relative, unless that is longer."""
    absolute = str(path)
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return absolute
    if absolute.startswith(here + os.sep):
        return absolute[len(here) + 1 :]
    return min(absolute, relative(absolute, here), key=len)


def relative(path: Path | str, start: Path | str = os.curdir) -> str:
    """Return a path as ``os.path.relpath`` does, and an absolute one where it is on another drive of Windows."""
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return os.path.abspath(path)


def in_shell(path: str | os.PathLike[str], *, windows: bool = os.name == "nt") -> str:
    """Return a path as people type it into a shell, from the working directory, where it is below that."""
    path = os.fspath(path)
    if os.path.isabs(path):
        shorter = relative(path)
        path = path if shorter.startswith(os.pardir) else shorter
    if path.isascii() and path.translate(_PLAIN).isalnum():
        return path
    if windows:
        # No name there has such quotes, and each of its shells takes them.
        return f'"{path}"'
    if not path.isprintable():
        return f"$'{''.join(map(_in_dollar_quotes, path))}'"
    import shlex

    return shlex.quote(path)


def _in_dollar_quotes(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    # Bytes, because shells take what is escaped for these: of a name that is in no encoding too.
    return character if character.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def of_url(path: str, *, windows: bool = os.name == "nt") -> str:
    """Return the path in this system that the path of a ``file://`` address names."""
    # urllib.request has this too, and takes long to import.
    from urllib.parse import unquote

    path = unquote(path)
    if not windows:
        return path
    if path[:1] == "/" and path[1:2].isalpha() and path[2:3] in (":", "|"):
        path = f"{path[1]}:{path[3:]}"
    return path.replace("/", "\\")
