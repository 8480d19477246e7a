"""One build at a time in a build directory."""

from __future__ import annotations

import errno
import os
import time

from wasmbuild import files, locks
from wasmbuild.boundary import LACKING, NO_ROOM, host_fix
from wasmbuild.errors import DiskError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = 0.05
# A build that ends at once is not worth a message.
_QUIET_SECONDS = 0.5
# Of what says whose it is; what follows is the declaration that was built last.
_WIDTH = 20
_MAX_NOTE = 1 << 16


class Lock:
    """An exclusive lock on a file; the operating system drops it when the process ends, however it ends."""

    def __init__(self, path: Path, directory: Path | None = None) -> None:
        """``directory`` is locked along, where the system can: other files of locks may be for it too."""
        self.path = path
        self._directory = directory
        self._descriptor: int | None = None
        self._along: int | None = None
        self._left: files.Signature | None = None
        self.undisturbed = False
        """Whether, when it was last acquired, nobody had held it since this one released it."""

    @property
    def leads_elsewhere(self) -> bool:
        """Whether its file is to lie in the directory itself and would not: what others made may bring links along.

        That directory, and any other that a user names for the file, may be links.
        """
        beside, directory = self.path.parent, self._directory
        return directory is not None and beside == directory / filenames.STATE_DIRECTORY and os.path.islink(beside)

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self, timeout: float | None = None, on_wait: Callable[[str], None] | None = None) -> bool:
        """Take the lock, waiting at most ``timeout`` seconds (``None``: as long as it takes).

        ``on_wait`` is called once with a sentence for people when the lock is held by somebody else. Returns whether
        it had to wait. Raises DiskError when the time is over, or the file cannot be opened or is not to be.
        """
        if self.leads_elsewhere:
            raise DiskError(
                f"{files.seen_from_here(self.path.parent)}: is a link, and what a build remembers would be written "
                "where it leads; remove it, or name another state directory (--state-dir, or state_dir in Python)"
            ) from OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(self.path.parent))
        start = time.monotonic()
        announced = waited = False
        while not self._try_once():
            waited = True
            elapsed = time.monotonic() - start
            if timeout is not None and elapsed >= timeout:
                raise DiskError(
                    f"{files.seen_from_here(self.path)}: {self._holder()} is building here and has not ended within "
                    f"{timeout:g} s; wait for it to end, or longer than that"
                )
            if on_wait is not None and not announced and elapsed >= _QUIET_SECONDS:
                announced = True
                on_wait(f"waiting for {self._holder()}, which is building in the same directory")
            time.sleep(_POLL_SECONDS)
        return waited

    def clock(self) -> int:
        """Return the time of the file system in nanoseconds, as it would stamp a file changed now.

        Raises OSError, also when the lock is not held.
        """
        if self._descriptor is None:
            raise OSError(errno.EBADF, "the lock is not held")
        os.utime(self._descriptor if os.utime in os.supports_fd else self.path)
        return os.fstat(self._descriptor).st_mtime_ns

    def release(self) -> None:
        if self._descriptor is not None:
            # Whoever takes it writes into the file, and gives it another time.
            self._left = files.stamp(self.path)
            self._release_directory()
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def note(self) -> bytes:
        """What was noted by whoever held it last and did; empty where that is unknown."""
        if self._descriptor is None:
            return b""
        try:
            os.lseek(self._descriptor, _WIDTH, os.SEEK_SET)
            return os.read(self._descriptor, _MAX_NOTE)
        except OSError:
            return b""

    @note.setter
    def note(self, text: bytes) -> None:
        if self._descriptor is not None and text != self.note:
            with suppress(OSError):
                os.ftruncate(self._descriptor, _WIDTH)
                os.lseek(self._descriptor, _WIDTH, os.SEEK_SET)
                os.write(self._descriptor, text)

    def _try_once(self) -> bool:
        try:
            os.makedirs(self.path.parent, exist_ok=True)
            descriptor = locks.opened(self.path)
        except OSError as error:
            raise DiskError(_cannot_open(self.path, error)) from error
        try:
            if locks.try_lock(descriptor) and locks.is_current(descriptor, self.path) and self._try_along():
                self.undisturbed = files.signature(os.fstat(descriptor)) == self._left
                # Over what is there: a file that is emptied and written anew has ext4 write it out at once.
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, str(os.getpid()).ljust(_WIDTH).encode("ascii"))
                self._descriptor = descriptor
                return True
        except OSError as error:
            self._release_directory()
            os.close(descriptor)
            raise DiskError(_cannot_open(self.path, error)) from error
        os.close(descriptor)
        return False

    def _release_directory(self) -> None:
        if self._along is not None:
            os.close(self._along)
            self._along = None

    def _try_along(self) -> bool:
        """Lock the directory too; false when somebody else holds it by another file."""
        if self._directory is None:
            return True
        try:
            os.makedirs(self._directory, exist_ok=True)
            descriptor = os.open(self._directory, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:  # Windows opens no directory; what else is wrong with it is told by whoever writes there
            return True
        try:
            taken = locks.try_lock(descriptor)
        except OSError:  # NFS locks nothing that was opened for reading
            taken = True
        if taken:
            self._along = descriptor
        else:
            os.close(descriptor)
        return taken

    def _holder(self) -> str:
        text = ""
        with suppress(OSError, ValueError):
            # Who holds the directory by another file is not told by this one.
            if locks.is_held(self.path):
                text = self.path.read_bytes()[:_WIDTH].decode("ascii").strip()
        return f"process {text}" if text.isdigit() else "another process"


def _cannot_open(path: Path, error: OSError) -> str:
    shown = files.seen_from_here(path)
    problem, fix = error.strerror or str(error), "make its directory one that you may write to"
    if error.errno in NO_ROOM:
        fix = host_fix(errno.ENOSPC)
    elif error.errno in (errno.EFBIG, *LACKING):
        # Another directory would not help.
        return f"{shown}: cannot lock the build directory: {problem}; {host_fix(error.errno)}"
    above = os.path.dirname(path)
    # What is above a drive is the drive itself, which need not be there.
    while above != os.path.dirname(above) and not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.lexists(path) and (os.path.islink(path) or not os.path.isfile(path)):
        problem, fix = "is no regular file", "move it away"
    elif os.path.lexists(above) and not os.path.isdir(above):
        problem, fix = "what has to be its directory is a file, or a link that leads nowhere", "move that away"
    return f"{shown}: cannot lock the build directory: {problem}; {fix}, or name another state or build directory"
