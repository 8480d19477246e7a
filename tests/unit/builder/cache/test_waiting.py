"""What a build asks of whoever transfers, what it makes of the answers, and how long it waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fake_transferrer import KEYS, SECONDS, Cache, FakeTransferrer, problems

from wasmbuild.builder.cache import remote
from wasmbuild.builder.cache.answers import CacheProblem
from wasmbuild.builder.cache.remote import RemoteCache
from wasmbuild.builder.cache.tiered import TakenArtifact

FOUND = {"outcome": "found", "sha256": "d", "seconds": 0.0}


class TestTaking:
    def test_nothing_is_started_for_nothing(self) -> None:
        def start() -> FakeTransferrer:
            raise AssertionError

        cache = RemoteCache(start, "https://x", SECONDS)
        cache.want([])
        cache.close()
        assert problems(cache) == []

    def test_who_transfers_is_there_before_something_is_wanted(self, transferrer: FakeTransferrer) -> None:
        started: list[FakeTransferrer] = []

        def start() -> FakeTransferrer:
            started.append(transferrer)
            return transferrer

        cache = RemoteCache(start, "https://x", SECONDS)
        cache.expect()
        assert started == [transferrer]
        assert cache.get(KEYS[0]) is None
        cache.close()
        assert (len(started), transferrer.is_closed) == (1, True)

    def test_who_cannot_be_started_is_away(self) -> None:
        def start() -> FakeTransferrer:
            raise OSError("no processes left")

        cache = RemoteCache(start, "https://x", SECONDS)
        cache.expect()
        cache.expect()
        assert cache.get(KEYS[0]) is None
        assert problems(cache) == ["cannot be asked (no processes left); it is done without"]

    def test_what_is_wanted_sets_out_in_its_order_and_not_all_at_once(
        self, cache: Cache, transferrer: FakeTransferrer
    ) -> None:
        cache.want(KEYS[:3])
        cache.want(KEYS)
        assert transferrer.asked == [KEYS[:3], KEYS[3:64]]
        for key in KEYS:
            assert cache.get(key) is None
        assert [key for keys in transferrer.asked for key in keys] == KEYS
        assert len(transferrer.asked) < 15

    def test_what_nobody_wanted_is_asked_for(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        transferrer.answers[f"take {KEYS[0]}"] = {**FOUND, "data": b"artifact"}
        for _ in range(2):
            assert cache.get(KEYS[0]) == TakenArtifact("d", 0.0, None, b"artifact")
        assert transferrer.asked == [[KEYS[0]]] * 2

    def test_what_was_lost_counts_and_earns_nothing(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        transferrer.answers[f"take {KEYS[0]}"] = {**FOUND, "seconds": 1e6}
        taken = cache.get(KEYS[0])
        assert taken is not None
        cache.lose(taken)
        assert cache.report().taken == 0
        assert cache._budget.left() <= SECONDS

    def test_they_may_come_in_another_order(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        for key in KEYS[:3]:
            transferrer.answers[f"take {key}"] = {**FOUND, "kept": key}
        cache.want(KEYS[:3])
        transferrer.replies.reverse()
        assert [taken.kept for key in KEYS[:3] if (taken := cache.get(key)) is not None] == KEYS[:3]

    def test_what_became_of_the_cache_of_this_machine_is_told(self, transferrer: FakeTransferrer) -> None:
        told: list[tuple[int, CacheProblem | None]] = []
        cache = RemoteCache(lambda: transferrer, "https://x", SECONDS, hear=lambda *more: told.append(more))
        for key, more in zip(KEYS, ({"kept": "k", "added": 9}, {"problem": ["full", True]}), strict=False):
            transferrer.answers[f"take {key}"] = {**FOUND, **more}
            cache.get(key)
        assert told == [(9, None), (0, CacheProblem("full", in_part=True))]

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ({"outcome": "damaged"}, ["has 1 entry that is no whole artifact; it is passed over"]),
            ({"outcome": "untrusted"}, ["has 1 entry that none of [cache] keys signed; it is passed over"]),
            ({"outcome": "denied"}, ["gives this user nothing (403): check its credentials, and the address"]),
            ({"outcome": "failed", "why": "w"}, ["does not answer as a cache does (w); it is done without"]),
            ({"outcome": "hopeless", "why": "is gone"}, ["is gone; it is done without"]),
            ({"outcome": "lacking", "module": "m"}, [f"{remote.lacks('m')}; it is done without"]),
        ],
    )
    def test_what_did_not_come_is_told(
        self, cache: Cache, transferrer: FakeTransferrer, said: dict[str, Any], told: list[str]
    ) -> None:
        transferrer.answers[f"take {KEYS[0]}"] = said
        assert cache.get(KEYS[0]) is None
        assert problems(cache) == told

    def test_what_is_damaged_is_asked_for_once(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        transferrer.answers[f"take {KEYS[0]}"] = {"outcome": "damaged"}
        for _ in range(2):
            assert cache.get(KEYS[0]) is None
        assert transferrer.asked == [[KEYS[0]]]


class TestWaiting:
    """What is waited for is given up with the budget, whoever waits."""

    def cache(self, transferrer: FakeTransferrer, seconds: float, late: Callable[[], None]) -> Cache:
        return RemoteCache(lambda: transferrer, "https://x", seconds, late=late)

    def test_what_never_comes(self, transferrer: FakeTransferrer) -> None:
        late: list[bool] = []
        cache = self.cache(transferrer, 0.02, lambda: late.append(True))
        transferrer.held.add(KEYS[0])
        assert cache.get(KEYS[0]) is None
        assert problems(cache) == ["kept the build waiting for 0.02 s ([cache] timeout); it is done without"]
        assert transferrer.is_killed
        assert late == [True]
        assert cache.get(KEYS[1]) is None
        assert transferrer.asked == [[KEYS[0]]]

    def test_what_never_goes(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, 0.02, lambda: None)
        transferrer.takes = False
        cache.want(KEYS)
        assert problems(cache) == ["kept the build waiting for 0.02 s ([cache] timeout); it is done without"]

    def test_all_who_wait_are_let_go(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, 0.05, lambda: None)
        transferrer.held.update(KEYS)
        seen: list[object] = []
        threads = [threading.Thread(target=lambda key=key: seen.append(cache.get(key))) for key in KEYS[:3]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert seen == [None] * 3

    def test_what_one_reads_another_may_have_waited_for(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, SECONDS, lambda: None)
        for key in KEYS:
            transferrer.answers[f"take {key}"] = {**FOUND, "kept": key}
        cache.want(KEYS)
        seen: list[str] = []

        def take(keys: Sequence[str]) -> None:
            for key in keys:
                taken = cache.get(key)
                assert taken is not None
                assert taken.kept == key
                seen.append(key)

        threads = [threading.Thread(target=take, args=(KEYS[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert sorted(seen) == KEYS
        assert cache.report().taken == len(KEYS)

    def test_two_artifacts_with_one_key_that_threads_ask_for_at_once(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, SECONDS, lambda: None)
        transferrer.held.add(KEYS[0])
        seen: list[TakenArtifact | None] = []
        threads = [threading.Thread(target=lambda: seen.append(cache.get(KEYS[0]))) for _ in range(2)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + SECONDS
        while len(transferrer.asked) < 2:
            assert time.monotonic() < deadline
        transferrer.held.clear()
        for _ in range(2):
            transferrer.answer("take", KEYS[0], {**FOUND, "kept": "k"})
        for thread in threads:
            thread.join(SECONDS)
        assert [taken and taken.kept for taken in seen] == ["k", "k"]
        assert cache.report().taken == 2

    def test_a_compile_that_was_saved_earns_its_seconds(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, SECONDS, lambda: None)
        transferrer.answers[f"take {KEYS[0]}"] = {**FOUND, "seconds": 1e6}
        assert cache.get(KEYS[0]) is not None
        assert cache._budget.left() > SECONDS

    def test_one_that_ends(self, transferrer: FakeTransferrer) -> None:
        cache = self.cache(transferrer, SECONDS, lambda: None)
        transferrer.held.add(KEYS[0])
        transferrer.ended = "was killed by SIGSEGV"
        assert cache.get(KEYS[0]) is None
        assert problems(cache) == [
            "is not asked any more: the process that does was killed by SIGSEGV; it is done without"
        ]

    def test_one_that_does_not_start(self) -> None:
        def start() -> FakeTransferrer:
            raise OSError(24, "Too many open files")

        cache = RemoteCache(start, "https://x", SECONDS)
        cache.want(KEYS)
        assert cache.get(KEYS[0]) is None
        assert problems(cache) == ["cannot be asked ([Errno 24] Too many open files); it is done without"]


class TestAbsence:
    """A store that does not answer is told of to others, when it is known that it does not."""

    @pytest.mark.parametrize(
        ("answers", "told"),
        [
            ([{"outcome": "failed", "absent": True}], True),
            ([{"outcome": "failed", "absent": False}], False),
            ([{"outcome": "failed", "absent": True}, {"outcome": "missing"}], False),
            ([{"outcome": "missing"}, {"outcome": "failed", "absent": True}], False),
            ([{"outcome": "missing"}, {"outcome": "hopeless", "absent": True}], True),
            ([{"outcome": "hopeless"}], False),
        ],
    )
    def test_it_is_told(self, transferrer: FakeTransferrer, answers: list[dict[str, Any]], told: bool) -> None:
        late: list[bool] = []
        cache = RemoteCache(lambda: transferrer, "https://x", SECONDS, late=lambda: late.append(True))
        for key, said in zip(KEYS, answers, strict=False):
            transferrer.answers[f"take {key}"] = {"why": "w", **said}
            cache.get(key)
        assert late == []
        cache.close()
        assert late == [True] * told


class TestLeaving:
    """Who transfers may stay for the next cache."""

    @pytest.mark.parametrize(("wanted", "is_left"), [(1, True), (2, False)])
    def test_who_owes_no_answer_is_left(self, transferrer: FakeTransferrer, wanted: int, is_left: bool) -> None:
        left: list[FakeTransferrer] = []
        cache = RemoteCache(lambda: transferrer, "https://x", SECONDS, leave=left.append)
        cache.want(KEYS[:wanted])
        cache.get(KEYS[0])
        cache.close()
        assert left == [transferrer] * is_left
        assert transferrer.is_closed is not is_left
