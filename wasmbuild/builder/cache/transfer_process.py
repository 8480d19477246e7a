"""The child in which everything runs that goes to and comes from a remote cache, as its parent has it.

A build has one Python, and what waits for it: in threads of the build itself, a thousand transfers took as long as to
put a thousand artifacts into place, and made that twice as long. Nor can a library that hangs, or crashes, keep a build
or end it. ``transferring`` is the other half.
"""

from __future__ import annotations

import os
import select
import sys
import time

from wasmbuild.builder.cache.transfer_setup import TransferSetup
from wasmbuild.errors import ChildError
from wasmbuild.lean import json
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import Any
from wasmbuild.toolchain import endings, process, python
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply, ReplyBuffer
from wasmbuild.toolchain.streams import ERR, EXIT, OUT, TruncatedText, open_streams

_HERE = os.path.dirname(os.path.abspath(__file__))
_MAIN = os.path.join(_HERE, "transfer_main.py")
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
_UNLIMITED = ProcessLimits()
# Variables for a process that has one artifact after the other in memory and asks for one at a time: glibc gives what
# was freed back to the system and gets it anew page by page, for each of them, and Tokio, in which transfers run, has a
# thread woken for each core. Together that is a fifth of what they take.
_TUNING = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_TOP_PAD_": str(4 << 20),
    "TOKIO_WORKER_THREADS": "1",
}
_POLLS = hasattr(select, "poll")

# Of each process, for one that was forked must not share any.
_left: dict[tuple[int, TransferSetup], TransferProcess] = {}


def leave(process: TransferProcess) -> None:
    """Let one run on that owes no answer, for the next one who needs such a one; with this process it ends."""
    other = _left.pop((os.getpid(), process.setup), None)
    if other is not None:
        other.close()
    _left[os.getpid(), process.setup] = process


def left_or_new(setup: TransferSetup) -> TransferProcess:
    """Return one that was left, or a new one. Raises ChildError, ToolchainError, OSError."""
    left = _left.pop((os.getpid(), setup), None)
    if left is not None and not left.runs:
        left.close()
        left = None
    return left or TransferProcess(setup)


class TransferProcess:
    """One child, which answers in any order. One thread sends at a time, and one reads; any may ``kill``."""

    def __init__(self, setup: TransferSetup) -> None:
        """Start it. Raises ChildError, ToolchainError, OSError."""
        self.setup = setup
        paths = dict.fromkeys([_ROOT, *filter(None, sys.path)])
        stdin, self._stdin = os.pipe()
        try:
            # Credentials, proxies and certificates are in variables of all names.
            self._process = process.start(
                python.isolated(_MAIN, paths), _UNLIMITED, stdin=stdin, env_extra=_TUNING | dict(os.environ)
            )
        except BaseException:
            os.close(self._stdin)
            raise
        finally:
            os.close(stdin)
        self._streams = open_streams(self._process)
        self._replies = ReplyBuffer()
        self._stderr = TruncatedText()
        if _POLLS:
            os.set_blocking(self._stdin, False)
        self.send(setup._asdict())

    def send(self, request: dict[str, Any], *parts: bytes, seconds: float | None = None) -> bool:
        """Send a request, and bytes that go with it; tell whether they were taken, in so many seconds.

        Of one that has ended, who reads is told. Raises OSError.
        """
        if parts:
            request = {**request, "size": sum(map(len, parts))}
        until = None if seconds is None else time.monotonic() + seconds
        with suppress(BrokenPipeError):
            return all(self._write(part, until) for part in (json.spell(request).encode("ascii") + b"\n", *parts))
        return True

    def _write(self, data: bytes, until: float | None) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                if not self._has_room(until):
                    return False
        return True

    def _has_room(self, until: float | None) -> bool:
        room = select.poll()
        room.register(self._stdin, select.POLLOUT)
        return bool(room.poll(None if until is None else max(0.0, until - time.monotonic()) * 1000))

    def next(self, deadline: float) -> list[Reply]:
        """Return what it says next; nothing when ``time.monotonic()`` reaches ``deadline`` before.

        Raises ChildError when it has ended, or says what is no reply.
        """
        while (event := self._streams.next(deadline)) is not None:
            if event.stream == OUT and event.data:
                self._replies.add(event.data)
                try:
                    if found := list(iter(self._replies.take, None)):
                        return found
                except ValueError as error:
                    raise ChildError(f"answered with something that is no reply ({error})") from error
            elif event.stream == ERR:
                self._stderr.add(event.data)
            elif event.stream == EXIT:
                raise ChildError(endings.ending(self._process.wait(), self._stderr.text(), _UNLIMITED) or "ended")
        return []

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it, without waiting."""
        process.kill(self._process)

    def close(self) -> None:
        """End it, with what it is about."""
        os.close(self._stdin)
        process.kill(self._process)
        self._streams.close()
        process.end(self._process)
