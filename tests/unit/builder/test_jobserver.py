"""A client of real pipes and FIFOs: how many may run, and that every token comes back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wasmbuild.builder.job_slots import is_offered
from wasmbuild.builder.jobserver import Jobserver, inherited

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems have other job servers")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe as Make leaves it to a recipe with ``+``, with two tokens."""
    ends = os.pipe()
    for end in ends:
        os.set_inheritable(end, True)
    os.write(ends[1], b"+-")
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "jobs"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    os.write(descriptor, b"+-")
    yield path
    os.close(descriptor)


def auth(ends: tuple[int, int]) -> dict[str, str]:
    return {"MAKEFLAGS": f" -j3 --jobserver-auth={ends[0]},{ends[1]}"}


def reached(environment: dict[str, str]) -> Jobserver:
    server = inherited(environment)
    assert server is not None
    assert server.is_reached
    return server


def drained(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    return os.read(descriptor, 16)


def test_one_token_is_its_own_and_the_others_are_those_of_the_pipe(pipe: tuple[int, int]) -> None:
    server = reached(auth(pipe))
    taken = [server.acquire() for _ in range(3)]
    assert sorted(token for token in taken if token) == [b"+", b"-"]
    waiting: list[bytes | None] = []
    thread = threading.Thread(target=lambda: waiting.append(server.acquire()))
    thread.start()
    server.release(b"")
    thread.join()
    assert waiting == [b""]
    for token in taken:
        assert token is not None
        server.release(token)
    server.close()
    assert sorted(drained(pipe[0])) == sorted(b"+-")
    assert os.get_inheritable(pipe[0])


def test_whoever_waits_goes_when_all_is_to_stop(pipe: tuple[int, int]) -> None:
    server = reached(auth(pipe))
    taken = [server.acquire() for _ in range(3)]
    ended: list[bytes | None] = []
    threads = [threading.Thread(target=lambda: ended.append(server.acquire())) for _ in range(3)]
    for thread in threads:
        thread.start()
    server.stop()
    for thread in threads:
        thread.join()
    assert ended == [None] * 3
    for token in taken:
        assert token is not None
        server.release(token)
    assert len(drained(pipe[0])) == 2


def test_a_fifo(fifo: Path) -> None:
    server = reached({"MAKEFLAGS": f"-j3 --jobserver-auth=fifo:{fifo}"})
    assert [server.acquire() for _ in range(3)] == [b"", b"+", b"-"]
    server.release(b"+")
    assert server.acquire() == b"+"
    server.close()


def test_a_server_that_is_gone_leaves_one_job(pipe: tuple[int, int]) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    server = Jobserver(read, os.dup(pipe[1]))
    os.close(write)
    assert server.acquire() == b""
    threading.Timer(0.01, server.release, [b""]).start()
    assert server.acquire() == b""
    server.close()


def test_what_is_no_pipe_of_the_server_leaves_one_job(pipe: tuple[int, int], tmp_path: Path) -> None:
    other, file = os.pipe(), os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(file, True)
    own = os.pipe()  # which children do not inherit, so that it was not inherited here
    wrong = [(97, 98), (pipe[1], pipe[0]), (pipe[0], other[1]), (file, file), own, (-2, -2), (1 << 31, 1 << 80)]
    for ends in wrong:
        server = inherited(auth(ends))
        assert server is not None, ends
        assert not server.is_reached, ends
        assert server.acquire() == b""
        server.close()
    gone = inherited({"MAKEFLAGS": f"--jobserver-auth=fifo:{tmp_path / 'gone'}"})
    assert gone is not None
    assert not gone.is_reached
    gone.close()
    for descriptor in (*other, *own, file):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("environment", "offered"),
    [
        ({}, False),
        ({"MAKEFLAGS": ""}, False),
        ({"MAKEFLAGS": "-j4"}, False),
        ({"MAKEFLAGS": "w -- A=--jobserver-auth=3,4"}, False),
        ({"MAKEFLAGS": "w -j4 --jobserver-fds=3,4"}, True),
        ({"CARGO_MAKEFLAGS": "", "MAKEFLAGS": "--jobserver-auth=3,4"}, False),
    ],
)
def test_where_it_is_offered(environment: dict[str, str], offered: bool) -> None:
    assert is_offered(environment) == offered


def test_the_last_that_is_named_counts_and_cargo_s_first(fifo: Path) -> None:
    flags = f"-j --jobserver-fds=97,98 --jobserver-auth=fifo:{fifo}"
    reached({"MAKEFLAGS": "--jobserver-auth=97,98", "CARGO_MAKEFLAGS": flags}).close()
