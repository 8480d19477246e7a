"""Credentials of an address: they go to its server alone, and nobody reads them."""

from __future__ import annotations

import base64
import http.server
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_behaviours import broken, drops, forbidden, html, redirects_in_a_circle, unknown
from cache_servers import Server
from support import Project

Member = Callable[..., Project]
Handler = http.server.BaseHTTPRequestHandler


SECRET = "c2VjcmV0LXBhc3N3b3Jk"  # noqa: S105


def test_a_redirect_to_another_server_takes_none_along(filled: Server, member: Member) -> None:
    with Server() as other:

        def behave(server: Server, handler: Handler) -> None:
            handler.send_response(302)
            handler.send_header("Location", other.address + handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        filled.behave = behave
        other.kept = filled.kept
        address = filled.address.replace("://", f"://ann:{SECRET}@")
        assert set(member(f'remote = "{address}"').outcomes().values()) == {"restored"}
        assert {"authorization" in seen.headers for seen in filled.seen} == {True}
        assert other.seen
        assert SECRET not in str(other.seen)
        assert {"authorization" in seen.headers for seen in other.seen} == {False}


@pytest.mark.parametrize("behave", [broken, unknown, forbidden, html, drops, redirects_in_a_circle])
def test_no_message_has_them(filled: Server, member: Member, behave: Callable[[Server, Handler], None]) -> None:
    filled.behave = behave
    address = filled.address.replace("://", f"://ann:{SECRET}@")
    project = member(f'remote = "{address}"')
    ended = project.run("build", "--push", "--json")
    told = ended.stdout + ended.stderr + "".join(project.run("cache", "stats").stdout)
    assert SECRET not in told
    assert filled.address in told
    kept = [path.read_bytes() for path in project.build.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in data for data in kept)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        (
            "https:/ci:S@cache.example/c",
            '"cache.example/c" is no address of a kind that is known; did you mean "https:',
        ),
        ("http//ci:S@cache.example/c", '"cache.example/c" is no address of a kind that is known; write one such as'),
        ("https:ci:S@cache.example/c", '"cache.example/c" is no address of a kind that is known; did you mean "https:'),
        ("ci:S@cache.example/c", '"cache.example/c" is no address of a kind that is known; write one such as'),
        ("htps://ci:1/S@cache.example/c", '"cache.example/c" is no address of a kind that is known; did you mean'),
        ("s3:/ci:S@bucket/c", '"bucket/c" is no address of a kind that is known; did you mean "s3://…"?'),
        ("http://ci:1/S@127.0.0.1:9/c", '"http://127.0.0.1:9/c" has an @ behind its first /; write / ? # [ and ]'),
        ("http://S/x=@127.0.0.1:9/c", '"http://127.0.0.1:9/c" has an @ behind its first /; write / ? # [ and ]'),
        ("http://ci:S/x@127.0.0.1:9/c", "is no address; write / ? # [ and ] in a name or password as %2F %3F %23 %5B "),
        ("http://ci:[S@127.0.0.1:9/c", "is no address; write / ? # [ and ] in a name or password as %2F %3F %23 %5B "),
    ],
)
def test_no_slip_in_an_address_shows_them(member: Member, address: str, what: str) -> None:
    told = member(f'remote = "{address.replace("S", SECRET)}"').run("plan", status=2)
    assert f"cache.remote: {what}" in told.stderr
    assert SECRET not in told.stderr


def test_what_an_address_has_no_place_for_is_written_with_a_percent_sign(filled: Server, member: Member) -> None:
    address = filled.address.replace("://", "://ci:1%2F%3F%23%5B%5D@")
    assert set(member(f'remote = "{address}"').outcomes().values()) == {"restored"}
    known = base64.b64encode(b"ci:1/?#[]").decode()
    assert {seen.headers["authorization"] for seen in filled.seen} == {f"Basic {known}"}


def test_an_at_sign_in_the_path_of_a_store_that_takes_no_credentials_is_its_own(member: Member, tmp_path: Path) -> None:
    (tmp_path / "a@b").mkdir()
    project = member(f'remote = "file://{tmp_path}/a@b"')
    assert project.run("cache", "stats").stdout.splitlines()[-1].startswith(f"file://{tmp_path}/a@b: believes")
    assert "4 pushed" in project.run("build", "--push").stderr


def test_they_are_no_part_of_a_key(filled: Server, member: Member, tmp_path: Path) -> None:
    names = []
    for number, user in enumerate(("ann:one@", "ben:other@", "")):
        cache = tmp_path / f"cache{number}"
        address = filled.address.replace("://", f"://{user}")
        assert set(member(f'remote = "{address}"', cache=cache).outcomes().values()) == {"restored"}
        names.append({path.name for path in cache.glob("?/*")})
    assert names[0] == names[1] == names[2] != set()


def test_nothing_says_or_keeps_them(
    filled: Server, member: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    address = filled.address.replace("://", f"://ann:{SECRET}@")
    project = member(f'remote = "{address}"')
    looked_at: set[tuple[Path, int, int]] = set()
    kept: set[Path] = set()
    for command in (
        ["build"],
        ["build", "--push"],
        ["build", "--json", "--check-reproducible"],
        ["plan"],
        ["plan", "--json"],
        ["plan", "--ninja"],
        ["explain", "add@x64"],
        ["verify", "build", "-v"],
        ["cache", "stats", "--json"],
    ):
        ended = project.run(*command)
        assert SECRET not in ended.stdout + ended.stderr, command
        paths = [path for path in tmp_path.rglob("*") if path.is_file()]
        files = {(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
        kept |= {path for path, *_ in files - looked_at if SECRET.encode() in path.read_bytes()}
        looked_at |= files
        assert kept == {project.root / "wasmbuild.toml"}, command
