"""A client of the job server of GNU Make, which Ninja and Cargo offer too: nested builds share one number of jobs.

What is offered (``wasmbuild.builder.job_slots``) is a FIFO, or two descriptors of a pipe ("POSIX Jobserver Interaction"
in Make's manual). Each byte in it is a job that may run; who takes one gives the same byte back. One job more may run
that needs none: the one that the server started.

A recipe without ``+`` is told of descriptors that Make has closed, and something else may be open under their numbers
by then. Only a pipe that was inherited, both ends of it, is taken for the server's.
"""

from __future__ import annotations

import os
import stat
from _thread import allocate_lock

from wasmbuild.builder import job_slots
from wasmbuild.interrupts import HEARING_SECONDS
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = b""


class Jobserver:
    """Tokens for jobs, for several threads at once. Without a pipe there is one, that of this process itself."""

    def __init__(self, read: int | None = None, write: int | None = None) -> None:
        """``read`` must not block. Both descriptors are closed by ``close``."""
        self._read = read
        self._write = write
        self._own_is_free = True
        # The server is gone: there will be no tokens of it any more.
        self._ended = False
        self._stopped = False
        self._mutex = allocate_lock()
        # Written into when a thread that waits has to look again.
        self._wake = os.pipe()
        os.set_blocking(self._wake[0], False)
        os.set_blocking(self._wake[1], False)

    @property
    def is_reached(self) -> bool:
        """Whether jobs are shared with others; without, they run one after the other."""
        return self._read is not None

    def acquire(self) -> bytes | None:
        """Wait for a token and return it; None when all is to stop."""
        import select

        while True:
            with self._mutex:
                if self._stopped:
                    return None
                if self._own_is_free:
                    self._own_is_free = False
                    return _OWN
            awaited = [self._wake[0]]
            if self._read is not None and not self._ended:
                token = _taken(self._read)
                if token:
                    return token
                self._ended = token is not None
                awaited += [] if self._ended else [self._read]
            select.select(awaited, [], [], HEARING_SECONDS)
            self._look_again()

    def release(self, token: bytes) -> None:
        """Give a token back, whatever became of its job."""
        if token != _OWN and self._write is not None:
            with suppress(OSError):  # it is gone
                os.write(self._write, token)
            return
        with self._mutex:
            self._own_is_free = True
        self._notify()

    def stop(self) -> None:
        """Let nobody wait any more, nor get a token."""
        with self._mutex:
            self._stopped = True
        self._notify()

    def close(self) -> None:
        """Let go of the server; no thread uses it, and all tokens are back."""
        for descriptor in (self._read, self._write, *self._wake):
            if descriptor is not None:
                os.close(descriptor)
        self._read = self._write = None

    def _notify(self) -> None:
        with suppress(BlockingIOError):  # enough is in it
            os.write(self._wake[1], b"!")

    def _look_again(self) -> None:
        with self._mutex:
            if not self._stopped:
                _taken(self._wake[0])


def inherited(environment: Mapping[str, str] = os.environ) -> Jobserver | None:
    """Return the job server of the build that runs this one; None where there is none. Close it when done."""
    offered = job_slots.offered(environment)
    if offered is None or os.name != "posix":
        return None
    if offered.startswith("fifo:"):
        return _opened(offered.removeprefix("fifo:"))
    read, comma, write = offered.partition(",")
    if not comma:
        return None
    if not (read.isdecimal() and write.isdecimal()) or not _is_pipe(int(read), int(write)):
        return Jobserver()
    return _pipe(int(read), int(write))


def _opened(path: str) -> Jobserver:
    try:
        # For writing too: without a writer, it would be at its end.
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Jobserver()
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return Jobserver()
    return Jobserver(descriptor, os.dup(descriptor))


def _pipe(read: int, write: int) -> Jobserver:
    try:
        # Opened anew, it does not block, and goes on blocking for everybody else.
        own = os.open(f"/proc/self/fd/{read}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        if os.get_blocking(read):
            return Jobserver()
        own = os.dup(read)
    return Jobserver(own, os.dup(write))


def _is_pipe(read: int, write: int) -> bool:
    import fcntl

    try:
        ends = os.fstat(read), os.fstat(write)
        modes = [fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE for number in (read, write)]
        # What this process opened itself is not inherited by its children.
        inherited = os.get_inheritable(read) and os.get_inheritable(write)
    except (OSError, OverflowError):  # the latter where no descriptor can have such a number
        return False
    if not inherited or modes[0] == os.O_WRONLY or modes[1] == os.O_RDONLY:
        return False
    return all(stat.S_ISFIFO(end.st_mode) for end in ends) and os.path.samestat(*ends)


def _taken(descriptor: int) -> bytes | None:
    """Read a byte from what does not block; nothing at its end, None where there is none now."""
    try:
        return os.read(descriptor, 1)
    except BlockingIOError:
        return None
