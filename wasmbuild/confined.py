"""Open files below one directory and never anything outside of it, whatever links lie on the way."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterable
from types import TracebackType

# Where the system opens relative to an open directory, no rename or link made meanwhile can lead elsewhere.
_RELATIVE = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
# A FIFO would block the open itself; O_NONBLOCK has no effect on regular files.
_FILE = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FILE |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
# A link that may not be followed: ELOOP on Linux and macOS, EMLINK on FreeBSD, ENOTDIR where a directory is wanted.
_IS_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)
# What opening a socket says.
_NOT_OPENED = (errno.ENXIO, errno.EOPNOTSUPP)

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_below(root: str, path: str, held: int | None = None) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return its descriptor and status; any thread may call it at any time.

    ``root`` is the directory as ``os.path.realpath`` gives it, ``path`` is relative, with forward slashes and without
    ``..``. Links are followed as long as they stay below ``root``. ``held`` is a descriptor of ``root``, for one that
    is to be the same directory whatever is renamed. Raises OSError, whose ``strerror`` says in words what is wrong.
    """
    if not _RELATIVE:
        return _regular(os.open(resolve_below(root, path), _FILE))
    try:
        return _open(root, path, held)
    except OSError as error:
        if error.errno not in _IS_LINK:
            raise
    resolved = os.path.relpath(resolve_below(root, path), root).replace(os.sep, "/")
    try:
        return _open(root, resolved, held)
    except OSError as error:
        if error.errno in _IS_LINK and resolved != path:
            raise OSError(error.errno, "is a link that changed while it was followed") from None
        raise


def resolve_below(root: str, path: str) -> str:
    """Return where a path below ``root`` leads. Raises OSError for what does not exist or leads out of ``root``."""
    try:
        resolved = os.path.realpath(os.path.join(root, *path.split("/")), strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, "is a link that leads to itself") from None
        raise
    if not is_below(root, resolved):
        raise OSError(errno.EXDEV, "leads out of the directory through a link")
    return resolved


def is_below(root: str, path: str) -> bool:
    """Tell whether a path is a directory or lies below it, both as ``os.path.realpath`` gives them."""
    root, path = os.path.normcase(root), os.path.normcase(path)
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


class ConfinedDirectory:
    """A directory that is held open, so that it stays the same one whatever is renamed. A context manager.

    Paths are as ``open_below`` takes them. Raises OSError when ``directory`` cannot be opened.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._root = os.path.realpath(directory, strict=True)
        self._held = os.open(self._root, _DIRECTORY | _NOFOLLOW) if _RELATIVE else None

    def __enter__(self) -> ConfinedDirectory:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the directory go; files opened below it stay open."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def below(self, path: str) -> ConfinedDirectory:
        """Return a directory below this one, to be closed by the caller, as a limit of its own. Raises OSError."""
        inner = ConfinedDirectory.__new__(ConfinedDirectory)
        inner._root = resolve_below(self._root, path)
        relative = os.path.relpath(inner._root, self._root)
        parts = [] if relative == os.curdir else relative.split(os.sep)
        inner._held = _open_directory(self._root, parts, self._held) if _RELATIVE else None
        return inner

    def open(self, path: str) -> tuple[io.FileIO, os.stat_result]:
        """Open a regular file for reading, unbuffered, and return it with its status. Raises as ``open_below`` does."""
        descriptor, status = open_below(self._root, path, self._held)
        return io.FileIO(descriptor, "rb"), status


def open_named(path: str | os.PathLike[str]) -> tuple[io.FileIO, os.stat_result]:
    """Open a regular file that the user named, through whatever links. Raises as ``open_below`` does."""
    descriptor, status = _open_file(os.fspath(path), 0, None)
    return io.FileIO(descriptor, "rb"), status


def _open(root: str, path: str, held: int | None) -> tuple[int, os.stat_result]:
    """Open without following any link below ``root``. Raises OSError with an ``errno`` of ``_IS_LINK`` for one."""
    *parents, name = path.split("/")
    if not parents:
        return _open_file(f"{root}/{name}" if held is None else name, _NOFOLLOW, held)
    directory = _open_directory(root, parents, held)
    try:
        return _open_file(name, _NOFOLLOW, directory)
    finally:
        os.close(directory)


def _open_directory(root: str, parts: Iterable[str], held: int | None) -> int:
    """Return a descriptor of a directory, each of whose ``parts`` below ``root`` is no link. Raises OSError."""
    directory = os.open(root if held is None else os.curdir, _DIRECTORY, dir_fd=held)
    for part in parts:
        outer = directory
        try:
            directory = os.open(part, _DIRECTORY | _NOFOLLOW, dir_fd=outer)
        finally:
            os.close(outer)
    return directory


def _open_file(path: str, flags: int, directory: int | None) -> tuple[int, os.stat_result]:
    try:
        return _regular(os.open(path, _FILE | flags, dir_fd=directory))
    except OSError as error:
        if error.errno in _NOT_OPENED:
            _check_regular(os.stat(path, dir_fd=directory, follow_symlinks=not flags).st_mode)
        raise


def _regular(descriptor: int) -> tuple[int, os.stat_result]:
    try:
        status = os.fstat(descriptor)
        _check_regular(status.st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"is {kind}, not a regular file")
