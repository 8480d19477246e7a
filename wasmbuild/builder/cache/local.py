"""Artifacts of all builds of a user, in a directory that many processes use at once, none of them in need of a lock.

An entry is one file, written under another name and renamed, so that it is there whole or not at all; whatever
befalls it later shows in its trailer or in the digest of what is taken, and is as good as nothing. What an entry was
last used for is its modification time. How much there is stands in a ledger, to which each build adds a line, and is
counted anew when that passes the limit, is a day old, or cannot be read.
"""

from __future__ import annotations

import errno
import os
import time
from _thread import allocate_lock

from wasmbuild import files, usercache
from wasmbuild.builder.cache import entry
from wasmbuild.builder.cache.answers import CachedArtifact, CacheProblem
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

# Whoever names the directory may keep something in it, of any name but this and those of entries.
_LEDGER = ".wasmbuild.ledger"
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
# A FIFO would block the open itself.
_FLAGS |= getattr(os, "O_NONBLOCK", 0)
_READ = _FLAGS | os.O_RDONLY
_APPEND = _FLAGS | os.O_RDWR | os.O_APPEND
_DAY = 24 * 3600
_HOUR = 3600
_LEDGER_BYTES = 1 << 16
# To copy what is smaller takes less than to write twice.
_SMALL = 1 << 16
# Room for some builds, or each of them would have to look at everything.
_PRUNED_TO = 0.9
# What is in the way of one entry need not be in that of another, except for want of room, of a disk or of descriptors.
_OF_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENFILE, errno.EMFILE})


class Usage(NamedTuple):
    """What is there: entries and their bytes."""

    entries: int
    bytes: int


