"""How long a remote cache is waited for, and what two caches give together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from wasmbuild.builder import key
from wasmbuild.builder.cache.answers import RemoteReport
from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.cache.packed import PackedArtifact
from wasmbuild.builder.cache.tiered import NearCache, TakenArtifact, TieredCache
from wasmbuild.usercache import CacheDirectory

ARTIFACT = b"artifact"
INPUTS = key.canonical({"wasm": "a"})
KEY = hashlib.sha256(INPUTS).hexdigest()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestBudget:
    def test_only_waiting_counts(self) -> None:
        clock = Clock()
        budget = Budget(5, clock)
        clock.now += 60
        assert budget.left() == 5
        with budget:
            clock.now += 2
            assert budget.left() == 3
        clock.now += 60
        assert budget.left() == 3

    def test_threads_that_wait_at_once_lose_the_same_seconds(self) -> None:
        clock = Clock()
        budget = Budget(5, clock)
        with budget:
            clock.now += 1
            with budget:
                clock.now += 1
            clock.now += 1
        assert budget.left() == 2

    def test_a_compile_that_was_saved_earns_its_seconds(self) -> None:
        clock = Clock()
        budget = Budget(5, clock)
        with budget:
            clock.now += 6
            assert budget.left() == -1
            budget.earn(3)
            assert budget.left() == 2


class FakeRemote:
    """Entries in a dictionary, signed by whom they say; what is asked for is kept at ``near`` then."""

    def __init__(self) -> None:
        self.near: NearCache | None = None
        self.entries: dict[str, PackedArtifact] = {}
        self.wanted: list[str] = []
        self.asked: list[str] = []
        self.refused: list[str] = []
        self.lost = 0

    def expect(self) -> None:
        pass

    def want(self, keys: Iterable[str]) -> None:
        self.wanted += keys

    def get(self, key: str) -> TakenArtifact | None:
        self.asked.append(key)
        found = self.entries.get(key)
        if found is None:
            return None
        kept = None if self.near is None else self.near.keep(key, found)
        return TakenArtifact(found.sha256, found.seconds, kept, found.artifact if kept is None else b"")

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        self.entries[key] = PackedArtifact(artifact, sha256, inputs, seconds, None)

    def refuse(self, key: str) -> None:
        self.refused.append(key)

    def lose(self, taken: TakenArtifact) -> None:
        self.lost += 1

    def close(self) -> None:
        pass

    def report(self) -> RemoteReport:
        return RemoteReport(0, 0, ())


@pytest.fixture
def remote() -> FakeRemote:
    return FakeRemote()


@pytest.fixture
def local(tmp_path: Path) -> LocalCache:
    return LocalCache(CacheDirectory(base=tmp_path / "cache"), 1 << 20)


def tiered(local: LocalCache | None, remote: FakeRemote, origins: Sequence[str] = ("https://x",)) -> TieredCache:
    remote.near = NearCache(local, origins)
    return TieredCache(remote.near, remote)


def entry(signer: str | None = None) -> PackedArtifact:
    return PackedArtifact(ARTIFACT, hashlib.sha256(ARTIFACT).hexdigest(), INPUTS, 1.0, signer)


def taken(cache: TieredCache, out: Path) -> bytes | None:
    out.unlink(missing_ok=True)
    return out.read_bytes() if cache.get(KEY, out) is not None else None


def test_what_is_far_away_comes_here(remote: FakeRemote, local: LocalCache, tmp_path: Path) -> None:
    cache = tiered(local, remote)
    out = tmp_path / "out"
    assert taken(cache, out) is None
    cache.want([KEY])
    remote.entries[KEY] = entry()
    assert taken(cache, out) == ARTIFACT
    remote.entries.clear()
    assert taken(cache, out) == ARTIFACT
    assert remote.asked == [KEY, KEY]
    cache.want([KEY])
    assert remote.wanted == [KEY]


def test_the_first_are_fetched_while_the_others_are_told(remote: FakeRemote, local: LocalCache) -> None:
    keys = [f"{number:064x}" for number in range(1000)]
    local.put(keys[1], ARTIFACT, hashlib.sha256(ARTIFACT).hexdigest(), INPUTS)

    def told() -> Iterator[str]:
        yield from keys[:-1]
        assert remote.wanted[:2] == [keys[0], keys[2]]
        yield keys[-1]

    tiered(local, remote).want(told())
    assert remote.wanted == [keys[0], *keys[2:]]


def test_it_is_here_for_those_who_trust_whoever_signed_it(
    remote: FakeRemote, local: LocalCache, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    remote.entries[KEY] = entry("ann")
    assert taken(tiered(local, remote, ("bob", "ann")), out) == ARTIFACT
    remote.entries.clear()
    assert taken(tiered(local, remote, ("ann",)), out) == ARTIFACT
    assert taken(tiered(local, remote, ("bob",)), out) is None
    assert taken(tiered(local, remote), out) is None
    out.unlink(missing_ok=True)
    assert local.get(KEY, out) is None


def test_what_turned_out_to_be_another_is_taken_no_more(remote: FakeRemote, local: LocalCache, tmp_path: Path) -> None:
    cache = tiered(local, remote)
    remote.entries[KEY] = entry()
    assert taken(cache, tmp_path / "out") == ARTIFACT
    cache.discard(KEY)
    assert remote.refused == [KEY]
    remote.entries.clear()
    assert taken(cache, tmp_path / "out") is None


def test_where_nothing_can_be_kept_it_is_taken_all_the_same(
    remote: FakeRemote, local: LocalCache, tmp_path: Path
) -> None:
    remote.entries[KEY] = entry()
    for no_room in (None, LocalCache(CacheDirectory(base=tmp_path / "small"), 10)):
        assert NearCache(no_room, ("https://x",)).keep(KEY, entry()) is None
        assert taken(tiered(no_room, remote), tmp_path / "out") == ARTIFACT


def test_what_was_kept_and_is_gone_again_is_a_miss(remote: FakeRemote, local: LocalCache, tmp_path: Path) -> None:
    cache = tiered(local, remote)
    cache.want([KEY])
    remote.entries[KEY] = entry()
    assert remote.near is not None
    kept = remote.near.keep(KEY, entry())
    assert kept is not None
    local.discard(kept)
    remote.get = lambda key: TakenArtifact(entry().sha256, 1.0, kept)  # type: ignore[method-assign]
    assert taken(cache, tmp_path / "out") is None
    assert remote.lost == 2


def test_what_is_damaged_here_says_nothing_of_the_remote_one(
    remote: FakeRemote, local: LocalCache, tmp_path: Path
) -> None:
    local.put(KEY, ARTIFACT, "0" * 64, INPUTS)
    cache = tiered(local, remote)
    assert taken(cache, tmp_path / "out") == ARTIFACT
    cache.discard(KEY)
    assert remote.refused == []
    assert taken(cache, tmp_path / "out") is None


def test_where_nothing_can_be_written_nothing_is_given(remote: FakeRemote, tmp_path: Path) -> None:
    remote.entries[KEY] = entry()
    assert tiered(None, remote).get(KEY, tmp_path / "none" / "out") is None


def test_what_is_compiled_goes_to_both(remote: FakeRemote, local: LocalCache, tmp_path: Path) -> None:
    tiered(local, remote).put(KEY, ARTIFACT, entry().sha256, INPUTS, 2.5)
    assert remote.entries[KEY].seconds == 2.5
    kept = local.get(KEY, tmp_path / "out")
    assert kept is not None
    assert (kept.sha256, kept.data) == (entry().sha256, ARTIFACT)
