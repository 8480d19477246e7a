"""What the cache on this machine keeps, gives, forgets and survives."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import files, usercache
from wasmbuild.builder import key
from wasmbuild.builder.cache import contents, entry, local
from wasmbuild.builder.cache.answers import CacheProblem
from wasmbuild.builder.cache.local import LocalCache, Usage
from wasmbuild.usercache import CacheDirectory

ARTIFACT = b"\x7fELF" + bytes(range(256)) * 40
OTHER = ARTIFACT[::-1]
LARGE = ARTIFACT * 100


def inputs(name: str) -> dict[str, Any]:
    return {"wasm": name}


def key_of(name: str) -> str:
    return key.digest(inputs(name))


def put(cache: LocalCache, name: str, data: bytes = ARTIFACT) -> str:
    cache.put(key_of(name), data, hashlib.sha256(data).hexdigest(), key.canonical(inputs(name)))
    return key_of(name)


def entry_of(root: Path, name: str) -> Path:
    return root / key_of(name)[0] / key_of(name)[1:]


class Room:
    def __init__(self, directory: Path) -> None:
        self.root = directory / "cache"
        self.out = directory / "out.cwasm"
        self.cache = self.open()

    def open(self, max_bytes: int = 1 << 22) -> LocalCache:
        return LocalCache(CacheDirectory(base=self.root), max_bytes)

    def get(self, name: str) -> bytes | None:
        self.out.unlink(missing_ok=True)
        kept = self.open().get(key_of(name), self.out)
        if kept is None:
            assert not self.out.exists()
            return None
        data = self.out.read_bytes()
        assert (kept.size, kept.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert kept.data in (data, None)
        assert kept.stamped == files.signature(self.out.stat())
        return data


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_what_was_kept_is_given_to_another_build(room: Room) -> None:
    assert room.get("a") is None
    put(room.cache, "a")
    assert room.get("a") == ARTIFACT
    assert room.get("b") is None


def test_a_copy_is_no_link(room: Room) -> None:
    put(room.cache, "a")
    room.get("a")
    room.out.write_bytes(b"edited")
    assert room.out.stat().st_nlink == 1
    assert room.get("a") == ARTIFACT


def test_nobody_else_may_read_it_and_nothing_is_left_beside(room: Room) -> None:
    put(room.cache, "a")
    assert [path for path in room.root.rglob("*") if path.is_file()] == [entry_of(room.root, "a")]
    assert stat.S_IMODE(entry_of(room.root, "a").stat().st_mode) == 0o600


@given(data=st.data(), artifact=st.sampled_from([ARTIFACT, LARGE, b""]))
def test_damage_anywhere_is_a_miss(
    data: st.DataObject, artifact: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    room = Room(tmp_path_factory.mktemp("cache"))
    put(room.cache, "a", artifact)
    path = entry_of(room.root, "a")
    whole = path.read_bytes()
    assert room.get("a") == artifact
    told = len(whole) - len(artifact)
    cut = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:cut])
    assert room.get("a") is None
    flipped = bytearray(whole)
    # What is told for people decides nothing.
    ends = st.integers(len(whole) - 100, len(whole) - 1)
    position = data.draw(st.integers(0, len(artifact) - 1) | ends if artifact else ends)
    assert told > 100
    flipped[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(flipped)
    assert room.get("a") is None


def test_an_entry_that_is_none_is_removed(room: Room) -> None:
    put(room.cache, "a")
    entry_of(room.root, "a").write_bytes(b"<html>")
    assert room.get("a") is None
    assert not entry_of(room.root, "a").exists()


def test_an_entry_under_another_key_is_a_miss(room: Room) -> None:
    put(room.cache, "a")
    put(room.cache, "b", OTHER)
    os.replace(entry_of(room.root, "b"), entry_of(room.root, "a"))
    assert room.get("a") is None
    assert room.open().usage() == Usage(0, 0)


def test_an_entry_of_others_is_a_miss(room: Room) -> None:
    put(room.cache, "a")
    entry_of(room.root, "a").chmod(0o666)
    assert room.get("a") is None


def test_a_directory_of_others_is_not_used(room: Room) -> None:
    put(room.cache, "a")
    assert room.open().problem() is None
    room.root.chmod(0o777)
    assert room.get("a") is None
    put(room.open(), "b")
    problem = room.open().problem()
    assert problem == CacheProblem(f"{room.root}: others may write to it; run: chmod go-w {room.root}")
    assert not entry_of(room.root, "b").exists()
    subprocess.run(["sh", "-c", problem.why.partition("run: ")[2]], check=True)
    assert room.open().problem() is None
    assert room.get("a") is not None


def test_why_a_directory_is_not_used_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.root.parent.mkdir(exist_ok=True)
    room.root.touch()
    assert room.open().problem() == CacheProblem(f"{room.root}: it is no directory")
    room.root.unlink()
    put(room.cache, "a")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert room.open().problem() == CacheProblem(f"{room.root}: it is another user's")

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(usercache, "directory", nowhere)
    problem = LocalCache(CacheDirectory("artifacts"), 1).problem()
    assert problem == CacheProblem("Could not determine home directory")


def test_a_link_is_a_miss(room: Room) -> None:
    put(room.cache, "a")
    elsewhere = room.root.parent / "elsewhere"
    os.replace(entry_of(room.root, "a"), elsewhere)
    entry_of(room.root, "a").symlink_to(elsewhere)
    assert room.get("a") is None


def test_a_fifo_does_not_keep_a_build(room: Room) -> None:
    put(room.cache, "a")
    entry_of(room.root, "a").unlink()
    os.mkfifo(entry_of(room.root, "a"))
    assert room.get("a") is None


def test_where_the_copy_cannot_be_written_nothing_is_given(room: Room) -> None:
    put(room.cache, "a")
    assert room.cache.get(key_of("a"), room.root.parent / "nowhere" / "out") is None


def test_a_file_in_the_place_of_the_cache(room: Room) -> None:
    room.root.write_text("mine")
    put(room.cache, "a")
    assert room.get("a") is None
    room.cache.close()
    assert room.root.read_text() == "mine"


def test_what_is_there_is_given_where_nothing_more_can_be_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    put(room.cache, "a")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = room.open()
    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", refuse)
        put(cache, "b")
    put(cache, "c")
    assert not entry_of(room.root, "b").exists()
    assert not entry_of(room.root, "c").exists()
    assert cache.get(key_of("a"), room.out) is not None


@pytest.mark.parametrize("data", [ARTIFACT, LARGE], ids=["small", "large"])
class TestWhileItIsRead:
    """What happens to an entry that is open."""

    def meanwhile(self, monkeypatch: pytest.MonkeyPatch, does: Callable[[], object]) -> None:
        new_file = files.NewFile

        def made(path: Any) -> files.NewFile:
            does()
            return new_file(path)

        monkeypatch.setattr(files, "NewFile", made)

    def test_it_is_replaced(self, room: Room, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
        put(room.cache, "b", OTHER)
        put(room.cache, "a", data)
        path = entry_of(room.root, "a")
        with monkeypatch.context() as patch:
            self.meanwhile(patch, lambda: os.replace(entry_of(room.root, "b"), path))
            assert room.get("a") == data
        # What lies there now is another artifact's.
        assert room.get("a") is None
        assert not path.exists()

    @pytest.mark.parametrize("at", [0, 5000, -200])
    def test_it_is_written_into(self, room: Room, monkeypatch: pytest.MonkeyPatch, data: bytes, at: int) -> None:
        put(room.cache, "a", data)
        path = entry_of(room.root, "a")

        def write() -> None:
            with path.open("r+b") as file:
                file.seek(at % len(data))
                file.write(b"edited")

        with monkeypatch.context() as patch:
            self.meanwhile(patch, write)
            # What is small was read before.
            assert room.get("a") == (data if len(data) < 1 << 18 else None)
        assert room.get("a") is None
        assert not path.exists()

    def test_it_is_cut(self, room: Room, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
        put(room.cache, "a", data)
        path = entry_of(room.root, "a")
        with monkeypatch.context() as patch:
            self.meanwhile(patch, lambda: os.truncate(path, len(data) // 2))
            assert room.get("a") == (data if len(data) < 1 << 18 else None)
        assert room.get("a") is None

    def test_the_disk_is_full(self, room: Room, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
        put(room.cache, "a", data)

        def write(descriptor: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            assert room.get("a") is None
        assert room.get("a") == data


class TestLimit:
    SIZE = 11_000

    def fill(self, room: Room, names: str, limit: int) -> None:
        cache = room.open(limit)
        for name in names:
            put(cache, name)
        cache.close()

    def age(self, room: Room, name: str, seconds: float) -> None:
        then = time.time() - seconds
        os.utime(entry_of(room.root, name), (then, then))

    def kept(self, room: Room) -> set[str]:
        return {name for name in "abcdefgh" if entry_of(room.root, name).exists()}

    def test_what_was_used_longest_ago_goes(self, room: Room) -> None:
        self.fill(room, "abcd", 5 * self.SIZE)
        for number, name in enumerate("abcd"):
            self.age(room, name, 10_000 - number)
        assert room.get("a") == ARTIFACT
        self.fill(room, "ef", 5 * self.SIZE)
        assert self.kept(room) == {"a", "d", "e", "f"}

    def test_while_there_is_room_nobody_looks_at_everything(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fill(room, "a", 5 * self.SIZE)
        monkeypatch.setattr(contents, "entries", lambda *_: pytest.fail("it was looked at"))
        self.fill(room, "b", 5 * self.SIZE)
        self.fill(room, "c", 5 * self.SIZE)

    def test_an_artifact_larger_than_the_limit_is_not_kept(self, room: Room) -> None:
        self.fill(room, "a", 5 * self.SIZE)
        self.fill(room, "b", 1000)
        assert self.kept(room) == {"a"}

    def test_what_another_process_added_counts(self, room: Room) -> None:
        other = room.open()
        put(other, "a")
        added = other.grown()
        assert added == room.cache.usage().bytes
        assert other.grown() == 0
        put(room.cache, "b")
        room.cache.close()
        before = (room.root / local._LEDGER).read_text()
        counting = room.open()
        counting.hear(added, None)
        counting.close()
        assert (room.root / local._LEDGER).read_text() == f"{before}{added}\n"

    def test_what_a_wrong_clock_stamped_goes_first(self, room: Room) -> None:
        self.fill(room, "abcd", 5 * self.SIZE)
        self.age(room, "c", -1e8)
        self.age(room, "d", -1e8)
        assert room.get("d") == ARTIFACT
        self.fill(room, "ef", 5 * self.SIZE)
        assert "c" not in self.kept(room)
        assert "d" in self.kept(room)

    def test_prune_obeys_the_limit_and_clear_leaves_nothing(self, room: Room) -> None:
        self.fill(room, "abcd", 9 * self.SIZE)
        removed = room.open(2 * self.SIZE).prune()
        assert removed.entries == 2
        assert room.open().usage().entries == 2
        room.open().clear()
        assert room.open().usage() == Usage(0, 0)
        assert [path for path in room.root.rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize(
        "name", ["a/thesis.txt", "x/notes", "a/" + "g" * 63, "a/" + "0" * 64, "thesis.txt", "ledger", "a/.new-y"]
    )
    def test_what_others_keep_there_stays(self, room: Room, name: str) -> None:
        theirs = room.root / name
        theirs.parent.mkdir(parents=True)
        theirs.write_bytes(bytes(20 * self.SIZE))
        os.utime(theirs, (1, 1))
        self.fill(room, "abcd", 2 * self.SIZE)
        assert room.open().usage().entries == 1
        room.open(1).prune()
        assert room.open().clear() == Usage(0, 0)
        assert theirs.stat().st_size == 20 * self.SIZE

    def test_a_directory_in_the_place_of_an_entry_stays_and_the_others_go(self, room: Room) -> None:
        self.fill(room, "abcd", 5 * self.SIZE)
        for letter in "ad":
            entry_of(room.root, letter).unlink()
            entry_of(room.root, letter).mkdir()
            os.utime(entry_of(room.root, letter), (1, 1))
        assert room.open().usage().entries == 2
        assert room.open(self.SIZE).prune().entries == 1
        assert room.open().clear().entries == 1
        assert [entry_of(room.root, letter).is_dir() for letter in "abcd"] == [True, False, False, True]

    def test_what_a_killed_process_left_goes_after_a_day(self, room: Room) -> None:
        self.fill(room, "a", 5 * self.SIZE)
        leftover, fresh = (entry_of(room.root, "a").with_name(f"{entry.TEMPORARY}{name}") for name in ("old", "young"))
        for path in (leftover, fresh):
            path.write_bytes(b"half")
        os.utime(leftover, (1, 1))
        room.open().prune()
        assert (leftover.exists(), fresh.exists()) == (False, True)
        assert self.kept(room) == {"a"}
