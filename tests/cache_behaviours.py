"""What a server may answer in place of an entry, for ``cache_servers.Server``: failures, lies, and other entries."""

from __future__ import annotations

import http.server
import socket
import struct

from cache_servers import Server, nobody, send

Handler = http.server.BaseHTTPRequestHandler


def html(server: Server, handler: Handler) -> None:
    send(handler, b"<!doctype html><title>Sign in</title>")


def missing(server: Server, handler: Handler) -> None:
    send(handler, b"", status=404)


def broken(server: Server, handler: Handler) -> None:
    send(handler, b"", status=500)


def forbidden(server: Server, handler: Handler) -> None:
    send(handler, b"", status=403)


def unknown(server: Server, handler: Handler) -> None:
    send(handler, b"", status=401)


def drops(server: Server, handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.close()


def drops_amid(server: Server, handler: Handler) -> None:
    data = server.kept[handler.path]
    send(handler, data[: len(data) // 2], length=len(data))


def says_more(server: Server, handler: Handler) -> None:
    data = server.kept[handler.path]
    send(handler, data, length=len(data) + 1)


def says_less(server: Server, handler: Handler) -> None:
    data = server.kept[handler.path]
    send(handler, data, length=len(data) - 1)


def says_all_there_is(server: Server, handler: Handler) -> None:
    send(handler, b"wasmbuild/entry2", length=1 << 50)


def resets(server: Server, handler: Handler) -> None:
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def babbles(server: Server, handler: Handler) -> None:
    handler.close_connection = True
    handler.wfile.write(b"\0\xff" * 99)


def says_no_length(server: Server, handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"1\r\nw\r\n0\r\n\r\n")


def truncated(server: Server, handler: Handler) -> None:
    data = server.kept[handler.path]
    send(handler, data[: len(data) // 2])


def empty(server: Server, handler: Handler) -> None:
    send(handler, b"")


def flipped(server: Server, handler: Handler) -> None:
    data = bytearray(server.kept[handler.path])
    data[-20] ^= 1
    send(handler, bytes(data))


def longer(server: Server, handler: Handler) -> None:
    send(handler, server.kept[handler.path] + b"more")


def swapped(server: Server, handler: Handler) -> None:
    path = next(path for path in sorted(server.kept) if path != handler.path)
    send(handler, server.kept[path])


def redirects_to_nothing(server: Server, handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", f"{nobody()}/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def redirects_in_a_circle(server: Server, handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()
