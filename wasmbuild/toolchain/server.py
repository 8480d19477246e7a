"""A long-lived child that answers requests: the parent's half of the protocol that ``wire.py`` describes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from types import TracebackType

from wasmbuild.toolchain import process
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.search_path import WINDOWS
from wasmbuild.toolchain.worker import ChildExit, Frame, Request, Worker

# Requests are sent ahead while those without a reply are together no longer than this: less than what any socket
# buffers, so that parent and child never wait for each other to read. Pipes of Windows may hold nothing at all.
AHEAD_BYTES = 0 if WINDOWS else 4096

# Descriptors of the requests sent ahead, open on both sides.
AHEAD_FILES = 32

START_SECONDS = 60.0
"""How long a child may take to start: Python itself, imports, and an emulator around it."""


class Server:
    """A child that is started at the first request and, after its death, again at the next one.

    One thread at a time may ask; any thread may ``kill``. The memory limit counts for the life of the child, the
    time limit for each request. A context manager: the child ends with it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        limits: ProcessLimits,
        env_extra: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.name = name
        self.limits = limits
        self._argv = tuple(argv)
        self._env_extra = env_extra
        self._cwd = cwd
        self._start_seconds = start_seconds
        self._child: Worker | None = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def outcome(self, request: Request) -> Reply | ChildExit:
        """Answer one request, or tell how the child ended over it. Raises ChildError when it cannot be started."""
        return next(self.outcomes((request,)))

    def outcomes(self, requests: Iterable[Request]) -> Generator[Reply | ChildExit, None, None]:
        """Yield the outcome of every request, in order, while later requests are already on their way.

        A request is drawn from ``requests`` before the outcomes of the ones before it are yielded. When the child
        ends, the first request without a reply has caused it: its outcome is the death, and then a new child goes on
        with the next. Closed early, it ends the child if replies are missing.

        Raises ChildError when a child cannot be started.
        """
        sent: deque[Frame] = deque()
        ahead = files = 0
        try:
            for request in requests:
                frame = Frame(request, self._running().passes_files, self.limits.seconds)
                while sent and (ahead + frame.size > AHEAD_BYTES or files + len(frame.files) > AHEAD_FILES):
                    ahead -= sent[0].size
                    files -= len(sent[0].files)
                    yield self._first_outcome(sent)
                self._resume(sent)
                self._send(frame, alone=not sent)
                sent.append(frame)
                ahead += frame.size
                files += len(frame.files)
            while sent:
                yield self._first_outcome(sent)
        finally:
            # Replies to what is still under way would be taken for those of later requests.
            if sent:
                self.close()

    def kill(self) -> None:
        """Kill the child, from any thread; whoever waits for a reply is told of its death."""
        child = self._child
        if child is not None:
            process.kill(child.process)

    def close(self) -> None:
        """End the child, if one is running."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _running(self) -> Worker:
        if self._child is None:
            # Known before it is ready, so that it can be killed meanwhile.
            self._child = Worker(self._argv, self.name, self.limits, self._env_extra, self._cwd)
            try:
                self._child.greet(self._start_seconds)
            except BaseException:
                self.close()
                raise
        return self._child

    def _send(self, frame: Frame, *, alone: bool) -> None:
        if self._running().send(frame) or not alone:
            return
        # It died while it had nothing to do, so this request is not to blame. If the next one does not take it either,
        # its death is told as the outcome.
        self.close()
        self._running().send(frame)

    def _first_outcome(self, sent: deque[Frame]) -> Reply | ChildExit:
        self._resume(sent)
        outcome = self._running().receive()
        sent.popleft()
        if isinstance(outcome, ChildExit):
            self.close()
        return outcome

    def _resume(self, sent: Iterable[Frame]) -> None:
        """Send again what a child has left that is gone."""
        if self._child is None:
            for frame in sent:
                self._running().send(frame)
