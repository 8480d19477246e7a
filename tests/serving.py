"""A server of files on this machine, which can be told to behave badly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; ``server.site`` says what to answer."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        site = self.server.site
        site.requests.append((self.path, dict(self.headers)))
        answers = site.answers.get(self.path)
        if not answers:
            self.send_error(404)
            return
        # The last answer stays.
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, *arguments: Any) -> None:
        pass


class Site:
    """What is at which path, and what was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.ending = threading.Event()

    def put(self, path: str, *answers: Answer | bytes) -> str:
        """Say what is answered at a path, one after the other, and return its address."""
        self.answers[path] = [answer if callable(answer) else whole(answer) for answer in answers]
        return self.address + path


@contextmanager
def site() -> Iterator[Site]:
    server = Server(("127.0.0.1", 0), Request)
    server.site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.site
    finally:
        server.site.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _begin(request: Request, size: int, start: int, tag: str, length: int) -> None:
    """Send the head of an answer that begins at byte ``start`` of ``size``; ``length`` is what is said to follow."""
    request.send_response(206 if start else 200)
    if start:
        request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
    request.send_header("ETag", tag)
    request.send_header("Content-Length", str(length))
    request.end_headers()


def whole(data: bytes, *, ranges: bool = True, tag: str = '"1"', length: int | None = None) -> Answer:
    """Answer with bytes, or the part of them that is asked for. ``length`` is what is said of them."""

    def answer(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1]) if ranges else 0
        if request.headers.get("If-Range", tag) != tag:
            start = 0
        _begin(request, len(data), start, tag, len(data) - start if length is None else length)
        request.wfile.write(data[start:])
        request.close_connection = True

    return answer


def whole_of_any_version(data: bytes, tag: str) -> Answer:
    """Answer with the part that is asked for, of whatever version that was."""

    def answer(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        _begin(request, len(data), start, tag, len(data) - start)
        request.wfile.write(data[start:])

    return answer


def cut(data: bytes, after: int, tag: str = '"1"') -> Answer:
    """Answer with the first bytes, and hang up."""

    def answer(request: Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        _begin(request, len(data), start, tag, len(data) - start)
        request.wfile.write(data[start : start + after])
        request.close_connection = True

    return answer


def trickle(data: bytes, stop: threading.Event) -> Answer:
    """Answer a byte at a time until told to stop."""

    def answer(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        for byte in data:
            if stop.is_set():
                return
            request.wfile.write(bytes([byte]))
            time.sleep(0.01)

    return answer


def redirect(to: str) -> Answer:
    def answer(request: Request) -> None:
        request.send_response(302)
        request.send_header("Location", to)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def status(code: int) -> Answer:
    return lambda request: request.send_error(code)
