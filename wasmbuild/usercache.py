"""The user's own directory for what can be made again, and small documents in it that are believed.

Whoever can write there can have programs run by the next build, so that only what no other user can have written is
read: directory and file belong to the user who runs this, are no links, and nobody else may write to them. Others may
well be able to: a cache is named by an environment variable, shared by a container, or found by root at ``HOME``. On
Windows the access rights of the user's profile see to it.
"""

from __future__ import annotations

import errno
import marshal
import os
import stat
import sys

from wasmbuild import files
from wasmbuild.digest import sha256_hex
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import Any

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A FIFO would block the open itself.
_FILE |= getattr(os, "O_NONBLOCK", 0)
_HAS_OWNERS = hasattr(os, "geteuid") and os.open in os.supports_dir_fd
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_TEMPORARY = ".new-"
_MAX_BYTES = 32 << 20
# Read like the interpreter's own compiled files, whole and by whoever wrote them: `json` takes a step as long to import
# as twenty modules of ours. Every Python reads this version.
_MARSHAL = 4


def directory() -> Path:
    """Return the user's directory for what can be made again, as the system has it; it need not exist.

    Raises RuntimeError when the user has no home directory.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "wasmbuild" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wasmbuild"
    # The XDG specification has relative paths ignored.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "wasmbuild"


class CacheDirectory:
    """A directory for what can be made again: of one kind in the user's, or ``base`` itself."""

    def __init__(self, *parts: str, base: Path | None = None) -> None:
        self._base = base
        self._parts = parts

    def path(self) -> Path:
        """Return where it is; it need not exist. Raises RuntimeError when the user has no home directory."""
        return (self._base or directory()).joinpath(*self._parts)

    def own(self) -> Path:
        """Return it, made where it is missing, if nobody else can write to it.

        Raises OSError where it cannot be made or may be written by others, RuntimeError without a home directory.
        """
        return _own(self._base or directory(), self._parts)


def own_directory(*parts: str) -> Path:
    """Return a directory below the user's, made where it is missing, that nobody else can write to.

    Raises OSError where it cannot be made or may be written by others, RuntimeError when there is no home directory.
    """
    return _own(directory(), parts)


def _own(path: Path, parts: tuple[str, ...]) -> Path:
    os.makedirs(path.parent, exist_ok=True)
    for part in ("", *parts):
        path = path / part
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        status = path.stat()
        if not is_own(status, stat.S_IFDIR):
            raise PermissionError(errno.EPERM, _mistrusted(path, status), str(path))
    return path


def _mistrusted(path: Path, status: os.stat_result) -> str:
    """Say why what is in a directory is not believed."""
    if not stat.S_ISDIR(status.st_mode):
        return "it is no directory"
    if status.st_uid != os.geteuid():
        return "it is another user's"
    import shlex

    return f"others may write to it; run: chmod go-w {shlex.quote(str(path))}"


def is_own(status: os.stat_result, kind: int = stat.S_IFREG) -> bool:
    """Tell whether what has this status is of a kind, and none but the user who runs this can have written it."""
    if stat.S_IFMT(status.st_mode) != kind:
        return False
    return not _HAS_OWNERS or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE)


def code_of(*rooms: str) -> list[tuple[str, int, int]]:
    """Return what tells the code of packages of ours from other code of the same version: while it is worked on."""
    found = []
    folders = [os.path.join(os.path.dirname(__file__), room) for room in rooms]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if not entry.is_dir():
                    status = entry.stat()
                    found.append((entry.name, status.st_size, status.st_mtime_ns))
                elif entry.name != "__pycache__":
                    folders.append(entry.path)
    return found


class Documents:
    """Documents of one kind, by name; any of them may be gone at any time, and none that is written may be lost.

    ``kind`` is the name of their directory in the user's, ``most`` how many are kept: beyond that the oldest go. Many
    processes may read and write at once.
    """

    def __init__(self, kind: str, most: int) -> None:
        self._kind = kind
        self._most = most

    def read(self, name: str) -> bytes | None:
        """Return a document, or None where there is none that is to be believed. Never raises OSError."""
        try:
            return self._read(directory() / self._kind, name)
        except (OSError, RuntimeError, ValueError):
            return None

    def write(self, name: str, data: bytes) -> None:
        """Keep a document, whole or not at all; where that cannot be, it is made again the next time."""
        with suppress(OSError, RuntimeError, ValueError):
            folder = own_directory(self._kind)
            if os.path.islink(folder):
                # Nothing is read through one either, and what it leads to need not be ours to prune.
                return
            temporary = folder / f"{_TEMPORARY}{os.urandom(8).hex()}"
            files.replace(folder / name, temporary, (data,), lambda: own_directory(self._kind), 0o600, stamps=False)
            self._prune(folder)

    def recall(self, name: str) -> Any:
        """Return the value that is kept under a name, None where there is none that is whole."""
        # Nobody else has written it: whether it is whole, and under its own name, is all that has to be asked.
        digest, _, data = (self.read(name) or b"").partition(b"\n")
        if digest != _digest(name, data):
            return None
        try:
            return marshal.loads(data)  # noqa: S302 -- as the interpreter does with what it compiled
        except (ValueError, EOFError, TypeError):
            return None

    def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value under a name, as ``write`` does; tuples, of whatever class, come back as lists."""
        data = marshal.dumps(_plain(value), _MARSHAL)
        self.write(name, _digest(name, data) + b"\n" + data)

    def _read(self, folder: Path, name: str) -> bytes | None:
        if not _HAS_OWNERS:
            with open(folder / name, "rb") as file:
                return file.read(_MAX_BYTES)
        held = os.open(folder, _DIRECTORY)
        try:
            if not is_own(os.fstat(held), stat.S_IFDIR):
                return None
            descriptor = os.open(name, _FILE, dir_fd=held)
        finally:
            os.close(held)
        with open(descriptor, "rb", buffering=0) as file:
            return file.read(_MAX_BYTES) if is_own(os.fstat(descriptor)) else None

    def _prune(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            found = list(entries)
        if len(found) <= self._most:
            return
        kept = sorted((entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in found)
        # Room for some more, or each of them would have to look at all.
        for _, path in kept[: len(kept) - self._most * 9 // 10]:
            with suppress(OSError):
                os.unlink(path)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _digest(name: str, data: bytes) -> bytes:
    return sha256_hex(f"marshal/{_MARSHAL}\n{name}\n".encode() + data).encode()
