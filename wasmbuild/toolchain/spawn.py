"""A child without ``subprocess``: to import that takes as long as to compile a small module, and a step starts one.

POSIX has a call for what our children get, but for a working directory of their own.
"""

from __future__ import annotations

import errno
import os

from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.signal import signal
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

_STREAMS = 3
_OPEN_DESCRIPTORS = "/proc/self/fd", "/dev/fd"
# What the interpreter ignores, and a program has to hear.
_HEARD = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)]


class Spawned:
    """A child, as ``subprocess.Popen`` is one to this package: number, pipes, and how it ended."""

    def __init__(self, pid: int, stdout: BinaryIO, stderr: BinaryIO) -> None:
        self.pid = pid
        self.stdin = None
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        """Wait until it ends, and return how."""
        status = self._wait(0)
        return 0 if status is None else status

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                # Somebody else has waited for it, and knows.
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def spawn(argv: Sequence[str], environment: Mapping[str, str], stdin: int | None = None) -> Spawned | None:
    """Start a program, whose path has a directory, in a session of its own; None where that cannot be done here.

    Its input is the descriptor ``stdin``, by default empty.

    Raises OSError as ``subprocess.Popen`` does.
    """
    others = _inherited()
    if others is None or not hasattr(os, "posix_spawn") or not os.path.dirname(argv[0]):
        return None
    opened: list[int] = []
    try:
        opened += os.pipe()
        opened += os.pipe()
        if min(opened if stdin is None else (*opened, stdin)) < _STREAMS:
            return None
        stdout, out, stderr, err = opened
        empty = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        actions = [
            empty if stdin is None else (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_DUP2, out, 1),
            (os.POSIX_SPAWN_DUP2, err, 2),
            *((os.POSIX_SPAWN_CLOSE, number) for number in others),
        ]
        try:
            pid = os.posix_spawn(argv[0], list(argv), environment, file_actions=actions, setsid=True, setsigdef=_HEARD)
        except NotImplementedError:  # this system starts no sessions
            return None
        except OSError as error:
            # One of the others is above the limit, which was lowered after it was opened.
            if error.errno == errno.EBADF:
                return None
            raise
        opened = [out, err]
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return Spawned(pid, open(stdout, "rb", buffering=0), open(stderr, "rb", buffering=0))


def _inherited() -> list[int] | None:
    """Return the descriptors that a child would inherit besides its streams; None where the system does not tell."""
    for folder in _OPEN_DESCRIPTORS:
        with suppress(OSError):
            return [number for number in map(int, os.listdir(folder)) if number >= _STREAMS and _is_inherited(number)]
    return None


def _is_inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:  # what listed them
        return False
