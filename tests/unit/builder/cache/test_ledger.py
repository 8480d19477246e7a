"""How much the cache on this machine holds, as its ledger says: what is no ledger is not believed, nor written to."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.builder.cache import local
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.usercache import CacheDirectory

ARTIFACT = b"\x7fELF" + bytes(10_000)
SIZE = 11_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the directory of a cache that holds four artifacts."""
    root = tmp_path / "cache"
    fill(root, "abcd")
    return root


def fill(root: Path, letters: str) -> None:
    """Keep artifacts where there is room for five."""
    cache = LocalCache(CacheDirectory(base=root), 5 * SIZE)
    for letter in letters:
        cache.put(letter * 64, ARTIFACT, hashlib.sha256(ARTIFACT).hexdigest(), b"{}")
    cache.close()


def kept(root: Path) -> int:
    return len(list(root.glob("?/*")))


def is_ledger(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) and path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("ledger", [b"", b"\xff", b"many 3\n", b"5", b"1 2\n3\n4x\n"])
def test_one_that_cannot_be_read_is_counted_anew(root: Path, ledger: bytes) -> None:
    (root / local._LEDGER).write_bytes(ledger)
    fill(root, "ef")
    assert kept(root) == 4


def _little() -> bytes:
    """Return what a ledger says of a cache that has much room left."""
    return b"%d 5\n" % time.time()


def _link(path: Path) -> None:
    (path.parent / "theirs").write_bytes(_little())
    path.symlink_to("theirs")


def _writable_by_all(path: Path) -> None:
    path.write_bytes(_little())
    path.chmod(0o666)


def _unreadable(path: Path) -> None:
    path.touch(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have modes and kinds on POSIX systems alone")
@pytest.mark.parametrize(
    "make",
    [
        _link,
        lambda path: path.symlink_to("nowhere"),
        Path.mkdir,
        lambda path: os.mkfifo(path),
        _writable_by_all,
        _unreadable,
    ],
    ids=["link", "dangling", "directory", "fifo", "others may write", "unreadable"],
)
def test_what_is_in_its_place_is_neither_believed_nor_written_to_and_makes_room(
    root: Path, make: Callable[[Path], None]
) -> None:
    ledger = root / local._LEDGER
    ledger.unlink()
    make(ledger)
    others = {path: path.read_bytes() for path in root.iterdir() if path.name == "theirs"}
    # A FIFO that is written to waits for a reader.
    filling = threading.Thread(target=fill, args=(root, "ef"), daemon=True)
    filling.start()
    filling.join(60)
    assert not filling.is_alive()
    assert kept(root) == 4
    assert {path: path.read_bytes() for path in others} == others
    assert not (root / "nowhere").exists()
    assert is_ledger(ledger)


def test_a_directory_in_its_place_that_holds_something_stays_and_nothing_hinders_who_keeps(root: Path) -> None:
    ledger = root / local._LEDGER
    ledger.unlink()
    ledger.mkdir()
    (ledger / "theirs").touch()
    for letters in ("ef", "12"):
        fill(root, letters)
        assert kept(root) == 4
    assert (ledger / "theirs").exists()
