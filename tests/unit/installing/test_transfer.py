"""Downloads from a server that drops, lies, crawls and leads elsewhere."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import certificates
import pytest
import serving
from serving import Site, cut, redirect, status, trickle, whole

from wasmbuild.installing import partial
from wasmbuild.installing.credentials import Credentials
from wasmbuild.installing.transfer import DownloadResult, Expected, NetworkError, Patience, download

DATA = os.urandom(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
NOBODY = Credentials()
HASTY = Patience(seconds=5, attempts=3, pause=0)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving.site() as here:
        yield here


def get(address: str, expected: Expected = Expected(), credentials: Credentials = NOBODY, **options: object) -> bytes:  # noqa: B008
    buffer = io.BytesIO()
    got = download(address, buffer, credentials=credentials, expected=expected, patience=HASTY, **options)  # type: ignore[arg-type]
    assert got == DownloadResult(len(buffer.getvalue()), hashlib.sha256(buffer.getvalue()).hexdigest())
    return buffer.getvalue()


def refusal(address: str, expected: Expected = Expected(), patience: Patience = HASTY, **options: int) -> str:  # noqa: B008
    with pytest.raises(NetworkError) as error:
        download(address, io.BytesIO(), credentials=NOBODY, expected=expected, patience=patience, **options)  # type: ignore[arg-type]
    assert error.value.exit_code == 3
    assert "\n" not in str(error.value)
    return str(error.value)


def test_all_of_it(site: Site) -> None:
    told: list[tuple[int, int | None]] = []
    address = site.put("/a", DATA)
    assert get(address, Expected(len(DATA), SHA256), on_bytes=lambda *it: told.append(it)) == DATA
    assert told[-1] == (len(DATA), len(DATA))


def test_what_was_cut_is_resumed(site: Site) -> None:
    address = site.put("/a", cut(DATA, 100_000), cut(DATA, 50_000), whole(DATA))
    assert get(address, Expected(len(DATA), SHA256)) == DATA
    assert [headers.get("Range") for _, headers in site.requests] == [None, "bytes=100000-", "bytes=150000-"]


@pytest.mark.parametrize("second", [whole(DATA, ranges=False), whole(DATA, tag='"2"')], ids=["no ranges", "changed"])
def test_what_cannot_be_resumed_begins_again(site: Site, second: serving.Answer) -> None:
    address = site.put("/a", cut(b"x" * 200_000, 100_000), second)
    assert get(address) == DATA


def another_part(request: serving.Request) -> None:
    request.send_response(206)
    request.send_header("Content-Range", f"bytes 5-{len(DATA) - 1}/{len(DATA)}")
    request.send_header("Content-Length", str(len(DATA) - 5))
    request.end_headers()
    request.wfile.write(DATA[5:])


def test_another_part_than_was_asked_for_is_not_taken(site: Site) -> None:
    address = site.put("/a", cut(DATA, 100_000), another_part, whole(DATA))
    assert get(address) == DATA


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_proxy_that_cannot_be_reached_is_named(site: Site, no_proxies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:1")
    address = site.put("/a", DATA)
    assert refusal(address) == (
        f"{address}: cannot be reached through the proxy http://127.0.0.1:1, which HTTP_PROXY names: Connection "
        f"refused; correct that proxy, or list the host in no_proxy"
    )
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(address) == DATA


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("socks5://me:secret@127.0.0.1:1080", "127.0.0.1:1080"),
        *((proxy, proxy) for proxy in ("http://127.0.0.1:abc", "http:/127.0.0.1:1", "http://", "http://[")),
    ],
)
def test_what_is_no_proxy_is_named(no_proxies: None, monkeypatch: pytest.MonkeyPatch, proxy: str, shown: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    assert refusal("https://here.invalid/a") == (
        f"https://here.invalid/a: the proxy {shown}, which https_proxy names, is no http://HOST:PORT or "
        f"https://HOST:PORT; name one of these there"
    )


@pytest.mark.parametrize("proxy", ["127.0.0.1:{}", "http://me:s/e@127.0.0.1:{}/", "HTTP://127.0.0.1:{}"])
def test_a_proxy_is_taken_however_it_is_written(
    site: Site, no_proxies: None, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    site.answers["http://here.invalid/a"] = [whole(DATA)]
    monkeypatch.setenv("http_proxy", proxy.format(site.address.rpartition(":")[2]))
    assert get("http://here.invalid/a") == DATA


def test_of_two_spellings_the_proxy_that_is_taken_is_named(no_proxies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:2")
    assert "the proxy http://127.0.0.1:2, which https_proxy names" in refusal("https://here.invalid/a")


def untrusted(folder: Path) -> serving.Answer:
    """Answer as a server whose certificate nobody knows does behind a proxy."""
    issued = certificates.issued(folder / "certificates")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)

    def answer(request: serving.Request) -> None:
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        with contextlib.suppress(OSError):
            context.wrap_socket(request.connection, server_side=True)

    return answer


@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_a_proxy_is_to_be_corrected_only_where_it_is_at_fault(
    site: Site, no_proxies: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, site.address)
    way = f"the proxy {site.address}, which http{{}}_proxy names"
    correct, network = "; correct that proxy, or list the host in no_proxy", "; check the network, and try again"
    site.answers["http://here.invalid/a"] = [status(407)]
    said = refusal("http://here.invalid/a")
    assert said == f"http://here.invalid/a: {way.format('')}, asks for a login or refuses it{correct}"
    for answer, problem, fix in (
        (status(407), "Tunnel connection failed: 407 ", correct),
        (status(503), "Tunnel connection failed: 503 ", network),
        (untrusted(tmp_path), "[SSL: CERTIFICATE_VERIFY_FAILED]", network),
    ):
        site.answers["here.invalid:443"] = [answer]
        said = refusal("https://here.invalid/a")
        assert said.startswith(f"https://here.invalid/a: cannot be reached through {way.format('s')}: {problem}")
        assert said.endswith(fix)
    # Of a tunnel that is refused, http.client of Python 3.11.2 leaves the answer open: it is closed in this test.
    gc.collect()


def test_one_that_always_drops_is_given_up(site: Site) -> None:
    address = site.put("/a", cut(DATA, 0))
    said = refusal(address)
    assert said.startswith(f"{address}: the connection was lost after 0 of 300000 bytes; check the network")
    assert len(site.requests) == HASTY.attempts


@pytest.mark.parametrize(
    "to_ranges",
    [status(416), another_part, serving.whole_of_any_version(DATA, tag='"2"')],
    ids=["refused", "another part", "another version"],
)
def test_one_that_drops_and_cannot_be_resumed_is_given_up(site: Site, to_ranges: serving.Answer) -> None:
    def drops(request: serving.Request) -> None:
        if len(site.requests) > 2 * HASTY.attempts:
            request.close_connection = True
            return
        (to_ranges if "Range" in request.headers else cut(DATA, 100_000))(request)

    address = site.put("/a", drops)
    lost = "the connection was lost after 100000 of 300000 bytes"
    assert refusal(address) == f"{address}: {lost}; check the network, and try again"
    assert len(site.requests) == HASTY.attempts


def test_a_busy_server_is_asked_again(site: Site) -> None:
    assert get(site.put("/a", status(503), whole(DATA))) == DATA
    assert "the server says 503" in refusal(site.put("/b", status(503)))


@pytest.mark.parametrize(
    ("code", "hint"), [(404, "there is no such version"), (401, "~/.netrc"), (403, "credentials"), (410, "address")]
)
def test_a_refusal_is_asked_once(site: Site, code: int, hint: str) -> None:
    said = refusal(site.put("/a", status(code)))
    assert f"the server says {code}" in said
    assert hint in said
    assert len(site.requests) == 1


@pytest.mark.parametrize("address", ["http://[x/a", "http://127.0.0.1:b/a", "http://a..b/a", "http://127.0.0.1/a b"])
def test_what_is_no_address(address: str) -> None:
    assert refusal(address).startswith(f"{address}: is no address, or leads to none: ")


def test_what_leads_to_no_address(site: Site) -> None:
    address = site.put("/a", serving.redirect("http://a..b/a"))
    assert refusal(address).startswith(f"{address}: is no address, or leads to none: ")
    assert len(site.requests) == 1


def test_nobody_listens(site: Site) -> None:
    assert "refused" in refusal("http://127.0.0.1:9/a").lower()


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expected(len(DATA), "0" * 64), f"has the SHA-256 {SHA256}, not {'0' * 64} as expected"),
        (Expected(5, None), "has 300000 bytes, not 5 as expected"),
    ],
)
def test_what_is_not_what_was_expected(site: Site, expected: Expected, words: str) -> None:
    assert words in refusal(site.put("/a", DATA), expected)


def test_no_more_than_is_taken(site: Site) -> None:
    address = site.put("/a", DATA)
    assert "more than the 1000 that are taken" in refusal(address, most=1000)

    def endless(request: serving.Request) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(DATA)
        request.close_connection = True

    assert "sends more than 1000 bytes" in refusal(site.put("/b", endless), most=1000)


def test_what_says_less_than_it_sends_is_cut_there(site: Site) -> None:
    address = site.put("/a", whole(DATA, length=1000))
    assert get(address) == DATA[:1000]
    assert "not 300000 as expected" in refusal(address, Expected(len(DATA), SHA256))


def test_a_crawl_is_given_up(site: Site) -> None:
    stop = threading.Event()
    try:
        said = refusal(site.put("/a", trickle(DATA, stop)), patience=Patience(0.3, 100_000, 3, 0))
    finally:
        stop.set()
    assert "sent less than 100000 bytes a second for 0 s" in said
    assert len(site.requests) == 1


def test_silence_is_given_up(site: Site) -> None:
    stop = threading.Event()
    try:
        said = refusal(site.put("/a", lambda request: bool(stop.wait(10)) and None), patience=Patience(0.2, 1, 3, 0))
    finally:
        stop.set()
    assert "sent less than 1 bytes a second" in said


class TestCredentials:
    def test_the_header_goes_to_the_mirror_alone(self, site: Site) -> None:
        with serving.site() as other:
            other.put("/b", DATA)
            address = site.put("/a", redirect(f"{other.address}/b"))
            assert get(address, credentials=Credentials(site.address, "Bearer secret")) == DATA
            assert site.requests[0][1]["Authorization"] == "Bearer secret"
            assert "Authorization" not in other.requests[0][1]

    def test_within_one_host_it_stays(self, site: Site) -> None:
        site.put("/b", DATA)
        address = site.put("/a", redirect("/b"))
        assert get(address, credentials=Credentials(site.address, "Bearer secret")) == DATA
        assert [headers.get("Authorization") for _, headers in site.requests] == ["Bearer secret"] * 2

    def test_what_netrc_has_goes_to_its_host_alone(self, site: Site) -> None:
        hosts = {"127.0.0.1": ("me", "secret"), "elsewhere": ("you", "other")}
        get(site.put("/a", DATA), credentials=Credentials(hosts=hosts))
        assert site.requests[0][1]["Authorization"] == "Basic bWU6c2VjcmV0"
        assert Credentials(hosts={"elsewhere": ("you", "other")}).of(site.address) == ""


class TestAnotherRun:
    """What one run left, taken up by another."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        return tmp_path / "partial"

    def attempt(self, directory: Path, address: str, expected: Expected = Expected()) -> bytes:  # noqa: B008
        into = directory.parent / "whole"
        with partial.download(directory, address, into) as (file, begun):
            got = download(address, file, credentials=NOBODY, expected=expected, patience=HASTY, begun=begun)
        data = into.read_bytes()
        assert got == DownloadResult(len(data), hashlib.sha256(data).hexdigest())
        assert not directory.exists()
        return data

    def interrupted(self, directory: Path, address: str) -> None:
        """Leave what a run leaves that is interrupted amid a file."""

        def stop(done: int, total: int | None) -> None:
            if done >= 100_000:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt), partial.download(directory, address, directory) as (file, begun):
            download(address, file, credentials=NOBODY, patience=HASTY, begun=begun, on_bytes=stop)

    def test_the_rest_is_asked_for(self, site: Site, directory: Path) -> None:
        address = site.put("/a", DATA)
        self.interrupted(directory, address)
        assert self.attempt(directory, address, Expected(len(DATA), SHA256)) == DATA
        (_, first), (_, second) = site.requests
        assert "Range" not in first
        start = int(second["Range"].removeprefix("bytes=").removesuffix("-"))
        assert 100_000 <= start < len(DATA)
        assert second["If-Range"] == '"1"'

    @pytest.mark.parametrize(
        "now",
        [
            whole(DATA, tag='"2"'),
            whole(DATA, ranges=False),
            # It does not know If-Range, and sends a part of another file than the one that was begun.
            serving.whole_of_any_version(DATA, tag='"2"'),
        ],
        ids=["changed", "no ranges", "no If-Range"],
    )
    def test_another_version_is_taken_whole(self, site: Site, directory: Path, now: serving.Answer) -> None:
        address = site.put("/a", b"x" * 200_000)
        self.interrupted(directory, address)
        site.put("/a", now)
        assert self.attempt(directory, address) == DATA

    @pytest.mark.parametrize("tag", ['W/"1"', ""], ids=["weak", "none"])
    def test_without_a_strong_tag_nothing_stays(self, site: Site, directory: Path, tag: str) -> None:
        def dated(request: serving.Request) -> None:
            request.send_response(200)
            request.send_header("ETag", tag)
            request.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
            request.send_header("Content-Length", str(len(DATA)))
            request.end_headers()
            request.wfile.write(DATA)

        address = site.put("/a", dated)
        self.interrupted(directory, address)
        assert not directory.exists()

    def test_what_is_not_what_was_expected_does_not_stay(self, site: Site, directory: Path) -> None:
        address = site.put("/a", DATA)
        with pytest.raises(NetworkError, match="as expected"):
            self.attempt(directory, address, Expected(None, "0" * 64))
        assert not directory.exists()

    def test_what_was_cut_short_on_the_disk_is_gone_on_with(self, site: Site, directory: Path) -> None:
        """A kill leaves less than came, or nothing, or a tag alone."""
        address = site.put("/a", DATA)
        for size in (0, 1, 99_999):
            self.interrupted(directory, address)
            (part,) = directory.glob("*.part")
            os.truncate(part, size)
            assert self.attempt(directory, address, Expected(len(DATA), SHA256)) == DATA
        self.interrupted(directory, address)
        (tag,) = directory.glob("*.etag")
        tag.unlink()
        assert self.attempt(directory, address, Expected(len(DATA), SHA256)) == DATA

    def test_what_nobody_asks_for_goes(self, site: Site, directory: Path) -> None:
        self.interrupted(directory, site.put("/old", DATA))
        for path in directory.iterdir():
            os.utime(path, (0, 0))
        assert self.attempt(directory, site.put("/a", DATA)) == DATA
