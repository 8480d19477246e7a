"""What is said of what was pushed, where the server does otherwise than it says."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable

import pytest
from cache_behaviours import html, missing, truncated
from cache_servers import Server, keep, send
from support import Project

from wasmbuild.builder.cache import remote

Member = Callable[..., Project]
Handler = http.server.BaseHTTPRequestHandler


def told(server: Server, member: Member) -> str:
    ended = member(f'remote = "{server.address}"').run("build", "--push")
    assert "4 artifacts: 4 compiled in " in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith(server.address)]
    assert len(lines) == 1
    return lines[0].removeprefix(f"{server.address} ")


@pytest.mark.parametrize("behave", [missing, html, truncated])
def test_it_accepts_all_and_gives_nothing_back(
    server: Server, member: Member, behave: Callable[[Server, Handler], None]
) -> None:
    server.behave = lambda server, handler: (behave if handler.path in server.kept else missing)(server, handler)
    assert told(server, member) == (
        "accepted 4 entries, but has none when asked for it: does it keep what is put there?"
    )


@pytest.mark.parametrize("status", [405, 500, 507])
def test_it_accepts_nothing(server: Server, member: Member, status: int) -> None:
    server.keep = lambda server, handler, data: send(handler, b"", status=status)
    assert told(server, member) == f"does not take what is put there (status {status})"


def test_one_that_takes_nothing_still_gives(filled: Server, member: Member) -> None:
    del filled.kept[sorted(filled.kept)[0]]
    filled.keep = lambda server, handler, data: send(handler, b"", status=501)
    ended = member(f'remote = "{filled.address}"').run("build", "--push")
    assert "4 artifacts: 1 compiled, 3 restored (3 from afar) in " in ended.stderr
    assert f"\n{filled.address} did not get 1 of what was compiled (status 501)\n" in ended.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_it_lets_this_user_read_alone(server: Server, member: Member, status: int) -> None:
    server.keep = lambda server, handler, data: send(handler, b"", status=status)
    assert told(server, member) == "does not let this user write"


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_what_waits_is_bounded(server: Server, member: Member, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """What is on its way lies in memory: where that is too much, the next one waits for it."""
    under_way: list[int] = []
    peak: list[int] = []
    two = threading.Event()

    def slow(server: Server, handler: Handler, data: bytes) -> None:
        under_way.append(len(data))
        peak.append(len(under_way))
        if len(under_way) > 1:
            two.set()
        two.wait(30 if most else 0.5)
        under_way.remove(len(data))
        keep(server, handler, data)

    monkeypatch.setattr(remote, "_MOST_BYTES", most)
    server.keep = slow
    assert "4 pushed" in member(f'remote = "{server.address}"').run("build", "--push").stderr
    assert (max(peak) == 1) is (most == 0)


def test_it_hangs(server: Server, member: Member) -> None:
    server.keep = lambda server, handler, data: server.ending.wait() and None
    ended = member(f'remote = "{server.address}"', "timeout = 1").run("build", "--push")
    lines = [line for line in ended.stderr.splitlines() if line.startswith(server.address)]
    assert lines == [
        f"{server.address} kept the build waiting for 1 s ([cache] timeout); it is done without, "
        "and did not get 4 of what was compiled"
    ]


def test_what_cannot_be_looked_at_again_is_told_as_accepted(server: Server, member: Member) -> None:
    server.behave = lambda server, handler: send(handler, b"", status=403)
    ended = member(f'remote = "{server.address}"').run("build", "--push")
    assert "4 artifacts: 4 compiled, 4 pushed in " in ended.stderr
