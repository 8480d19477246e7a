"""Downloads: bytes hashed and counted as they come, resumed where the connection was lost, given up where it crawls."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from wasmbuild import __version__
from wasmbuild.errors import DISK, WasmbuildError
from wasmbuild.installing.credentials import Credentials
from wasmbuild.lean.typing import IO, Any, NamedTuple
from wasmbuild.project.cache_policy import shown_address
from wasmbuild.text import printable

_CHUNK = 1 << 16
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
# Those that urllib follows, and gives up after ten.
_REDIRECTIONS = frozenset((301, 302, 303, 307, 308))
_HINTS = {
    401: "give credentials in ~/.netrc or WASMBUILD_MIRROR_AUTHORIZATION",
    403: "check your credentials in ~/.netrc or WASMBUILD_MIRROR_AUTHORIZATION",
    404: "there is no such version, or none for that platform; name another, or another --mirror, or build it for this "
    "machine: wasmbuild toolchain install VERSION --from cargo",
}
_OF_NETWORK = "check the network, and try again"
_OF_PROXY = "correct that proxy, or list the host in no_proxy"
MAX_BYTES = 2 << 30
"""The most that is ever downloaded."""
_DOCUMENT_BYTES = 4 << 20


OnBytes = Callable[[int, int | None], object]
"""Is told how many bytes came, and of how many where that is known."""


class NetworkError(WasmbuildError):
    """The network, or the server at its other end, did not do what was asked."""

    exit_code = DISK


class Patience(NamedTuple):
    """How long a download may take: under ``bytes_per_second`` for ``seconds`` it is given up.

    After ``attempts`` in a row that brought nothing it is given up, too; ``pause`` seconds lie between the first two,
    twice as many between the next.
    """

    seconds: float = 30
    bytes_per_second: int = 1000
    attempts: int = 4
    pause: float = 1


class Expected(NamedTuple):
    """What is known of a file before it comes: its size in bytes and its SHA-256 in hex, each None where it is not."""

    size: int | None = None
    sha256: str | None = None


class PartialDownload(NamedTuple):
    """What an earlier run left in the file: bytes of the version of it that ``validator`` names, empty for none.

    ``remember`` is told what names another version, empty for what has no strong name, before its first byte comes.
    """

    validator: str = ""
    remember: Callable[[str], object] = lambda validator: None


PATIENT = Patience()
ANY = Expected()
NOTHING = PartialDownload()


class DownloadResult(NamedTuple):
    """What came."""

    size: int
    sha256: str


class _LostError(Exception):
    """The connection was lost, or the server asks to come again."""

    def __init__(self, said: str, fix: str = _OF_NETWORK) -> None:
        super().__init__(said)
        self.fix = fix


class _Body:
    """What came so far of one file, and what must be the same when the rest is asked for."""

    def __init__(self, file: IO[bytes], begun: PartialDownload) -> None:
        self._file = file
        self._remember = begun.remember
        self.validator = begun.validator
        self.size = 0
        self._hash = hashlib.sha256()
        if not self.validator:
            self.restart()
        while data := self._file.read(_CHUNK):
            self._hash.update(data)
            self.size += len(data)

    def restart(self, validator: str = "", *, strong: bool = False) -> None:
        """Begin again, with the version that a validator names."""
        self._file.seek(0)
        self._file.truncate()
        self.size = 0
        self._hash = hashlib.sha256()
        self.validator = validator
        self._remember(validator if strong else "")

    def add(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def got(self) -> DownloadResult:
        return DownloadResult(self.size, self._hash.hexdigest())


def download(
    address: str,
    file: IO[bytes],
    *,
    credentials: Credentials,
    expected: Expected = ANY,
    patience: Patience = PATIENT,
    begun: PartialDownload = NOTHING,
    most: int = MAX_BYTES,
    on_bytes: OnBytes = lambda done, total: None,
) -> DownloadResult:
    """Write what lies at an address into a file that is open for writing, and return what came.

    ``begun`` says what the file has already. ``on_bytes`` is told how many bytes are there, and of how many where that
    is known. The file is right only when this returns: what was expected is checked here.

    Raises NetworkError, one line.
    """
    body = _Body(file, begun)
    opener = urllib.request.build_opener(_Redirects)
    # Not of the attempt before: where that began again, as much as was there already would count as new each time.
    furthest = barren = 0
    while True:
        try:
            _attempt(address, body, opener, credentials, expected, patience, most, on_bytes)
            break
        except (ValueError, http.client.InvalidURL) as error:
            raise NetworkError(
                f"{_shown(address)}: is no address, or leads to none: {_reason(error)}; check the address"
            ) from error
        except _LostError as error:
            barren = 1 if body.size > furthest else barren + 1
            furthest = max(furthest, body.size)
            if barren >= patience.attempts:
                raise NetworkError(f"{_shown(address)}: {error}; {error.fix}") from error
            time.sleep(patience.pause * 2 ** (barren - 1))
    got = body.got()
    if expected.sha256 is not None and got.sha256 != expected.sha256:
        body.restart()
        raise NetworkError(
            f"{_shown(address)}: has the SHA-256 {got.sha256}, not {expected.sha256} as expected; it was changed, "
            f"damaged or is another file: nothing was taken from it"
        )
    return got


def text(address: str, *, credentials: Credentials, patience: Patience = PATIENT) -> bytes:
    """Return a small document. Raises NetworkError."""
    buffer = io.BytesIO()
    download(address, buffer, credentials=credentials, patience=patience, most=_DOCUMENT_BYTES)
    return buffer.getvalue()


def _attempt(
    address: str,
    body: _Body,
    opener: urllib.request.OpenerDirector,
    credentials: Credentials,
    expected: Expected,
    patience: Patience,
    most: int,
    on_bytes: OnBytes,
) -> None:
    """Get all of a file, or the rest of it.

    Raises _LostError, NetworkError, and ValueError or InvalidURL for what is no address.
    """
    request = urllib.request.Request(address, headers={"User-Agent": f"wasmbuild/{__version__}"})  # noqa: S310
    if body.size and body.validator:
        request.add_header("Range", f"bytes={body.size}-")
        request.add_header("If-Range", body.validator)
    elif body.size:
        body.restart()
    if authorization := credentials.of(address):
        request.add_unredirected_header("Authorization", authorization)
    proxy = _proxy_of(address)
    try:
        with opener.open(request, timeout=patience.seconds) as response:
            total = _total(response, body)
            if expected.size is not None and total is not None and total != expected.size:
                raise NetworkError(f"{_shown(address)}: has {total} bytes, not {expected.size} as expected")
            total = expected.size if total is None else total
            if total is not None and total > most:
                raise NetworkError(f"{_shown(address)}: has {total} bytes, more than the {most} that are taken")
            _receive(response, body, address, total, patience, most, on_bytes)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            body.restart()
            raise _LostError("the server has no such range") from error
        if error.code in _REDIRECTIONS:
            raise NetworkError(f"{_shown(address)}: leads nowhere, or back to itself; check the address") from error
        if error.code == 407 and proxy:
            raise NetworkError(f"{_shown(address)}: {proxy}, asks for a login or refuses it; {_OF_PROXY}") from error
        said = f"the server says {error.code} {printable(error.reason, 80)}".rstrip()
        if error.code in _PASSING:
            raise _LostError(said) from error
        hint = _HINTS.get(error.code, "check the address")
        raise NetworkError(f"{_shown(address)}: {said}; {hint}") from error
    except TimeoutError as error:
        raise _too_slow(address, patience) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _too_slow(address, patience) from error
        if proxy:
            said = _reason(error.reason)
            is_behind = isinstance(error.reason, ssl.SSLError) or said.startswith("Tunnel connection failed: 5")
            fix = _OF_NETWORK if is_behind else _OF_PROXY
            raise _LostError(f"cannot be reached through {proxy}: {said}", fix) from error
        raise _LostError(_reason(error.reason)) from error
    except http.client.InvalidURL:
        raise
    except (http.client.HTTPException, ConnectionError, EOFError) as error:
        raise _LostError(_reason(error)) from error


def _proxy_of(address: str) -> str:
    """Tell of the proxy that urllib takes for an address, if any. Raises NetworkError, and ValueError."""
    parts = urlsplit(address)
    url = urllib.request.getproxies().get(parts.scheme, "")
    if not url or urllib.request.proxy_bypass(parts.netloc):
        return ""
    variable = f"{parts.scheme}_proxy"
    # The one in lower case goes first, as it does for urllib.
    names = (name for name in (variable, *os.environ) if name.lower() == variable and os.environ.get(name))
    proxy = f"the proxy {printable(shown_address(url), 100)}, which {next(names, 'this system')} names"
    scheme, _, rest = url.rpartition("://")
    try:
        host = urlsplit(f"//{rest.rpartition('@')[2]}")
        is_right = scheme.lower() in ("", "http", "https") and ":/" not in rest and host.hostname and host.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise NetworkError(
            f"{_shown(address)}: {proxy}, is no http://HOST:PORT or https://HOST:PORT; name one of these there"
        )
    return proxy


def _total(response: Any, body: _Body) -> int | None:
    """Return how long the whole file is, and begin again where the server does."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if response.status == 206:
        if response.headers.get("ETag", body.validator) != body.validator and body.validator.startswith('"'):
            # Who does not know If-Range sends a part of whatever is there now.
            body.restart()
            raise _LostError("the server sent a part of another version of the file")
        range_, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if range_.partition("-")[0] != str(body.size):
            body.restart()
            raise _LostError("the server sent another part of the file than was asked for")
        return int(whole) if whole.isdecimal() else None
    etag = response.headers.get("ETag", "")
    # A weak tag does not promise the same bytes, and a time only as long as one stays on the line.
    strong = etag.startswith('"')
    body.restart(etag if strong else response.headers.get("Last-Modified", ""), strong=strong)
    return total


