"""What goes between a parent and one child of a server, from the child's start to its end: see ``wire.py``."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence

from wasmbuild.errors import ChildError
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.toolchain import endings, exhaustion, process
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply, ReplyBuffer
from wasmbuild.toolchain.streams import ERR, EXIT, OUT, Event, TruncatedText, open_streams

_encode = json.JSONEncoder(separators=(",", ":")).encode
_PASSES_FILES = hasattr(socket, "send_fds") and hasattr(socket, "AF_UNIX")

_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _leave_to_parent() -> None:
    """Close what a forked process inherits, or children of a parent that is killed alone would wait for it."""
    for inherited in list(_sockets):
        inherited.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class Request(NamedTuple):
    """One request: a JSON object, and bytes or open descriptors that go with it.

    ``files`` stay open until the outcome of the request is known; the child reads from their beginning. ``body`` may
    have none of the keys ``size``, ``files`` and ``sizes``, which belong to the protocol. ``seconds`` is how long the
    child may take for it, None for the limit of the server.
    """

    body: Mapping[str, Any]
    data: bytes = b""
    files: Sequence[int] = ()
    seconds: float | None = None


class ChildExit(NamedTuple):
    """The child ended instead of answering. ``reason`` says how ("was killed by SIGSEGV"), ``stderr`` what it wrote.

    ``status`` is as ``Popen.returncode`` has it, ``answered`` how many requests this child had answered before.
    """

    name: str
    reason: str
    stderr: str
    status: int
    answered: int

    def __str__(self) -> str:
        return "\n".join([f"{self.name} {self.reason}", *(f"    {line}" for line in self.stderr.splitlines())])


class StartError(ChildError):
    """A child ended before it took requests; ``ending`` says how ("was killed by SIGSEGV")."""

    def __init__(self, text: str, ending: str) -> None:
        super().__init__(text)
        self.ending = ending


class Frame:
    """A request as it is sent."""

    def __init__(self, request: Request, passes_files: bool, seconds: float | None) -> None:
        body, self.data = dict(request.body), request.data
        self.seconds = seconds if request.seconds is None else request.seconds
        self.files: Sequence[int] = ()
        if request.files and passes_files:
            self.files = request.files
            body["files"] = len(request.files)
        elif request.files:
            contents = list(map(_read_all, request.files))
            self.data = b"".join(contents)
            body["sizes"] = list(map(len, contents))
        if self.data:
            body["size"] = len(self.data)
        self.head = _encode(body).encode("ascii") + b"\n"
        self.size = len(self.head) + len(self.data)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


class Worker:
    """One process that answers requests."""

    def __init__(
        self,
        argv: Sequence[str],
        name: str,
        limits: ProcessLimits,
        env_extra: Mapping[str, str] | None,
        cwd: str | os.PathLike[str] | None,
    ) -> None:
        """Start the process; ``greet`` comes next. Raises ChildError and ToolchainError."""
        self._name = name
        self._limits = limits
        self._replies = ReplyBuffer()
        self._stderr = TruncatedText()
        self._answered = 0
        self._waiting: deque[float | None] = deque()
        self._busy_since = 0.0
        self._ended = False
        self._overdue = False
        self._exhausted = ""
        self.passes_files = False
        self._socket: socket.socket | None = None
        if _PASSES_FILES:
            own, stdin = socket.socketpair()
            with stdin:
                try:
                    self.process = process.start(argv, limits, stdin=stdin.fileno(), env_extra=env_extra, cwd=cwd)
                except BaseException:
                    own.close()
                    raise
            self._socket = own
            _sockets.add(own)
        else:
            self.process = process.start(argv, limits, stdin=subprocess.PIPE, env_extra=env_extra, cwd=cwd)
        self._streams = open_streams(self.process)

    def greet(self, seconds: float) -> None:
        """Wait until the child takes requests, at most so long. Raises StartError for one that does not."""
        descriptor = os.open(os.devnull, os.O_RDONLY)
        try:
            self.send(Frame(Request({"hello": True}, files=(descriptor,)), self._socket is not None, seconds))
            outcome = self.receive()
        finally:
            os.close(descriptor)
        if isinstance(outcome, ChildExit):
            said = "" if endings.is_unlinked(outcome.reason) else outcome.stderr
            outcome = outcome._replace(name=f"{self._name} could not be started: it", stderr=said)
            raise StartError(str(outcome), outcome.reason)
        self._answered = 0
        self.passes_files = outcome.body.get("files") == 1

    def send(self, frame: Frame) -> bool:
        """Send one request whole; tell whether the child took it. It has the time of the request to do so.

        False means that it was dead before; over a request that took too long, ``receive`` tells of its death.
        """
        if not self._waiting:
            self._busy_since = time.monotonic()
        self._waiting.append(frame.seconds)
        try:
            if self._socket is not None:
                self._send_by_socket(self._socket, frame)
            else:
                self._send_by_pipe(frame)
        except TimeoutError:
            self._give_up()
        except OSError:
            return self._overdue
        return True

    def _give_up(self) -> None:
        self._overdue = True
        self._exhausted = exhaustion.told(self.process.pid)
        process.kill(self.process)

    def _send_by_socket(self, to: socket.socket, frame: Frame) -> None:
        head = memoryview(frame.head)
        if to.gettimeout() != frame.seconds:
            to.settimeout(frame.seconds)
        if frame.files:
            head = head[socket.send_fds(to, [head], frame.files) :]
        to.sendall(head)
        if frame.data:
            to.sendall(frame.data)

    def _send_by_pipe(self, frame: Frame) -> None:
        stdin = self.process.stdin
        if stdin is None:
            raise BrokenPipeError
        view = memoryview(frame.head + frame.data)
        # A write to a pipe has no deadline of its own; the death of the child ends it.
        timer = None
        if frame.seconds is not None:
            timer = threading.Timer(frame.seconds, self._give_up)
            timer.start()
        try:
            while view:
                view = view[stdin.write(view) or 0 :]
        finally:
            if timer is not None:
                timer.cancel()

    def receive(self) -> Reply | ChildExit:
        """Wait for the reply to the first request that has none yet; the child is dead after a ChildExit."""
        while True:
            try:
                reply = self._replies.take()
            except ValueError as error:
                return self._exit(f"answered with something that is no reply ({error})")
            if reply is not None:
                self._waiting.popleft()
                self._answered += 1
                self._busy_since = time.monotonic()
                return reply
            if self._ended:
                return self._exit()
            self._read()

    def _read(self) -> None:
        seconds = self._waiting[0]
        event = self._streams.next(None if seconds is None else self._busy_since + seconds)
        if event is None:
            self._give_up()
        elif event.stream == EXIT:
            for rest in self._streams.rest():
                self._keep(rest)
        else:
            self._keep(event)
        self._ended = event is None or event.stream == EXIT

    def _keep(self, event: Event) -> None:
        if event.stream == OUT:
            self._replies.add(event.data)
        elif event.stream == ERR:
            self._stderr.add(event.data)

    def _exit(self, reason: str = "") -> ChildExit:
        status = self.end()
        stderr = self._stderr.text()
        limits = self._limits._replace(seconds=self._waiting[0])
        reason = reason or endings.ending(status, stderr, limits, timed_out=self._overdue) + self._exhausted
        return ChildExit(self._name, reason or "ended without an answer", stderr, status, self._answered)

    def end(self) -> int:
        """Kill the process, release what belongs to it, and return its exit status."""
        if self._socket is not None:
            self._socket.close()
        process.kill(self.process)
        self._streams.close()
        return process.end(self.process).status