class LocalCache:
    """The user's cache, or another directory of it; see ``ArtifactCache``."""

    def __init__(self, where: usercache.CacheDirectory, max_bytes: int) -> None:
        """``max_bytes`` are what is left of it when it is closed."""
        self._where = where
        self._max = max_bytes
        self._added = 0
        self._opened = False
        self._keeps = True
        self._root: Path | None = None
        self._problem: CacheProblem | None = None
        self._mutex = allocate_lock()
        self._shares = True

    # --- a build

    def expect(self) -> None:
        pass

    def want(self, keys: Iterable[str]) -> None:
        pass

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, whatever is in it."""
        # Of most there is none, and who asks in another way gets an exception for each, which takes twice as long.
        root = self.opened()
        return root is not None and os.access(_path(root, key), os.F_OK)

    def get(self, key: str, out: Path | str) -> CachedArtifact | None:
        root = self.opened()
        if root is None:
            return None
        path = _path(root, key)
        try:
            descriptor = os.open(path, _READ)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            if not usercache.is_own(status):
                raise entry.DamagedEntryError
            found = entry.take(descriptor, status.st_size, key, str(out), share=self._shares)
        except entry.DamagedEntryError:
            self.discard(key)
            return None
        except OSError:
            return None
        finally:
            os.close(descriptor)
        # Most file systems never do.
        self._shares = found.shared
        _touch(path, status.st_mtime)
        return CachedArtifact(str(out), found.size, found.sha256, found.stamped, found.data)

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float = 0.0) -> None:
        self.keep(key, artifact, sha256, inputs)

    def keep(self, key: str, artifact: bytes, sha256: str, inputs: bytes) -> bool:
        """Do what ``put`` does, and tell whether that could be done."""
        tail = entry.tail(artifact, sha256, key, inputs)
        size = len(artifact) + len(tail)
        root = self.opened()
        if root is None or size > self._max or not self._keeps:
            return False
        path = _path(root, key)
        try:
            _write(path, artifact, tail)
        except OSError as error:
            of_all = error.errno in _OF_ALL
            if of_all:
                self._keeps = False
            # What is mounted read-only is so on purpose, for others to fill.
            if error.errno != errno.EROFS:
                self._note(root, None if of_all else path, error)
            return False
        with self._mutex:
            self._added += size
        return True

    def discard(self, key: str) -> None:
        root = self.opened()
        if root is not None:
            with suppress(OSError):
                os.unlink(_path(root, key))

    def grown(self) -> int:
        """Return by how many bytes this process made it grow since it was asked, for another one to ``hear``."""
        with self._mutex:
            added, self._added = self._added, 0
        return added

    def hear(self, added: int, problem: CacheProblem | None) -> None:
        """Note that another process of this build made it grow by so many bytes, and what was in the way there."""
        with self._mutex:
            self._added += added
            self._problem = self._problem or problem

    def close(self) -> None:
        added = self.grown()
        root = self.opened() if added else None
        if root is None:
            return
        with suppress(OSError):
            known = _ledger(root, added)
            if known is None or known > self._max:
                self.prune(int(self._max * _PRUNED_TO))

    def report(self) -> None:
        return None

    def opened(self) -> Path | None:
        """Return where it is, made where it is missing; None where it cannot be used. It is looked for once."""
        with self._mutex:
            if not self._opened:
                self._opened = True
                try:
                    self._root = self._where.own()
                except (OSError, RuntimeError) as error:
                    why = (getattr(error, "strerror", None) or str(error)).rstrip(".")
                    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
                    self._problem = CacheProblem(escaped(where + why))
            return self._root

    def _note(self, root: Path, path: str | None, error: OSError) -> None:
        """Note what is in the way of a part of it, or of all that is new where there is no path: of many, the first."""
        with self._mutex:
            if self._problem is None:
                from wasmbuild.builder.cache import obstacles

                self._problem = obstacles.met(root, path, error)

    # --- upkeep

    @property
    def max_bytes(self) -> int:
        """What is left of it when it is closed."""
        return self._max

    @property
    def directory(self) -> Path:
        """Where it is. Raises RuntimeError where there is no home directory."""
        return self._where.path()

    def problem(self) -> CacheProblem | None:
        self.opened()
        return self._problem

    def usage(self) -> Usage:
        """Count what is there; of a part that cannot be read ``problem`` tells.

        Raises OSError where nothing can be, RuntimeError where there is no home directory.
        """
        from wasmbuild.builder.cache import contents

        root, faults = self._where.path(), list[OSError]()
        sizes = [status.st_size for _, status in contents.entries(root, faults)]
        for error in faults:
            self._note(root, str(error.filename), error)
        return Usage(len(sizes), sum(sizes))

    def prune(self, left: int | None = None) -> Usage:
        """Where there is more than the limit, remove what was used longest ago until so many bytes are left at most.

        By default they are the limit itself.
        Returns what was removed. Raises OSError where something could not be read or removed, after all else was, and
        RuntimeError where there is no home directory.
        """
        from wasmbuild.builder.cache import contents

        root, faults = self._where.path(), list[OSError]()
        now = time.time()
        found = [(contents.used(status, now), status.st_size, path) for path, status in contents.entries(root, faults)]
        total = sum(size for _, size, _ in found)
        removed = removed_bytes = 0
        if total > self._max:
            for _, size, path in sorted(found):
                if total - removed_bytes <= (self._max if left is None else left):
                    break
                if contents.unlinked(path, faults):
                    removed += 1
                    removed_bytes += size
        if os.path.isdir(root):
            # The one that is there says too much then, and it is counted anew.
            with suppress(OSError):
                _new_ledger(str(root / _LEDGER), f"{int(now)} {total - removed_bytes}\n".encode())
        if faults:
            raise faults[0]
        return Usage(removed, removed_bytes)

    def clear(self) -> Usage:
        """Remove everything and return what that was; raises what ``prune`` does."""
        from wasmbuild.builder.cache import contents

        root, faults = self._where.path(), list[OSError]()
        sizes = [status.st_size for path, status in contents.entries(root, faults) if contents.unlinked(path, faults)]
        contents.unlinked(str(root / _LEDGER), faults)
        if faults:
            raise faults[0]
        return Usage(len(sizes), sum(sizes))


def _path(root: Path, key: str) -> str:
    return f"{root}{os.sep}{key[0]}{os.sep}{key[1:]}"


def _write(path: str, data: bytes, tail: bytes) -> None:
    folder = os.path.dirname(path)
    temporary = f"{folder}{os.sep}{entry.TEMPORARY}{os.urandom(8).hex()}"

    def make_folder() -> None:
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)

    parts = (data + tail,) if len(data) <= _SMALL else (data, tail)
    files.replace(path, temporary, parts, make_folder, 0o600, stamps=False)


def _touch(path: str, used: float) -> None:
    """Note that an entry was used; not each time, for that is a write to a disk that may be far away."""
    if abs(time.time() - used) > _HOUR:
        with suppress(OSError):
            os.utime(path)


def _new_ledger(path: str, said: bytes) -> None:
    """Replace whatever is there, but for a directory that holds something. Raises OSError."""
    try:
        _write(path, said, b"")
    except (IsADirectoryError, PermissionError):  # the latter on Windows
        os.rmdir(path)
        _write(path, said, b"")


def _ledger(root: Path, added: int) -> int | None:
    """Add bytes to what is known to be there, and return that; None where it has to be counted."""
    try:
        descriptor = os.open(root / _LEDGER, _APPEND)
    except OSError:  # it is not there, or in its place is what is none: a link, a directory
        return None
    with open(descriptor, "r+b", buffering=0) as file:
        if not usercache.is_own(os.fstat(descriptor)):
            return None
        file.write(f"{added}\n".encode())
        file.seek(0)
        known = file.read(_LEDGER_BYTES)
    try:
        counted, *more = known.decode("ascii").splitlines()
        when, total = map(int, counted.split())
        return total + sum(map(int, more)) if abs(time.time() - when) < _DAY and len(more) < 1000 else None
    except ValueError:  # two processes wrote at once where that is no whole write, or something else did
        return None
