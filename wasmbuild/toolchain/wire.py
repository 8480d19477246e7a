"""The child's half of the server protocol, and the only description of it. Standard library alone, any Python 3.9.

This file can be copied next to a program that runs on another machine: it imports nothing of wasmbuild.

Requests come on stdin, replies go to stdout, in the order of the requests; many requests may be under way. Both are
the same frame: one line of JSON, an object, ended by a newline, followed by ``size`` raw bytes when the object has the
key ``size``. A request with ``"files": N`` goes with so many open descriptors, 32 at most, sent by SCM_RIGHTS with the
first byte of its line; stdin is then a Unix socket.

The first request is ``{"hello": true, "files": 1}``, without ``files`` where the parent cannot pass descriptors. The
reply, ``{"hello": true, "files": …}``, says how many arrived: qemu hands them on, ``ssh`` does not. Without, the raw
bytes are those of the files, one after the other, and ``sizes`` is a list of how many each has.

Whatever else the process writes to stdout is redirected to stderr. It ends when stdin does, and with the parent.
"""

from __future__ import annotations

import json
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_CHUNK = 1 << 16
_spell = json.JSONEncoder(separators=(",", ":")).encode
MOST_FILES = 32
"""So many descriptors go with one request at most."""


class Channel:
    """Reads requests and writes replies, over the stdin and stdout that the process was started with."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._buffer = bytearray()
        self._files: deque[int] = deque()
        self._socket: socket.socket | None = None
        if stat.S_ISSOCK(os.fstat(0).st_mode):
            # Of some children, a fifth of what they take to start.
            import socket

            if hasattr(socket, "recv_fds"):
                self._socket = socket.socket(fileno=os.dup(0))

    def request(self) -> tuple[dict[str, Any], bytes, list[int]] | None:
        """Return the next request, its bytes, and its descriptors (to be closed by the caller); None at the end."""
        while (end := self._buffer.find(b"\n")) < 0:
            if not self._fill():
                return None
        request = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        data = self._take(request.get("size", 0))
        count = min(request.get("files", 0), len(self._files))
        return request, data, [self._files.popleft() for _ in range(count)]

    def reply(self, reply: dict[str, Any], data: bytes = b"") -> None:
        """Write one reply at once, so that a crash in the next request cannot take it along."""
        if data:
            reply = {**reply, "size": len(data)}
        view = memoryview(_spell(reply).encode() + b"\n" + data)
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
            import socket

            data, files, flags, _ = socket.recv_fds(self._socket, size, MOST_FILES)
            self._files.extend(files)
            if flags & socket.MSG_CTRUNC:
                # What is lost is not known, so that later requests would get the files of others.
                raise OSError("descriptors of a request were lost; may this process not have more open?")
        self._buffer += data
        return bool(data)


def serve(handle: Callable[[dict[str, Any], bytes, list[int]], tuple[dict[str, Any], bytes]]) -> None:
    """Answer requests with ``handle(request, data, descriptors)`` until stdin ends; descriptors are closed here."""
    channel = Channel()
    end_with_parent()
    while (request := channel.request()) is not None:
        body, data, descriptors = request
        try:
            if body.get("hello"):
                channel.reply({"hello": True, "files": len(descriptors)})
            else:
                channel.reply(*handle(body, data, descriptors))
        finally:
            for descriptor in descriptors:
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
