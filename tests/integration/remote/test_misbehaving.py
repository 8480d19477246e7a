"""Servers that fail, lie or hang: the build is as it were without them, and says in one line what it did without."""

from __future__ import annotations

import http.server
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates
import pytest
from cache_behaviours import (
    babbles,
    broken,
    drops,
    drops_amid,
    empty,
    flipped,
    forbidden,
    html,
    longer,
    missing,
    redirects_in_a_circle,
    redirects_to_nothing,
    resets,
    says_all_there_is,
    says_less,
    says_more,
    says_no_length,
    swapped,
    truncated,
    unknown,
)
from cache_servers import Server, answer, nobody
from certificates import Claims
from support import Project

Member = Callable[..., Project]
Handler = http.server.BaseHTTPRequestHandler
LACKS = "it is done without, and did not get 4 of what was compiled"


DAMAGED = "has 4 entries that are no whole artifacts; they are passed over"
NO_CACHE = "does not answer as a cache does"
NO_PEM = "there is no certificate in PEM in it"


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (html, DAMAGED),
        (missing, None),
        (broken, f"{NO_CACHE} (status 500); it is done without"),
        (forbidden, "gives this user nothing (403): check its credentials, and the address"),
        (unknown, "asks who this is (401), and its credentials are missing or wrong; it is done without"),
        (drops, f"{NO_CACHE} (connection closed); it is done without"),
        (resets, f"{NO_CACHE} (connection reset by peer); it is done without"),
        (babbles, f"{NO_CACHE} (it does not speak HTTP); it is done without"),
        (says_no_length, f"{NO_CACHE} (its answers do not say how long they are); it is done without"),
        (drops_amid, f"{NO_CACHE} (its answers break off); it is done without"),
        (says_more, f"{NO_CACHE} (its answers break off); it is done without"),
        (says_less, DAMAGED),
        (says_all_there_is, DAMAGED),
        (truncated, DAMAGED),
        (empty, DAMAGED),
        (flipped, DAMAGED),
        (longer, DAMAGED),
        (swapped, DAMAGED),
        (redirects_to_nothing, f"{NO_CACHE} (connection refused); it is done without"),
        (redirects_in_a_circle, f"{NO_CACHE} (it redirects without end); it is done without"),
    ],
)
def test_the_build_is_as_without(
    filled: Server,
    made: Any,
    member: Member,
    behave: Callable[[Server, Handler], None],
    told: str | None,
) -> None:
    filled.behave = behave
    other = member(f'remote = "{filled.address}"')
    ended = other.run("build")
    assert "4 artifacts: 4 compiled in " in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith(filled.address)]
    assert len(lines) == (told is not None)
    if told is not None:
        assert lines[0].startswith(f"{filled.address} {told}")
    assert other.files() == made.files


def test_one_that_hangs_is_waited_for_no_longer_than_declared(filled: Server, member: Member) -> None:
    filled.behave = lambda server, handler: server.ending.wait()
    ended = member(f'remote = "{filled.address}"', "timeout = 1").run("build")
    assert f"\n{filled.address} kept the build waiting for 1 s ([cache] timeout); it is done without\n" in ended.stderr
    assert "4 artifacts: 4 compiled in " in ended.stderr


