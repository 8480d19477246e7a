"""Transfers at once, and what is said of each; and the process that they run in."""

from __future__ import annotations

import hashlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.builder import key
from wasmbuild.builder.cache import packed, remote_store, transfer_process, transfer_threads
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.cache.remote_store import FAILURES
from wasmbuild.builder.cache.transfer_process import TransferProcess
from wasmbuild.builder.cache.transfer_setup import TransferSetup
from wasmbuild.builder.cache.transfer_threads import TransferThreads
from wasmbuild.builder.cache.transfers import Transfers
from wasmbuild.errors import ChildError
from wasmbuild.lean.threading import Thread
from wasmbuild.usercache import CacheDirectory

_SECONDS = 30.0
ARTIFACT = bytes(range(256)) * 500
SHA256 = hashlib.sha256(ARTIFACT).hexdigest()
INPUTS = key.canonical({"wasm": "a"})
KEY = hashlib.sha256(INPUTS).hexdigest()


class TestThreads:
    def at_once(self, expected: int, *first_seconds: float, wait: Callable[[float], None] = time.sleep) -> int:
        """Return how many jobs that hang run at once, after some that waited so long; one more than expected is all."""
        threads, going, reached = TransferThreads(), threading.Event(), threading.Semaphore(0)

        def hang() -> None:
            reached.release()
            going.wait(_SECONDS)

        for seconds in first_seconds:
            threads.run(partial(wait, seconds))
        for _ in range(100):
            threads.run(hang)
        count = 0
        while count <= expected and reached.acquire(timeout=_SECONDS if count < expected else 0.2):
            count += 1
        going.set()
        return count

    def test_all_jobs_run(self) -> None:
        threads, seen = TransferThreads(), queue.SimpleQueue[int]()
        for number in range(100):
            threads.run(partial(seen.put, number))
        assert sorted(seen.get(timeout=_SECONDS) for _ in range(100)) == list(range(100))

    def test_a_store_nearby_is_asked_by_two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transfer_threads, "_NEAR_SECONDS", _SECONDS)
        assert self.at_once(2, *[0.0] * 20) == 2

    def test_one_that_is_far_away_by_many(self) -> None:
        assert self.at_once(32, *[0.02] * 20) == 32

    def test_to_have_waited_now_and_then_is_not_far(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # By a clock of its own: on a busy machine, who waits for nothing else waits for a core.
        clock = threading.local()
        monkeypatch.setattr(transfer_threads, "_waited", lambda: getattr(clock, "seconds", 0.0))

        def wait(seconds: float) -> None:
            time.sleep(seconds)
            clock.seconds = getattr(clock, "seconds", 0.0) + seconds

        assert self.at_once(2, *[0.02, 0.0, 0.0, 0.0] * 4, wait=wait) == 2

    @pytest.mark.parametrize("there_are", [0, 1, 5])
    def test_where_there_are_no_more_threads_all_run(self, monkeypatch: pytest.MonkeyPatch, there_are: int) -> None:
        start, left = Thread.start, [None] * there_are

        def start_if_there_is_one(thread: Thread) -> None:
            if not left:
                raise RuntimeError("can't start new thread")
            left.pop()
            start(thread)

        def answer(number: int) -> None:
            # As of a store that is far away: then more threads are asked for than there are.
            time.sleep(0.02)
            seen.put(number)

        monkeypatch.setattr(Thread, "start", start_if_there_is_one)
        threads, seen = TransferThreads(), queue.SimpleQueue[int]()
        for number in range(20):
            threads.run(partial(answer, number))
        assert sorted(seen.get(timeout=_SECONDS) for _ in range(20)) == list(range(20))


class Talk:
    """Transfers, and what they say."""

    def __init__(self, setup: TransferSetup) -> None:
        self.said: queue.SimpleQueue[tuple[str, str, str, bytes, dict[str, Any]]] = queue.SimpleQueue()
        self.transfers = Transfers(setup, self._answer)

    def _answer(self, of: str, key: str, outcome: str, data: bytes = b"", /, **more: Any) -> None:
        self.said.put((of, key, outcome, data, more))

    def next(self) -> tuple[str, str, str, bytes, dict[str, Any]]:
        return self.said.get(timeout=_SECONDS)


def setup(store: Path, local: Path | None = None) -> TransferSetup:
    if not store.exists():
        store.mkdir()
    kept_in = None if local is None else (str(local), 1 << 30)
    return TransferSetup(f"file://{store}", 5.0, (), None, kept_in, ("here",))


def wait_for_entry(store: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not (store / "ac" / KEY).exists():
        assert time.monotonic() < deadline


class TestTransfers:
    def test_what_is_put_is_taken(self, tmp_path: Path) -> None:
        talk = Talk(setup(tmp_path / "store"))
        talk.transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 2.5)
        of, of_key, outcome, _, more = talk.next()
        assert (of, of_key, outcome) == ("put", KEY, "done")
        assert more == {"bytes": (tmp_path / "store" / "ac" / KEY).stat().st_size}
        talk.transfers.take([KEY])
        assert talk.next() == ("take", KEY, "found", ARTIFACT, {"sha256": SHA256, "seconds": 2.5})
        talk.transfers.look(KEY)
        assert talk.next()[:3] == ("look", KEY, "done")

    def test_what_is_taken_is_kept_here(self, tmp_path: Path) -> None:
        Talk(setup(tmp_path / "store")).transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 2.5)
        talk = Talk(setup(tmp_path / "store", tmp_path / "cache"))
        wait_for_entry(tmp_path / "store")
        talk.transfers.take([KEY])
        _, _, outcome, data, more = talk.next()
        assert (outcome, data) == ("found", b"")
        cache = LocalCache(CacheDirectory(base=tmp_path / "cache"), 1 << 30)
        kept = cache.get(more["kept"], tmp_path / "out")
        assert kept is not None
        assert (tmp_path / "out").read_bytes() == ARTIFACT
        assert more["added"] == cache.usage().bytes

    def test_what_cannot_be_kept_here_comes_with_what_is_in_the_way(self, tmp_path: Path) -> None:
        Talk(setup(tmp_path / "store")).transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 2.5)
        (tmp_path / "cache").mkdir(mode=0o700)
        for digit in "0123456789abcdef":
            (tmp_path / "cache" / digit).touch()
        talk = Talk(setup(tmp_path / "store", tmp_path / "cache"))
        wait_for_entry(tmp_path / "store")
        talk.transfers.take([KEY])
        _, _, outcome, data, more = talk.next()
        assert (outcome, data) == ("found", ARTIFACT)
        why, in_part = more["problem"]
        assert why.startswith(f"{tmp_path / 'cache'}{os.sep}")
        assert in_part

    @pytest.mark.parametrize("size", [packed.MAX_BYTES + 1, 1 << 40])
    def test_an_entry_that_is_too_large_is_not_read(self, size: int, tmp_path: Path) -> None:
        (tmp_path / "ac").mkdir()
        with open(tmp_path / "ac" / KEY, "wb") as sparse:
            sparse.truncate(size)
        talk = Talk(setup(tmp_path))
        talk.transfers.take([KEY])
        assert talk.next()[2] == "damaged"

    def test_what_cannot_be_read_for_another_reason_is_answered_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def starved(*_: object) -> None:
            raise MemoryError

        talk = Talk(setup(tmp_path))
        talk.transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 2.5)
        talk.next()
        monkeypatch.setattr(packed, "unpack", starved)
        monkeypatch.setattr(packed, "pack", starved)
        talk.transfers.take([KEY])
        assert talk.next()[2::2] == ("failed", {"why": "MemoryError", "absent": False})
        talk.transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 2.5)
        assert talk.next()[2::2] == ("failed", {"why": "MemoryError", "absent": False})

    def test_what_is_not_there_is_missing(self, tmp_path: Path) -> None:
        talk = Talk(setup(tmp_path))
        talk.transfers.take([KEY])
        assert talk.next()[:3] == ("take", KEY, "missing")
        talk.transfers.look(KEY)
        assert talk.next()[:3] == ("look", KEY, "missing")

    def test_a_store_that_cannot_be_opened_is_hopeless(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        talk = Talk(setup(tmp_path / "file"))
        talk.transfers.take([KEY, KEY])
        assert talk.next()[2::2] == ("hopeless", {"why": "is no directory"})
        assert talk.next()[2] in ("hopeless", "skipped")

    def test_after_some_failures_in_a_row_nothing_more_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failures = iter([True, False, *[True] * FAILURES])

        def get(*_: object) -> None:
            raise ValueError if next(failures) else FileNotFoundError

        monkeypatch.setattr(remote_store.obstore, "get", get)
        talk, outcomes = Talk(setup(tmp_path)), []
        for _ in range(FAILURES + 3):
            talk.transfers.take([KEY])
            outcomes.append(talk.next()[2])
        assert outcomes == ["failed", "missing", *["failed"] * (FAILURES - 1), "hopeless", "skipped"]

    def test_after_some_failures_nothing_more_is_pushed(self, tmp_path: Path) -> None:
        talk = Talk(setup(tmp_path))
        (tmp_path / "ac").touch()
        outcomes = []
        for _ in range(FAILURES + 1):
            talk.transfers.put(KEY, ARTIFACT, SHA256, INPUTS, 0.0)
            outcomes.append(talk.next()[2])
        assert outcomes == [*["failed"] * (FAILURES - 1), "refused", "skipped"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], TransferProcess]]:
    started: list[TransferProcess] = []

    def of_store() -> TransferProcess:
        started.append(TransferProcess(setup(tmp_path / "store")))
        return started[-1]

    yield of_store
    for process in started:
        process.close()


