"""What a child writes: its pipes read side by side until a deadline, and text of which only both ends are kept."""

from __future__ import annotations

import os
import select
import time

from wasmbuild.interrupts import HEARING_SECONDS
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain.process import has_ended

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable, Iterator

    from wasmbuild.toolchain.process import Process

OUT = "stdout"
ERR = "stderr"
EXIT = "exit"

KEPT_BYTES = 32 * 1024
"""How much of the beginning, and how much of the end, of a child's output is kept as a rule."""

_CHUNK = 1 << 16
# Who closes its pipes ends soon, as a rule.
_FIRST_PAUSE_SECONDS = 0.0005
_PAUSE_SECONDS = 0.05


class Event(NamedTuple):
    """Something that a child did: it wrote ``data`` to ``stream``, closed it (no data), or ended (``EXIT``)."""

    stream: str
    data: bytes


class Streams:
    """The pipes of one child, and its end."""

    def __init__(self, process: Process) -> None:
        if process.stdout is None or process.stderr is None:
            raise ValueError("the child was started without pipes")
        self._process = process
        self._open = {process.stdout.fileno(): OUT, process.stderr.fileno(): ERR}

    def next(self, deadline: float | None) -> Event | None:
        """Return what the child does next; None when ``time.monotonic()`` reaches ``deadline`` before."""
        if not self._open:
            return Event(EXIT, b"") if self._ends(deadline) else None
        while True:
            seconds = _seconds_until(deadline)
            event = self._next(HEARING_SECONDS if seconds is None else min(seconds, HEARING_SECONDS))
            if event is None and EXIT not in self._open.values() and has_ended(self._process):
                # What it started and left running has its pipes.
                return Event(EXIT, b"")
            if event is not None or (seconds is not None and seconds <= HEARING_SECONDS):
                return event

    def _ends(self, deadline: float | None) -> bool:
        """Wait until the child ends; false when the deadline comes first."""
        pause = _FIRST_PAUSE_SECONDS
        while not has_ended(self._process):
            left = _seconds_until(deadline)
            if left == 0:
                return False
            time.sleep(pause if left is None else min(pause, left))
            pause = min(2 * pause, _PAUSE_SECONDS)
        return True

    def rest(self) -> Iterator[Event]:
        """Yield what is in the pipes of a child that has ended, without waiting for others that hold them open."""
        while self._open and (event := self._next(0)) is not None:
            yield event

    def _next(self, seconds: float) -> Event | None:
        raise NotImplementedError

    def close(self) -> None:
        """Release what was opened here; the child has ended."""


def _seconds_until(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


class PolledStreams(Streams):
    """Pipes that are waited for with ``poll``; the child's end too, where the system has descriptors of processes."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self._poll = select.poll()
        self._ready: list[int] = []
        self._pidfd: int | None = None
        opener: Callable[[int], int] | None = getattr(os, "pidfd_open", None)
        if opener is not None:
            # A kernel before 5.3 has none, nor has a Python that was made for one, and a sandbox may forbid them.
            with suppress(OSError):
                self._pidfd = opener(process.pid)
                self._open[self._pidfd] = EXIT
        for descriptor in self._open:
            self._poll.register(descriptor, select.POLLIN)

    def _next(self, seconds: float) -> Event | None:
        if not self._ready:
            self._ready = [descriptor for descriptor, _ in self._poll.poll(int(seconds * 1000) + 1)]
            # The end of the child is told after what it wrote before.
            self._ready.sort(key=lambda descriptor: descriptor != self._pidfd)
            if not self._ready:
                return None
        descriptor = self._ready.pop()
        data = b"" if descriptor == self._pidfd else os.read(descriptor, _CHUNK)
        if data:
            return Event(self._open[descriptor], data)
        self._poll.unregister(descriptor)
        return Event(self._open.pop(descriptor), b"")

    def close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


class ThreadedStreams(Streams):
    """Pipes that are read by a thread each, for systems where pipes cannot be polled (Windows)."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        import queue
        import threading

        self._queue_empty = queue.Empty
        self._events: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read, args=(descriptor,), daemon=True) for descriptor in self._open
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, descriptor: int) -> None:
        data = b"."
        while data:
            try:
                data = os.read(descriptor, _CHUNK)
            except OSError:  # closed by its owner
                data = b""
            self._events.put((descriptor, data))

    def _next(self, seconds: float) -> Event | None:
        try:
            descriptor, data = self._events.get(timeout=seconds)
        except self._queue_empty:
            return None
        return Event(self._open[descriptor] if data else self._open.pop(descriptor), data)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(timeout=1)


def open_streams(process: Process) -> Streams:
    """Return the streams of a child in the cheapest way that this system has."""
    return PolledStreams(process) if hasattr(select, "poll") else ThreadedStreams(process)


class TruncatedText:
    """Output of any length, of which so many bytes of the beginning, and of the end, are kept."""

    def __init__(self, keep: int = KEPT_BYTES) -> None:
        self._keep = keep
        self._first = bytearray()
        self._last = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = self._keep - len(self._first)
        self._first += data[:room]
        self._last += data[room:] if room > 0 else data
        excess = len(self._last) - self._keep
        if excess > 0:
            del self._last[:excess]
            self._dropped += excess

    def bytes(self) -> bytes:
        """Return what was kept, with a line in the middle that tells how much is missing, if any is."""
        gap = b"\n[%d bytes left out]\n" % self._dropped if self._dropped else b""
        return bytes(self._first) + gap + bytes(self._last)

    def text(self) -> str:
        """Return what was kept as text that is safe to show: no control character but tab and newline."""
        shown = self.bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in shown)