def test_one_that_hangs_amid_an_entry_is_left_too(filled: Server, member: Member) -> None:
    def trickle(server: Server, handler: Handler) -> None:
        data = server.kept[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for byte in data:
            handler.wfile.write(bytes([byte]))
            if server.ending.wait(0.1):
                return

    filled.behave = trickle
    ended = member(f'remote = "{filled.address}"', "timeout = 1").run("build")
    assert f"\n{filled.address} kept the build waiting for 1 s ([cache] timeout); it is done without\n" in ended.stderr


def test_nobody_there(member: Member) -> None:
    address = f"{nobody()}/x"
    ended = member(f'remote = "{address}"').run("build", "--push")
    assert f"\n{address} does not answer as a cache does (connection refused); {LACKS}\n" in ended.stderr


def test_no_such_directory(member: Member, tmp_path: Path) -> None:
    for push in ((), ("--push",)):
        ended = member(f'remote = "file://{tmp_path}/none"').run("build", *push)
        told = LACKS if push else "it is done without"
        assert f"\nfile://{tmp_path}/none is no directory; {told}\n" in ended.stderr
        assert not (tmp_path / "none").exists()
    assert not (tmp_path / "none").exists()


def test_a_file_in_the_place_of_a_directory(member: Member, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = member(f'remote = "file://{tmp_path}/file"').run("build", "--push")
    assert f"\nfile://{tmp_path}/file is no directory; {LACKS}\n" in ended.stderr


def test_https_where_http_is_spoken(filled: Server, member: Member) -> None:
    address = filled.address.replace("http://", "https://")
    ended = member(f'remote = "{address}"').run("build")
    assert f"\n{address} does not answer as a cache does (it does not speak TLS); it is done without\n" in ended.stderr


def test_https_is_spoken_with_whom_the_user_trusts(made: Any, member: Member, tmp_path: Path) -> None:
    issued = certificates.issued(tmp_path / "certificates")
    with Server(issued) as server:
        server.kept.update(made.entries)
        ended = member(f'remote = "{server.address}"').run("build", alone=True)
        assert f"\n{server.address} {NO_CACHE} (its certificate is of no known authority; SSL_CERT_FILE" in ended.stderr
        assert "4 artifacts: 4 compiled in " in ended.stderr
        other = member(f'remote = "{server.address}"')
        other.environment["SSL_CERT_FILE"] = str(issued.authority)
        assert "4 restored (4 from afar)" in other.run("build", alone=True).stderr


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        (Claims(days=(-3, -1)), "its certificate has expired, or the clock of this machine is wrong"),
        (Claims(days=(1, 3)), "its certificate is not valid yet, or the clock of this machine is wrong"),
        (Claims(host="127.0.0.9"), "its certificate is for another host than its address names"),
        (
            Claims(is_authority=True),
            "its certificate is an authority's; make one for a server, with basicConstraints=",
        ),
    ],
    ids=["expired", "early", "another-host", "authority"],
)
def test_what_is_wrong_with_a_certificate_is_told(member: Member, tmp_path: Path, claims: Claims, why: str) -> None:
    issued = certificates.issued(tmp_path / "certificates", claims)
    with Server(issued) as server:
        project = member(f'remote = "{server.address}"')
        project.environment["SSL_CERT_FILE"] = str(issued.authority)
        assert f"\n{server.address} {NO_CACHE} ({why}" in project.run("build", alone=True).stderr


@pytest.mark.parametrize(("held", "why"), [(None, "no such file or directory"), (b"", NO_PEM), (b"0\x82\x01", NO_PEM)])
def test_a_file_of_authorities_that_is_none_is_told_as_that(
    member: Member, tmp_path: Path, held: bytes | None, why: str
) -> None:
    named = tmp_path / "authorities.pem"
    if held is not None:
        named.write_bytes(held)
    with Server(certificates.issued(tmp_path / "certificates")) as server:
        project = member(f'remote = "{server.address}"')
        project.environment["SSL_CERT_FILE"] = str(named)
        ended = project.run("build", alone=True)
    assert f"\n{server.address} {NO_CACHE} (SSL_CERT_FILE names {named}: {why})" in ended.stderr


def test_a_file_of_authorities_with_one_that_is_damaged_is_used(member: Member, tmp_path: Path) -> None:
    issued = certificates.issued(tmp_path / "certificates", Claims(host="127.0.0.9"))
    named = tmp_path / "authorities.pem"
    damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    named.write_text(damaged + Path(issued.authority).read_text())
    with Server(issued) as server:
        project = member(f'remote = "{server.address}"')
        project.environment["SSL_CERT_FILE"] = str(named)
        ended = project.run("build", alone=True)
    assert f"\n{server.address} {NO_CACHE} (its certificate is for another host" in ended.stderr


def test_one_failure_is_not_the_end(filled: Server, member: Member) -> None:
    failing = sorted(filled.kept)[0]

    def behave(server: Server, handler: Handler) -> None:
        (broken if handler.path == failing else answer)(server, handler)

    filled.behave = behave
    outcomes = member(f'remote = "{filled.address}"').outcomes()
    assert sorted(outcomes.values()) == ["compiled", "restored", "restored", "restored"]


def test_one_entry_is_told_as_one(filled: Server, member: Member) -> None:
    failing = sorted(filled.kept)[0]

    def behave(server: Server, handler: Handler) -> None:
        (html if handler.path == failing else answer)(server, handler)

    filled.behave = behave
    ended = member(f'remote = "{filled.address}"').run("build")
    assert f"\n{filled.address} has 1 entry that is no whole artifact; it is passed over\n" in ended.stderr
