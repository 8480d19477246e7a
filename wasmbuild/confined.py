"""Open files below one directory and never anything outside of it, whatever links lie on the way."""

from __future__ import annotations

import errno
import io
import os
import stat

from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

# Where the system opens relative to an open directory, no rename or link made meanwhile can lead elsewhere.
_RELATIVE = {os.open, os.stat, os.readlink} <= os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
# A FIFO would block the open itself; O_NONBLOCK has no effect on regular files.
_FILE = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FILE |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
# O_PATH asks for no right to list the directory.
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
# A link that may not be followed: ELOOP on Linux and macOS, EMLINK on FreeBSD, ENOTDIR where a directory is wanted.
_IS_LINK = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)
# What opening a socket says.
_NOT_OPENED = (errno.ENXIO, errno.EOPNOTSUPP)
# Links that are followed for one path, as Linux has it.
_MOST_LINKS = 40

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class LinkOutError(OSError):
    """A link leads out of the directory that everything has to lie in.

    ``holds_data`` tells whether it leads to a file or a directory, which can be copied; not so a device.
    """

    def __init__(self, target: str = "") -> None:
        super().__init__(errno.EXDEV, "leads out of the directory through a link")
        self.holds_data = os.path.isfile(target) or os.path.isdir(target)


class NotRegularError(OSError):
    """Something else than a regular file lies there."""

    def __init__(self, mode: int) -> None:
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        super().__init__(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"is {kind}, not a regular file")


class ConfinedDirectory:
    """A directory that is held open, so that it stays the same one whatever is renamed. A context manager.

    Paths are relative, with forward slashes and without ``..``. Links are followed as long as they stay below the
    directory. May be used by any number of threads at once. Raises OSError when ``directory`` cannot be opened.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._named = os.fspath(directory) or os.curdir
        self._held: int | None = None
        self._root: str | None = None
        if _RELATIVE:
            self._held = os.open(self._named, _DIRECTORY)
        else:
            self._root = os.path.realpath(self._named, strict=True)
            if not os.path.isdir(self._root):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self._named)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the directory go; files opened below it stay open."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def path(self) -> str:
        """The path of the directory, through all links, or the name that was given, where that alone leads there.

        Raises OSError when it no longer lies where it was opened.
        """
        if self._root is None and self._held is not None:
            held = os.fstat(self._held)
            # Linux knows where it is, whatever its name leads to by now. From Python 3.13 on, realpath returns the name
            # of a link that cannot be read, as one to a path that is too long.
            for resolve, name in ((os.readlink, f"/proc/self/fd/{self._held}"), (os.path.realpath, self._named)):
                with suppress(OSError):
                    root = resolve(name)
                    if os.path.samestat(held, os.stat(root)):
                        self._root = root
                        return root
            # From below what may not be entered, and where the whole path is longer than the system takes, the way from
            # here is the only one. It is another one when the working directory changes: nothing to keep.
            with suppress(OSError):
                if os.path.samestat(held, os.stat(self._named)):
                    return self._named
            raise OSError(errno.ESTALE, "was replaced by another directory meanwhile")
        return self._root or self._named

    def stat(self, path: str = os.curdir) -> os.stat_result:
        """Return the status of what a path leads to, through whatever links: to compare with, nothing is opened."""
        if self._held is None:
            return os.stat(os.path.join(self.path, *path.split("/")))
        return os.stat(path, dir_fd=self._held) if path != os.curdir else os.fstat(self._held)

    def below(self, path: str) -> ConfinedDirectory:
        """Return a directory below this one, to be closed by the caller, as a limit of its own. Raises OSError."""
        inner = ConfinedDirectory.__new__(ConfinedDirectory)
        inner._named, inner._held, inner._root = f"{self._named}/{path}", None, None
        if self._held is None:
            inner._root = _resolve(self.path, path)
        elif path in ("", os.curdir):
            inner._held = os.dup(self._held)
        else:
            try:
                # What is no link and right below, as nearly all, needs no walk.
                inner._held = os.open(path, _DIRECTORY | _NOFOLLOW, dir_fd=self._held) if "/" not in path else None
            except OSError as error:
                if error.errno not in _IS_LINK:
                    raise
            if inner._held is None:
                with _Walk(self, self._held) as walk:
                    inner._held = walk.directory(path)
        return inner

    def open(self, path: str) -> tuple[io.FileIO, os.stat_result]:
        """Open a regular file for reading, unbuffered, and return it with its status; never blocks on a FIFO.

        Raises OSError: LinkOutError, NotRegularError, or what the system says.
        """
        if self._held is None:
            descriptor, status = _regular(os.open(_resolve(self.path, path), _FILE))
        else:
            try:
                if "/" not in path:
                    descriptor, status = _open_file(path, _NOFOLLOW, self._held)
                    return io.FileIO(descriptor, "rb"), status
            except OSError as error:
                if error.errno not in _IS_LINK:
                    raise
            with _Walk(self, self._held) as walk:
                descriptor, status = walk.file(path)
        return io.FileIO(descriptor, "rb"), status

    def open_named(self, name: str) -> tuple[io.FileIO, os.stat_result]:
        """Open a file that the user named in this very directory, through whatever links. Raises as ``open`` does."""
        path = name if self._held is not None else os.path.join(self.path, name)
        descriptor, status = _open_file(path, 0, self._held)
        return io.FileIO(descriptor, "rb"), status

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a regular file, ``limit`` of them at most. Raises as ``open`` does."""
        from wasmbuild.files import read_up_to

        with self.open(path)[0] as file:
            return read_up_to(file, limit)


