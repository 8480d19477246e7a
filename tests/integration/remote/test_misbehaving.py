"""Servers that fail, lie or hang: the build is as it were without them, and says in one line what it did without."""

from __future__ import annotations

import http.server
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates
import pytest
from cache_servers import Server, answer, free_port, keep, send
from support import Project

from wasmbuild.builder.cache import lateness, remote

Member = Callable[..., Project]
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
    handler.send_header("Location", f"http://127.0.0.1:{free_port()}/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def redirects_in_a_circle(server: Server, handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


DAMAGED = "has 4 entries that are no whole artifacts; they are passed over"
NO_CACHE = "does not answer as a cache does"


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
    assert f"\n{filled.address} kept the build waiting for 1 s; it is done without\n" in ended.stderr
    assert "4 artifacts: 4 compiled in " in ended.stderr


@pytest.mark.parametrize("record", [(), ("--record", "o.cwasm.json")], ids=["alone", "record"])
def test_of_many_steps_one_waits_for_one_that_hangs(
    filled: Server, member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: tuple[str, ...]
) -> None:
    filled.behave = lambda server, handler: server.ending.wait()
    project = member(f'remote = "{filled.address}"', "timeout = 1")
    project.environment["XDG_CACHE_HOME"] = str(tmp_path / "user")

    def step(source: str) -> str:
        return project.run("compile", source, "--target", "arm", "-o", "o.cwasm", *record).stderr

    assert step("add.wat") == f"{filled.address} kept the build waiting for 1 s; it is done without\n"
    asked = len(filled.seen)
    assert step("sub.wat") == ""
    assert len(filled.seen) == asked
    # A build of its own asks, and so does a step that comes later.
    project.run("build", "sub@x64")
    assert len(filled.seen) == asked + 1
    filled.behave = answer
    monkeypatch.setattr(lateness, "_SECONDS", 0)
    shutil.rmtree(project.environment["WASMBUILD_CACHE"])
    assert step("add.wat") == ""
    assert len(filled.seen) == asked + 2


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
    assert f"\n{filled.address} kept the build waiting for 1 s; it is done without\n" in ended.stderr


def test_nobody_there(member: Member) -> None:
    address = f"http://127.0.0.1:{free_port()}/x"
    ended = member(f'remote = "{address}"').run("build", "--push")
    assert f"\n{address} does not answer as a cache does (connection refused); it is done without\n" in ended.stderr
    step = ("compile", "add.wat", "--target", "arm", "-o", "o.cwasm")
    told = f"{address} does not answer as a cache does (connection refused); it is done without\n"
    assert member(f'remote = "{address}"').run(*step).stderr == told
    assert member(f'remote = "{address}"').run(*step, "--record", "o.cwasm.json").stderr == told


def test_no_such_directory(member: Member, tmp_path: Path) -> None:
    ended = member(f'remote = "file://{tmp_path}/none"').run("build")
    assert f"\nfile://{tmp_path}/none is no directory; it is done without\n" in ended.stderr
    assert not (tmp_path / "none").exists()


def test_a_file_in_the_place_of_a_directory(member: Member, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = member(f'remote = "file://{tmp_path}/file"').run("build", "--push")
    assert f"\nfile://{tmp_path}/file cannot be opened (File exists); it is done without\n" in ended.stderr


def test_https_where_http_is_spoken(filled: Server, member: Member) -> None:
    address = filled.address.replace("http://", "https://")
    ended = member(f'remote = "{address}"').run("build")
    assert f"\n{address} does not answer as a cache does (it does not speak TLS); it is done without\n" in ended.stderr


def test_https_is_spoken_with_whom_the_user_trusts(made: Any, member: Member, tmp_path: Path) -> None:
    issued = certificates.issued(tmp_path / "certificates")
    with Server(issued) as server:
        server.kept.update(made.entries)
        ended = member(f'remote = "{server.address}"').run("build", alone=True)
        told = f"{server.address} does not answer as a cache does (its certificate is not trusted); it is done without"
        assert f"\n{told}\n" in ended.stderr
        assert "4 artifacts: 4 compiled in " in ended.stderr
        other = member(f'remote = "{server.address}"')
        other.environment["SSL_CERT_FILE"] = str(issued.authority)
        assert "4 restored (4 from afar)" in other.run("build", alone=True).stderr


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


class TestPushing:
    """What is said of what was put, where the server does otherwise."""

    def told(self, server: Server, member: Member) -> str:
        ended = member(f'remote = "{server.address}"').run("build", "--push")
        assert "4 artifacts: 4 compiled in " in ended.stderr
        lines = [line for line in ended.stderr.splitlines() if line.startswith(server.address)]
        assert len(lines) == 1
        return lines[0].removeprefix(f"{server.address} ")

    @pytest.mark.parametrize("behave", [missing, html, truncated])
    def test_it_accepts_all_and_gives_nothing_back(
        self, server: Server, member: Member, behave: Callable[[Server, Handler], None]
    ) -> None:
        server.behave = lambda server, handler: (behave if server.kept else missing)(server, handler)
        assert self.told(server, member) == (
            "accepted 4 entries, but has none when asked for it: does it keep what is put there?"
        )

    @pytest.mark.parametrize("status", [405, 500, 507])
    def test_it_accepts_nothing(self, server: Server, member: Member, status: int) -> None:
        server.keep = lambda server, handler, data: send(handler, b"", status=status)
        assert self.told(server, member) == f"does not take what is put there (status {status})"

    def test_one_that_takes_nothing_still_gives(self, filled: Server, member: Member) -> None:
        del filled.kept[sorted(filled.kept)[0]]
        filled.keep = lambda server, handler, data: send(handler, b"", status=501)
        ended = member(f'remote = "{filled.address}"').run("build", "--push")
        assert "4 artifacts: 1 compiled, 3 restored (3 from afar) in " in ended.stderr
        assert f"\n{filled.address} did not get 1 of what was compiled (status 501)\n" in ended.stderr

    @pytest.mark.parametrize("status", [401, 403])
    def test_it_lets_this_user_read_alone(self, server: Server, member: Member, status: int) -> None:
        server.keep = lambda server, handler, data: send(handler, b"", status=status)
        assert self.told(server, member) == "does not let this user write"

    @pytest.mark.parametrize("most", [0, 1 << 20])
    def test_what_waits_is_bounded(
        self, server: Server, member: Member, monkeypatch: pytest.MonkeyPatch, most: int
    ) -> None:
        """What is on its way lies in memory: where that is too much, the next one waits for it."""
        under_way: list[int] = []
        peak: list[int] = []

        def slow(server: Server, handler: Handler, data: bytes) -> None:
            under_way.append(len(data))
            peak.append(len(under_way))
            server.ending.wait(0.5)
            under_way.remove(len(data))
            keep(server, handler, data)

        monkeypatch.setattr(remote, "_MOST_BYTES", most)
        server.keep = slow
        assert "4 pushed" in member(f'remote = "{server.address}"', "timeout = 60").run("build", "--push").stderr
        assert (max(peak) == 1) is (most == 0)

    def test_it_hangs(self, server: Server, member: Member) -> None:
        server.keep = lambda server, handler, data: server.ending.wait() and None
        ended = member(f'remote = "{server.address}"', "timeout = 1").run("build", "--push")
        lines = [line for line in ended.stderr.splitlines() if line.startswith(server.address)]
        assert lines == [
            f"{server.address} kept the build waiting for 1 s; it is done without, "
            "and did not get 4 of what was compiled"
        ]

    def test_what_cannot_be_looked_at_again_is_told_as_accepted(self, server: Server, member: Member) -> None:
        server.behave = lambda server, handler: send(handler, b"", status=403)
        ended = member(f'remote = "{server.address}"').run("build", "--push")
        assert "4 artifacts: 4 compiled, 4 pushed in " in ended.stderr


class TestCredentials:
    """Those of an address go to its server alone, and nobody reads them."""

    SECRET = "c2VjcmV0LXBhc3N3b3Jk"  # noqa: S105

    def test_a_redirect_to_another_server_takes_none_along(self, filled: Server, member: Member) -> None:
        with Server() as other:

            def behave(server: Server, handler: Handler) -> None:
                handler.send_response(302)
                handler.send_header("Location", other.address + handler.path)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            filled.behave = behave
            other.kept = filled.kept
            address = filled.address.replace("://", f"://ann:{self.SECRET}@")
            assert set(member(f'remote = "{address}"').outcomes().values()) == {"restored"}
            assert {"authorization" in seen.headers for seen in filled.seen} == {True}
            assert other.seen
            assert self.SECRET not in str(other.seen)
            assert {"authorization" in seen.headers for seen in other.seen} == {False}

    @pytest.mark.parametrize("behave", [broken, unknown, forbidden, html, drops, redirects_in_a_circle])
    def test_no_message_has_them(
        self, filled: Server, member: Member, behave: Callable[[Server, Handler], None]
    ) -> None:
        filled.behave = behave
        address = filled.address.replace("://", f"://ann:{self.SECRET}@")
        project = member(f'remote = "{address}"')
        ended = project.run("build", "--push", "--json")
        told = ended.stdout + ended.stderr + "".join(project.run("cache", "stats").stdout)
        assert self.SECRET not in told
        assert filled.address in told
        kept = [path.read_bytes() for path in project.build.rglob("*") if path.is_file()]
        assert not any(self.SECRET.encode() in data for data in kept)

    def test_they_are_no_part_of_a_key(self, filled: Server, member: Member, tmp_path: Path) -> None:
        names = []
        for number, user in enumerate(("ann:one@", "ben:other@", "")):
            cache = tmp_path / f"cache{number}"
            address = filled.address.replace("://", f"://{user}")
            assert set(member(f'remote = "{address}"', cache=cache).outcomes().values()) == {"restored"}
            names.append({path.name for path in cache.glob("?/*")})
        assert names[0] == names[1] == names[2] != set()

    def test_nothing_says_or_keeps_them(
        self, filled: Server, member: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
        address = filled.address.replace("://", f"://ann:{self.SECRET}@")
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
            assert self.SECRET not in ended.stdout + ended.stderr, command
            paths = [path for path in tmp_path.rglob("*") if path.is_file()]
            files = {(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
            kept |= {path for path, *_ in files - looked_at if self.SECRET.encode() in path.read_bytes()}
            looked_at |= files
            assert kept == {project.root / "wasmbuild.toml"}, command