class TestProcess:
    def test_it_answers(self, start: Callable[[], TransferProcess]) -> None:
        process = start()
        large = os.urandom(1 << 20)
        sha256 = hashlib.sha256(large).hexdigest()
        request = {"put": KEY, "sha256": sha256, "seconds": 1.5, "inputs": len(INPUTS)}
        assert process.send(request, INPUTS, large, seconds=_SECONDS)
        [done] = process.next(time.monotonic() + _SECONDS)
        assert done.body["outcome"] == "done"
        assert process.send({"take": [KEY]}, seconds=_SECONDS)
        [found] = process.next(time.monotonic() + _SECONDS)
        assert found.data == large
        assert found.body["sha256"] == sha256

    def test_nobody_waits_longer_than_the_deadline(self, start: Callable[[], TransferProcess]) -> None:
        assert start().next(time.monotonic() + 0.01) == []

    @pytest.mark.skipif(os.name != "posix", reason="pipes with a deadline")
    def test_one_that_takes_nothing_is_not_waited_for(self, start: Callable[[], TransferProcess]) -> None:
        process = start()
        os.kill(process._process.pid, signal.SIGSTOP)
        assert not process.send({"put": KEY}, bytes(1 << 20), seconds=0.01)

    def test_one_that_was_left_is_there_for_the_next(self, start: Callable[[], TransferProcess]) -> None:
        process = start()
        transfer_process.leave(process)
        assert transfer_process.left_or_new(process.setup) is process
        other = transfer_process.left_or_new(process.setup)
        assert other is not process
        transfer_process.leave(other)
        other.kill()
        while other.runs:
            pass
        new = transfer_process.left_or_new(process.setup)
        assert new is not other
        new.close()

    def test_one_that_is_killed_says_so(self, start: Callable[[], TransferProcess]) -> None:
        process = start()
        process.kill()
        with pytest.raises(ChildError, match="was killed by"):
            process.next(time.monotonic() + _SECONDS)
        # Who sends is not told.
        assert process.send({"take": [KEY]}, seconds=_SECONDS)