def is_below(root: str, path: str) -> bool:
    """Tell whether a path is a directory or lies below it, both as ``os.path.realpath`` gives them."""
    root, path = os.path.normcase(root), os.path.normcase(path)
    return path == root or path.startswith(root if root.endswith(os.sep) else root + os.sep)


class _Walk:
    """Goes down one path, part by part, each opened relative to the one before. Closes what it opened on its way."""

    def __init__(self, directory: ConfinedDirectory, held: int) -> None:
        self._directory = directory
        self._held = held
        self._opened: list[int] = []

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restart()

    def file(self, path: str) -> tuple[int, os.stat_result]:
        """Open a regular file."""
        *parents, name = path.split("/")
        try:
            # What is no link, as nearly all paths, needs no look at its parts.
            for parent in parents:
                self._enter(parent)
            return _open_file(name, _NOFOLLOW, self._here)
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
        name = self._follow(path)
        if not name:
            raise NotRegularError(stat.S_IFDIR)
        return _open_file(name, _NOFOLLOW, self._here)

    def directory(self, path: str) -> int:
        """Open a directory."""
        try:
            for part in path.split("/"):
                self._enter(part)
        except OSError as error:
            if error.errno not in _IS_LINK:
                raise
            name = self._follow(path)
            if name:
                self._enter(name)
        return self._opened.pop() if self._opened else os.dup(self._held)

    @property
    def _here(self) -> int:
        return self._opened[-1] if self._opened else self._held

    def _enter(self, part: str) -> None:
        self._opened.append(os.open(part, _DIRECTORY | _NOFOLLOW, dir_fd=self._here))

    def _restart(self) -> None:
        while self._opened:
            os.close(self._opened.pop())

    def _follow(self, path: str) -> str:
        """Go to the directory that a path leads to through links, and return the name in it, empty for none."""
        self._restart()
        left = path.split("/")[::-1]
        links = 0
        while left:
            part = left.pop()
            if part in ("", os.curdir):
                continue
            if part == os.pardir:
                if self._opened:
                    os.close(self._opened.pop())
                else:
                    left = self._inside([os.pardir, *reversed(left)])
                continue
            target = self._target(part)
            if target is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, "is a link that leads to itself")
                if os.path.isabs(target):
                    left = self._inside([target, *reversed(left)])
                else:
                    left += target.split("/")[::-1]
            elif left:
                self._enter(part)
            else:
                return part
        return ""

    def _target(self, name: str) -> str | None:
        """Return what a link in this directory leads to, or None for what is no link."""
        try:
            return os.readlink(name, dir_fd=self._here)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise

    def _inside(self, parts: Sequence[str]) -> list[str]:
        """Return the way from the directory, last part first, to where a path leads by its name."""
        root = os.path.realpath(self._directory.path)
        relative = os.path.relpath(_resolve(root, "/".join(parts)), root)
        self._restart()
        return [] if relative == os.curdir else relative.split(os.sep)[::-1]


def _resolve(root: str, path: str) -> str:
    """Return where a path below ``root`` leads. Raises OSError for what does not exist or leads out of ``root``."""
    try:
        resolved = os.path.realpath(os.path.join(root, path), strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, "is a link that leads to itself") from None
        raise
    if not is_below(root, resolved):
        raise LinkOutError(resolved)
    return resolved


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
        raise NotRegularError(mode)
