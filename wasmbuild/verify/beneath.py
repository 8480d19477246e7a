"""Open files below one directory and never anything outside of it, whatever links lie on the way."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from types import TracebackType

# Where the system opens relative to an open directory, no rename or link made meanwhile can lead elsewhere.
_RELATIVE = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# A link that may not be followed: ELOOP on Linux and macOS, EMLINK on FreeBSD, ENOTDIR where a directory is wanted.
_IS_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)
_KEPT_OPEN = 32

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Beneath:
    """A directory below which files are opened; links are followed as long as they stay below it.

    Paths are relative, with forward slashes and without ``..``. Not for several threads at once. A context manager.
    Raises OSError when ``directory`` cannot be opened.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._root = os.path.realpath(directory, strict=True)
        self._descriptor = os.open(self._root, _DIRECTORY) if _RELATIVE else -1
        self._parents: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Beneath:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the directory; files opened below it stay open."""
        for descriptor in self._parents.values():
            os.close(descriptor)
        self._parents.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def below(self, path: str) -> Beneath:
        """Return a directory below this one, to be closed by the caller, as a limit of its own. Raises OSError."""
        inner = Beneath.__new__(Beneath)
        inner._root = self._resolved(path) if path else self._root
        inner._parents = OrderedDict()
        inner._descriptor = -1
        if _RELATIVE:
            relative = os.path.relpath(inner._root, self._root).replace(os.sep, "/")
            inner._descriptor = os.dup(self._descriptor if relative == "." else self._parent(relative))
        return inner

    def open(self, path: str) -> io.FileIO:
        """Open a regular file for reading, unbuffered; FIFOs, devices and directories are not even opened.

        Raises OSError, whose ``strerror`` says in words what is wrong.
        """
        if not _RELATIVE:
            return _open_resolved(self._resolved(path))
        try:
            return self._open(path)
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
        resolved = os.path.relpath(self._resolved(path), self._root).replace(os.sep, "/")
        try:
            return self._open(resolved)
        except OSError as error:
            if error.errno in _IS_LINK and resolved != path:
                raise OSError(error.errno, "is a link that changed while it was followed") from None
            raise

    def _resolved(self, path: str) -> str:
        joined = os.path.join(self._root, *path.split("/"))
        try:
            resolved = os.path.realpath(joined, strict=True)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise OSError(error.errno, "is a link that leads to itself") from None
            raise
        if not Path(resolved).is_relative_to(self._root):
            raise OSError(errno.EXDEV, "leads out of the directory through a link")
        return resolved

    def _open(self, path: str) -> io.FileIO:
        """Open without following any link. Raises OSError with an ``errno`` of ``_IS_LINK`` where there is one."""
        parent, _, name = path.rpartition("/")
        directory = self._parent(parent) if parent else self._descriptor
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, "is a link")
        _check_regular(mode)
        return _regular(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=directory))

    def _parent(self, path: str) -> int:
        """Return the descriptor of a directory below; the last few stay open."""
        known = self._parents.get(path)
        if known is not None:
            self._parents.move_to_end(path)
            return known
        grandparent, _, name = path.rpartition("/")
        directory = self._parent(grandparent) if grandparent else self._descriptor
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
        self._parents[path] = descriptor
        if len(self._parents) > _KEPT_OPEN:
            os.close(self._parents.popitem(last=False)[1])
        return descriptor


def read_whole(file: io.FileIO, limit: int) -> bytes:
    """Return the bytes of an open file, of a larger one the first ``limit`` + 1."""
    parts, left = [], limit + 1
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def open_named(path: Path) -> io.FileIO:
    """Open a regular file that the user named, through whatever links. Raises OSError as ``Beneath.open`` does."""
    return _open_resolved(os.fspath(path))


def _open_resolved(path: str) -> io.FileIO:
    _check_regular(os.stat(path).st_mode)
    return _regular(os.open(path, _FLAGS))


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"is {kind}, not a regular file")


def _regular(descriptor: int) -> io.FileIO:
    try:
        _check_regular(os.fstat(descriptor).st_mode)
        return io.FileIO(descriptor, "rb")
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
