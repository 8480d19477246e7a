"""What a build pushes, what it hears of it, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest
from fake_transferrer import KEYS, SECONDS, Cache, FakeTransferrer, problems

from wasmbuild.builder.cache import packed, remote
from wasmbuild.builder.cache.remote import RemoteCache


class TestPushes:
    def push(self, cache: Cache, count: int) -> None:
        for key in KEYS[:count]:
            cache.put(key, b"artifact", "d", b"inputs", 1.0)
        cache.close()

    def test_it_is_pushed_and_looked_for(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        self.push(cache, 3)
        assert transferrer.put == [(key, b"artifact") for key in KEYS[:3]]
        assert cache.report().pushed == 3
        assert problems(cache) == []
        assert transferrer.is_closed

    def test_all_that_it_did_not_get_is_counted(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        transferrer.answers[f"put {KEYS[0]}"] = {"outcome": "hopeless", "why": "is gone"}
        cache.put(KEYS[0], b"artifact", "d", b"inputs", 1.0)
        cache.get(KEYS[1])
        self.push(cache, 3)
        assert problems(cache) == ["is gone; it is done without, and did not get 4 of what was compiled"]

    def test_nothing_is_pushed_where_that_is_not_asked_for(self, transferrer: FakeTransferrer) -> None:
        cache = RemoteCache(lambda: transferrer, "https://x", SECONDS)
        self.push(cache, 3)
        assert transferrer.put == []

    def test_what_is_too_large_is_not(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        class Huge(bytes):
            def __len__(self) -> int:
                return packed.MAX_BYTES + 1

        cache.put(KEYS[0], Huge(b"artifact"), "d", b"inputs", 1.0)
        self.push(cache, 1)
        assert transferrer.put == [(KEYS[0], b"artifact")]

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ({"outcome": "denied"}, ["does not let this user write"]),
            ({"outcome": "failed", "why": "w"}, ["did not get 1 of what was compiled (w)"]),
            ({"outcome": "refused", "why": "w"}, ["does not take what is put there (w)"]),
        ],
    )
    def test_what_it_did_not_get_is_told(
        self, cache: Cache, transferrer: FakeTransferrer, said: dict[str, Any], told: list[str]
    ) -> None:
        transferrer.answers[f"put {KEYS[0]}"] = said
        self.push(cache, 1)
        assert problems(cache) == told

    def test_it_accepts_all_and_has_nothing(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        transferrer.answers[f"look {KEYS[0]}"] = {"outcome": "missing"}
        self.push(cache, 1)
        assert problems(cache) == ["accepted 1 entry, but has none when asked for it: does it keep what is put there?"]

    def test_no_more_is_on_its_way_than_may_be_held(
        self, cache: Cache, transferrer: FakeTransferrer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote, "_MOST_BYTES", 2 * len(b"artifact"))
        held = []
        for key in [KEYS[0], *KEYS[:6]]:
            cache.put(key, b"artifact", "d", b"inputs", 1.0)
            held.append(len(transferrer.replies))
        assert held == [1, 2, 3, 4, 1, 2, 3]

    def test_what_is_on_its_way_is_not_added_up_for_each(self, cache: Cache, transferrer: FakeTransferrer) -> None:
        looked_at = 0

        class Pushing(dict[str, int]):
            def values(self) -> Any:
                nonlocal looked_at
                looked_at += len(self)
                return super().values()

        cache._pushing = Pushing()
        for key in KEYS:
            cache.put(key, b"artifact", "d", b"inputs", 1.0)
        assert looked_at <= len(KEYS)

    def test_it_hangs(self, transferrer: FakeTransferrer) -> None:
        cache = RemoteCache(lambda: transferrer, "https://x", 0.05, push=True)
        transferrer.held.update(KEYS)
        self.push(cache, 2)
        assert problems(cache) == [
            "kept the build waiting for 0.05 s ([cache] timeout); it is done without, "
            "and did not get 2 of what was compiled"
        ]
