"""What is said of a part of the cache that is in the way."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from wasmbuild import files
from wasmbuild.builder.cache import obstacles
from wasmbuild.builder.cache.answers import CacheProblem
from wasmbuild.builder.cache.local import LocalCache, Usage
from wasmbuild.usercache import CacheDirectory

DENIED = PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators alone there")
def test_what_is_in_the_way_of_one_entry_is_not_in_that_of_others(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to("nowhere")
    (tmp_path / "c" / ("c" * 63)).mkdir(parents=True)
    cache = LocalCache(CacheDirectory(base=tmp_path), 1 << 20)
    for letter in "abcd":
        cache.put(letter * 64, b"artifact", hashlib.sha256(b"artifact").hexdigest(), b"{}")
    assert [cache.has(letter * 64) for letter in "abd"] == [False, False, True]
    # Of many, the first.
    assert cache.problem() == CacheProblem(f"{tmp_path}/a: Not a directory; remove it", in_part=True)


def test_of_what_another_process_met_the_first_is_told(tmp_path: Path) -> None:
    cache = LocalCache(CacheDirectory(base=tmp_path), 1 << 20)
    first = CacheProblem("first", in_part=True)
    for problem in (None, first, None, CacheProblem("second", in_part=True)):
        cache.hear(0, problem)
    assert cache.problem() == first


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owner here")
def test_what_is_anothers_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a" / "b"
    path.parent.mkdir()
    path.touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert obstacles.met(tmp_path, str(path), DENIED).why == f"{path}: it is another user's; remove it"
    path.unlink()
    path.mkdir()
    assert obstacles.met(tmp_path, str(path), DENIED).why == f"{path}: it is another user's; have its owner remove it"


def test_what_is_gone_meanwhile_has_no_fix(tmp_path: Path) -> None:
    path = tmp_path / "b"
    assert obstacles.met(tmp_path, str(path), DENIED).why == f"{path}: Permission denied"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "; free some space there"),
        (errno.EDQUOT, "; free some space there"),
        (errno.EIO, "; the disk failed; check it"),
        (errno.ESTALE, "; it is another one by now; try again, or mount anew what it is on"),
        # As it was set up.
        (errno.EROFS, None),
    ],
)
def test_what_is_in_the_way_of_all_entries_is_told_of_the_cache_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, told: str | None
) -> None:
    cache = LocalCache(CacheDirectory(base=tmp_path), 1 << 20)
    tried: list[object] = []

    def refuse(path: object, *_: object, **__: object) -> None:
        tried.append(path)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "replace", refuse)
    for letter in "ab":
        cache.put(letter * 64, b"artifact", hashlib.sha256(b"artifact").hexdigest(), b"{}")
    assert len(tried) == 1
    why = None if told is None else CacheProblem(f"{tmp_path}: {os.strerror(code)}{told}", in_part=True)
    assert cache.problem() == why


def test_where_no_ledger_can_be_written_nothing_hinders_who_prunes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = LocalCache(CacheDirectory(base=tmp_path), 1 << 20)
    for letter in "ab":
        cache.put(letter * 64, b"artifact", hashlib.sha256(b"artifact").hexdigest(), b"{}")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "replace", refuse)
    assert cache.prune() == Usage(0, 0)
    assert LocalCache(CacheDirectory(base=tmp_path), 1).prune().entries == 2
