"""Servers of a remote cache: nginx, S3 by moto, and one that does whatever it is told to."""

from __future__ import annotations

import atexit
import base64
import contextlib
import email.utils
import hmac
import http.server
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import corpus
import made_once
from certificates import Certificates

_NGINX = """
daemon off;
{user}
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {root}/access.log;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        root {root}/www;
        {location}
    }}
}}
"""


_LOCATION = """
location / {
    dav_methods PUT;
    create_full_put_path on;
    AUTHENTICATION
}
"""


# Who asks for any port, be it for an outgoing connection, is given a higher one: Linux begins at 32768, others later.
_PORTS = range(20_000, 32_000)


def _free_port() -> int:
    """Return a port for a server that has to be told one; nobody gets it meanwhile without asking for it."""
    while True:
        port = secrets.choice(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port


# Bound once, when this is imported: servers ask for its address from many threads at a time.
_HELD = socket.socket()
_HELD.bind(("127.0.0.1", 0))
atexit.register(_HELD.close)


def nobody() -> str:
    """Return an address where nobody answers: its port is held, so that no server is given it."""
    return f"http://127.0.0.1:{_HELD.getsockname()[1]}"


@contextlib.contextmanager
def nginx(root: Path, *, login: tuple[str, str] | None = None, location: str = _LOCATION) -> Iterator[str]:
    """Run nginx with WebDAV's PUT on an empty folder ``root/www``, or as another ``location`` says; yield its address.

    ``login`` is name and password of whoever is let in.
    """
    (root / "www").mkdir(parents=True)
    authentication = ""
    if login is not None:
        (root / "passwords").write_text(f"{login[0]}:{{PLAIN}}{login[1]}\n")
        authentication = f'auth_basic "cache"; auth_basic_user_file {root}/passwords;'
    user = "user root;" if os.geteuid() == 0 else ""
    location = location.replace("AUTHENTICATION", authentication)
    # Debian keeps it where users have no PATH.
    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def command(port: int) -> list[str]:
        (root / "nginx.conf").write_text(_NGINX.format(root=root, port=port, location=location, user=user))
        return [program, "-c", str(root / "nginx.conf"), "-e", str(root / "error.log"), "-p", str(root)]

    with _running(command) as address:
        yield address


@contextlib.contextmanager
def s3(bucket: str) -> Iterator[dict[str, str]]:
    """Run an S3 service with an empty bucket, and yield the environment that leads to it."""
    import boto3

    with _running(lambda port: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]) as address:
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id="a",
            aws_secret_access_key="b",  # noqa: S106
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=bucket)
        client.close()
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_REGION": "us-east-1",
        }


_AZURITE = "azurite@3.35.0"
_ACCOUNT = "devstoreaccount1"
# Microsoft publishes it: every emulator has it.
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextlib.contextmanager
def azure(root: Path, container: str) -> Iterator[dict[str, str]]:
    """Run Azurite, Microsoft's emulator, with an empty container, and yield the environment that leads to it."""
    program = _azurite() / "node_modules/azurite/dist/src/blob/main.js"
    command = ["node", str(program), "--location", str(root)]
    command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort"]
    with _running(lambda port: [*command, str(port)]) as started:
        address = f"{started}/{_ACCOUNT}"
        _make_container(address, container)
        yield {
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": _ACCOUNT_KEY,
            "AZURE_STORAGE_ENDPOINT": address,
        }


def _azurite() -> Path:
    """Return where npm installed Azurite, which it does once."""

    def install(folder: Path) -> None:
        npm = shutil.which("npm")
        assert npm is not None
        command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", _AZURITE]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    return made_once.directory(corpus.cache_directory() / _AZURITE, install)


def _make_container(address: str, name: str) -> None:
    """Make a container, which is asked for as Azure's "Authorize with Shared Key" says."""
    version, date = "2021-08-06", email.utils.formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{version}"
    signed = "\n".join(["PUT", *[""] * 11, headers, f"/{_ACCOUNT}/{_ACCOUNT}/{name}", "restype:container"])
    digest = hmac.digest(base64.b64decode(_ACCOUNT_KEY), signed.encode(), "sha256")
    request = urllib.request.Request(f"{address}/{name}?restype=container", method="PUT")  # noqa: S310
    request.add_header("x-ms-date", date)
    request.add_header("x-ms-version", version)
    request.add_header("Authorization", f"SharedKey {_ACCOUNT}:{base64.b64encode(digest).decode()}")
    with urllib.request.urlopen(request) as answered:  # noqa: S310
        assert answered.status == 201


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]]) -> Iterator[str]:
    """Run a server that is told its port, and yield its address; one that ends at once tries another port."""
    for _ in range(3):
        port = _free_port()
        process = subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if _answers(process, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            process.terminate()
            process.wait()
    raise AssertionError(f"{process.args} ended at once")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until something answers at a port, and tell whether that is a process, which ends where it is not."""
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return process.poll() is None
        time.sleep(0.02)
    return False


class Seen(NamedTuple):
    """A request that came: its method, path and headers with small names."""

    method: str
    path: str
    headers: dict[str, str]


class Server:
    """A server of HTTP that keeps what is put, and answers as ``behave`` and ``keep`` say."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        """With ``certificates`` it speaks HTTPS."""
        self.kept: dict[str, bytes] = {}
        self.seen: list[Seen] = []
        self.behave: Callable[[Server, http.server.BaseHTTPRequestHandler], None] = answer
        self.keep: Callable[[Server, http.server.BaseHTTPRequestHandler, bytes], None] = keep
        self.ending = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def _note(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append(Seen(self.command, self.path, headers))

            def do_GET(self) -> None:
                self._note()
                with contextlib.suppress(ConnectionError):
                    outer.behave(outer, self)

            def do_PUT(self) -> None:
                self._note()
                length = int(self.headers["Content-Length"])
                data = self.rfile.read(length)
                if len(data) < length:
                    # Of who was killed amid it: no server keeps that.
                    self.close_connection = True
                    return
                with contextlib.suppress(ConnectionError):
                    outer.keep(outer, self, data)

            def do_POST(self) -> None:
                self.do_PUT()

            def handle(self) -> None:
                # Whoever has what it wants may be gone at any time, and who does not trust this one goes at once.
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    super().handle()

        class Http(http.server.ThreadingHTTPServer):
            daemon_threads = True
            # As many as a build asks at once: who finds no place in the queue comes again after a second.
            request_queue_size = 64

        self._http = Http(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
            # The handshake is the business of the thread of each connection.
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Server:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def send(
    handler: http.server.BaseHTTPRequestHandler,
    data: bytes,
    *,
    status: int = 200,
    length: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send an answer; ``length`` is what it says of itself, where that is not true."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data)
    if length is not None:
        handler.close_connection = True


def answer(server: Server, handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer as a cache does."""
    data = server.kept.get(handler.path)
    send(handler, data or b"", status=404 if data is None else 200)


def keep(server: Server, handler: http.server.BaseHTTPRequestHandler, data: bytes) -> None:
    """Take what is put, as a cache does."""
    server.kept[handler.path] = data
    send(handler, b"", status=201)


def put(address: str, data: bytes) -> None:
    """Put bytes at an address of HTTP."""
    request = urllib.request.Request(address, data, method="PUT")  # noqa: S310
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request):  # noqa: S310
        pass