def _receive(
    response: Any, body: _Body, address: str, total: int | None, patience: Patience, most: int, on_bytes: OnBytes
) -> None:
    since, size_then = time.monotonic(), body.size
    most = most if total is None else total
    while chunk := response.read1(_CHUNK):
        body.add(chunk)
        if body.size > most:
            body.restart()
            raise NetworkError(f"{_shown(address)}: sends more than {most} bytes; it is another file")
        on_bytes(body.size, total)
        now = time.monotonic()
        if now - since >= patience.seconds:
            if body.size - size_then < patience.bytes_per_second * (now - since):
                raise _too_slow(address, patience)
            since, size_then = now, body.size
    if total is not None and body.size < total:
        raise _LostError(f"the connection was lost after {body.size} of {total} bytes")


def _too_slow(address: str, patience: Patience) -> NetworkError:
    return NetworkError(
        f"{_shown(address)}: sent less than {patience.bytes_per_second} bytes a second for {patience.seconds:.0f} s; "
        f"try again later, or take another --mirror"
    )


def _reason(error: object) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(said)


def _shown(address: str) -> str:
    return printable(address, 400)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections; credentials go to their own host alone, and nothing goes from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise NetworkError(f"{_shown(req.full_url)}: leads to {_shown(newurl)}, which is not encrypted")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and _origin(newurl) == _origin(req.full_url):
            # Where the one before had them, so that another host's redirection back gets none.
            authorization = req.unredirected_hdrs.get("Authorization")
            if authorization:
                request.add_unredirected_header("Authorization", authorization)
        return request


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port
