"""What people may write for a mirror and a version, and what is downloaded then."""

from __future__ import annotations

from pathlib import Path

import pytest
import serving

from wasmbuild.errors import UsageError
from wasmbuild.installing import mirror
from wasmbuild.installing.credentials import Credentials, of_user
from wasmbuild.installing.mirror import Mirror, check_request, requested
from wasmbuild.installing.transfer import NetworkError
from wasmbuild.toolchain.platforms import PLATFORMS, host, named

ARM = PLATFORMS["linux-arm64"]
NOBODY = Credentials()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(mirror.VARIABLE, raising=False)


def test_names_of_archives() -> None:
    assert ARM.archive("48.0.8") == "wasmtime-v48.0.8-aarch64-linux.tar.xz"
    assert PLATFORMS["windows-x64"].archive("48.0.8") == "wasmtime-v48.0.8-x86_64-windows.zip"
    assert PLATFORMS["linux-x64-musl"].archive("48.0.8") == "wasmtime-v48.0.8-x86_64-musl.tar.xz"
    assert PLATFORMS["windows-x64"].program == "wasmtime.exe"
    assert host() in PLATFORMS


def test_a_platform_that_is_misspelt() -> None:
    with pytest.raises(UsageError, match=r"there is no platform 'linux-arm46'; did you mean linux-arm64\?"):
        named("linux-arm46")


def test_where_archives_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requested(None).archive("48.0.8", ARM).endswith("/download/v48.0.8/wasmtime-v48.0.8-aarch64-linux.tar.xz")
    base = requested("https://m.example/w/")
    assert base.archive("48.0.8", ARM) == "https://m.example/w/v48.0.8/wasmtime-v48.0.8-aarch64-linux.tar.xz"
    assert base.sources("48.0.8") == "https://m.example/w/v48.0.8/wasmtime-v48.0.8-src.tar.gz"
    monkeypatch.setenv(mirror.VARIABLE, "https://m.example/{version}/{os}/{arch}.bin")
    assert requested(None).archive("48.0.8", ARM) == "https://m.example/48.0.8/linux/aarch64.bin"
    with pytest.raises(UsageError, match=r"^WASMBUILD_MIRROR: .* has no place for wasmtime-v48\.0\.8-src\.tar\.gz"):
        requested(None).sources("48.0.8")
    with pytest.raises(UsageError, match=r"^WASMBUILD_MIRROR: .*; write the whole version, such as 48.0.0"):
        requested(None).newest("48", NOBODY)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("m.example", "is no address; it begins with https://"),
        ("ftp://m.example", "is no address"),
        ("https://me:secret@[::1", "is no address: its host or port is none"),
        ("https://m..example", "is no address: its host or port is none"),
        (f"https://{'m' * 70}.example", "is no address: its host or port is none"),
        ("https://m.example:secret", "is no address: its host or port is none"),
        ("https://m.example/ü", "write the others as %XX"),
        ("https://me:secret@m.example", "put it into ~/.netrc"),
        ("https://m.example/{arhc}", "there is no field {arhc}; the fields are {version}, {arch}, {os}, {archive}"),
        ("https://m.example/{version", "the fields are"),
        ("https://m.example/{}", "the fields are"),
    ],
)
def test_what_is_no_mirror(address: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        requested(address)
    assert words in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("request_", ["48.0.8.1", "forty", "v48.0.8", "^48", ""])
def test_what_is_no_version(request_: str) -> None:
    with pytest.raises(UsageError, match=r"is no version of Wasmtime; write 48\.0\.8"):
        check_request(request_)


def test_the_newest_of_a_line() -> None:
    index = b'{"versions": ["48.0.2", "48.0.10", "48.0.9", "48.1.0-rc.1", "480.0.1", "49.0.1"]}'
    tags = b'[{"ref": "refs/tags/v48.0.2"}, {"ref": "refs/tags/v48.0.8"}, {"ref": "refs/tags/v48.0.9-rc"}]'
    with serving.site() as site:
        site.put("/index.json", index)
        site.put("/tags/v48.", tags)
        assert Mirror(site.address).newest("48", NOBODY) == "48.0.10"
        assert Mirror(site.address, f"{site.address}/tags/").newest("48", NOBODY) == "48.0.8"
        with pytest.raises(UsageError, match="lists no version of 47; name another"):
            Mirror(site.address).newest("47", NOBODY)
        for document in (b"<html>", b"[1]", b'{"versions": [1]}', b"[" * 100_000, b"{}"):
            site.put("/index.json", document)
            with pytest.raises(NetworkError, match="is no list of versions"):
                Mirror(site.address).newest("48", NOBODY)


def test_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine m.example login me password secret\ndefault login all password everywhere\n")
    monkeypatch.setenv("NETRC", str(path))
    assert of_user("").of("https://m.example/a").startswith("Basic ")
    assert of_user("").of("https://other.example/a") == ""
    for damaged in ("machine m.example lgin me\n", "machine m.example login me hunter2 password\n"):
        path.write_text(damaged)
        with pytest.raises(UsageError, match="line 1") as error:
            of_user("")
        assert not any(word in str(error.value) for word in ("hunter2", "lgin"))
