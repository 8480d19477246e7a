"""A lock on an open file that the operating system drops when its process ends, however it ends."""

from __future__ import annotations

import errno
import os
import stat
import sys

# A FIFO would block the open itself; O_NONBLOCK has no effect on regular files.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)

if sys.platform == "win32":
    import msvcrt

    # A byte far behind what is written there, so that others can read the file.
    _LOCKED_BYTE = 1 << 20

    def try_lock(descriptor: int) -> bool:
        """Take the lock on an open file for as long as it is open; false when somebody else holds it."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _share(descriptor: int) -> bool:
        return try_lock(descriptor)
else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Take the lock on an open file for as long as it is open; false when somebody else holds it.

        Raises OSError where the file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _share(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def opened(path: str | os.PathLike[str], mode: int = 0o666) -> int:
    """Open a file to be locked for reading and writing, made where there is none; return its descriptor.

    What a link leads to is never opened, for whoever takes the lock may write there. Raises OSError: ELOOP or what else
    the system says of a link, EINVAL for anything else that is not a regular file.
    """
    # Windows has no flag for it.
    if not _NOFOLLOW and os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    descriptor = os.open(path, _FLAGS | _NOFOLLOW, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return descriptor


def is_held(path: str | os.PathLike[str]) -> bool:
    """Tell whether somebody holds the lock on a file; false for one that is not there or cannot be asked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError):
        return False
    try:
        return not _share(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: str | os.PathLike[str]) -> bool:
    """Tell whether an open file is still the one at its path, which others may delete at any time."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
