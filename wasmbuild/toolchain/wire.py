"""The child's half of the server protocol, and the only description of it. Standard library alone, any Python 3.9.

This file can be copied next to a program that runs on another machine: it imports nothing of wasmbuild.

Requests come on stdin, replies go to stdout, in the order of the requests; many requests may be under way. Both are
the same frame: one line of JSON, an object, ended by a newline, followed by ``size`` raw bytes when the object has the
key ``size``. A request with ``"file": true`` goes with one open descriptor, sent by SCM_RIGHTS with the first byte of
its line; stdin is then a Unix socket.

The first request is ``{"hello": true, "file": true}``, without ``file`` where the parent cannot pass descriptors. The
reply, ``{"hello": true, "file": …}``, says whether the descriptor arrived: qemu hands it on, ``ssh`` does not. Without,
the bytes of a file are sent instead.

Whatever else the process writes to stdout is redirected to stderr. It ends when stdin does, and with the parent.
"""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

_CHUNK = 1 << 16
_DESCRIPTORS = 64
"""At most so many descriptors are taken from one read of the socket."""


class Channel:
    """Reads requests and writes replies, over the stdin and stdout that the process was started with."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._buffer = bytearray()
        self._files: deque[int] = deque()
        self._socket: socket.socket | None = None
        if hasattr(socket, "recv_fds") and stat.S_ISSOCK(os.fstat(0).st_mode):
            self._socket = socket.socket(fileno=os.dup(0))

    def request(self) -> tuple[dict[str, Any], bytes, int | None] | None:
        """Return the next request, its bytes, and its descriptor (to be closed by the caller); None at the end."""
        while (end := self._buffer.find(b"\n")) < 0:
            if not self._fill():
                return None
        request = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        data = self._take(request.get("size", 0))
        return request, data, self._files.popleft() if request.get("file") and self._files else None

    def reply(self, reply: dict[str, Any], data: bytes = b"") -> None:
        """Write one reply at once, so that a crash in the next request cannot take it along."""
        if data:
            reply = {**reply, "size": len(data)}
        view = memoryview(json.dumps(reply, separators=(",", ":")).encode() + b"\n" + data)
        while view:
            view = view[os.write(self._out, view) :]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._fill(max(_CHUNK, size - len(self._buffer))):
                raise EOFError("the parent ended in the middle of a request")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self, size: int = _CHUNK) -> bool:
        if self._socket is None:
            data = os.read(0, size)
        else:
            data, files, _, _ = socket.recv_fds(self._socket, size, _DESCRIPTORS)
            self._files.extend(files)
        self._buffer += data
        return bool(data)


def serve(handle: Callable[[dict[str, Any], bytes, int | None], tuple[dict[str, Any], bytes]]) -> None:
    """Answer requests with ``handle(request, data, descriptor)`` until stdin ends; the descriptor is closed here."""
    channel = Channel()
    end_with_parent()
    while (request := channel.request()) is not None:
        body, data, descriptor = request
        try:
            if body.get("hello"):
                channel.reply({"hello": True, "file": descriptor is not None})
            else:
                channel.reply(*handle(body, data, descriptor))
        finally:
            if descriptor is not None:
                os.close(descriptor)


def end_with_parent() -> None:
    """Watch stdin from a thread and end at once when its other end is closed, in the middle of a request too."""
    if not hasattr(select, "poll"):
        return
    hangup = select.poll()
    hangup.register(0, 0)  # asked for nothing, poll still tells of a hang-up

    def watch() -> None:
        hangup.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
