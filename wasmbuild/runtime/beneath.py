"""Open files below a directory and never anything outside of it, whatever links lie on the way."""

from __future__ import annotations

import errno
import os
import stat

# Where the system opens relative to an open directory, no rename or link made meanwhile can lead elsewhere.
_RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
# A FIFO would block the open itself; O_NONBLOCK has no effect on regular files.
_FILE = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
# A link that may not be followed: ELOOP on Linux and macOS, EMLINK on FreeBSD, ENOTDIR where a directory is wanted.
_IS_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)


def open_below(root: str, path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return its descriptor and status; any thread may call it at any time.

    ``root`` is the directory as ``os.path.realpath`` gives it, ``path`` is relative, with forward slashes and without
    ``..``. Links are followed as long as they stay below ``root``. Raises OSError, whose ``strerror`` says in words
    what is wrong.
    """
    if not _RELATIVE:
        return _regular(os.open(resolve_below(root, path), _FILE))
    try:
        return _open(root, path)
    except OSError as error:
        if error.errno not in _IS_LINK:
            raise
    return _open(root, os.path.relpath(resolve_below(root, path), root).replace(os.sep, "/"))


def resolve_below(root: str, path: str) -> str:
    """Return where a path below ``root`` leads. Raises OSError for what does not exist or leads out of ``root``."""
    resolved = os.path.realpath(os.path.join(root, *path.split("/")), strict=True)
    if not is_below(root, resolved):
        raise OSError(errno.EXDEV, "leads out of the directory through a link")
    return resolved


def is_below(root: str, path: str) -> bool:
    """Tell whether a path is a directory or lies below it, both as ``os.path.realpath`` gives them."""
    root, path = os.path.normcase(root), os.path.normcase(path)
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


def _open(root: str, path: str) -> tuple[int, os.stat_result]:
    """Open without following any link below ``root``. Raises OSError with an ``errno`` of ``_IS_LINK`` for one."""
    if "/" not in path:
        return _regular(os.open(f"{root}/{path}", _FILE | _NOFOLLOW))
    *parents, name = path.split("/")
    directory = os.open(root, _DIRECTORY)
    try:
        for parent in parents:
            outer, directory = directory, os.open(parent, _DIRECTORY | _NOFOLLOW, dir_fd=directory)
            os.close(outer)
        return _regular(os.open(name, _FILE | _NOFOLLOW, dir_fd=directory))
    finally:
        os.close(directory)


def _regular(descriptor: int) -> tuple[int, os.stat_result]:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    raise OSError(errno.EINVAL, "is not a regular file")
