"""Files that a user names as output: a regular file is replaced whole or not at all, anything else is written into.

A device, a FIFO and ``/dev/stdout`` are not ours to replace, and a link stays one: what it leads to is written.
"""

from __future__ import annotations

import os
import stat

from wasmbuild import files
from wasmbuild.builder import disk
from wasmbuild.builder.disk import REPLACING, as_disk_error
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError, UsageError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path

# What is written into may have lost what was there before.
_INTO = REPLACING._replace(
    full="free some space there and try again", other="try again when this is mended, or name another file"
)
_OPEN_FLAGS = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
# As many links as Linux follows.
_LINKS = 40
_DESCRIPTORS = ("/dev/fd", "/proc/self/fd")


def replaced(path: Path) -> Path | None:
    """Return the regular file that ``path`` names or leads to, whether it is there yet or not.

    None stands for what is written into: a device, a FIFO, an open descriptor. Raises UsageError for a directory and
    for what no bytes can be written to, DiskError for what cannot be looked at.
    """
    if _descriptor(path) is not None:
        return None
    with as_disk_error(path, "written", REPLACING):
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
    if stat.S_ISREG(mode):
        return Path(os.path.realpath(path)) if os.path.islink(path) else path
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        return None
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path}: is a directory; name the file that is to be written in it")
    raise UsageError(f"{path}: is a socket or a disk, not a file; name the file that is to be written")


def write(path: Path, data: bytes) -> None:
    """Write bytes where a user named it; directories that are missing are made. Raises UsageError, DiskError."""
    file = replaced(path)
    if file is not None:
        disk.write(file, data, REPLACING)
        return
    with as_disk_error(path, "written", _INTO):
        number = _descriptor(path)
        with open(os.open(path, _OPEN_FLAGS) if number is None else os.dup(number), "wb") as stream:
            stream.write(data)


def update(path: Path, data: bytes, *, keep_time: bool) -> None:
    """Write a file, unless these are its bytes: then it gets the present time, or keeps its own. Raises DiskError."""
    file = replaced(path)
    if file is None or not disk.holds(file, len(data), sha256_hex(data)):
        write(path, data)
    elif not (keep_time or touch(file)):
        # Another user's file gets the time with its place. Where nothing may be written, it is right all the same.
        with suppress(DiskError):
            write(path, data)


def touch(file: Path) -> bool:
    """Give a file that stays as it is the present time, as if it had been written; false when that is forbidden."""
    try:
        os.utime(file)
    except OSError:
        return False
    return True


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to the same regular file, or to the same place where there is none yet."""
    first, second = files.status(one), files.status(other)
    if first is None and second is None:
        real = [os.path.normcase(os.path.realpath(path)) for path in (one, other)]
        return real[0] == real[1]
    if first is None or second is None:
        return False
    return stat.S_ISREG(first.st_mode) and os.path.samestat(first, second)


def _descriptor(path: Path) -> int | None:
    """Return the descriptor of this process that a path such as ``/dev/stdout`` leads to.

    Opened anew, a file that stdout was redirected to would be written from its start again, over what is there.
    """
    named = os.fspath(path)
    for _ in range(_LINKS):
        parent, name = os.path.split(named)
        if name.isdecimal() and os.path.realpath(parent or os.curdir) in map(os.path.realpath, _DESCRIPTORS):
            return int(name)
        try:
            named = os.path.join(parent, os.readlink(named))
        except OSError:
            return None
    return None
