"""The user's cache: what is in it is believed only where nobody else can have written it."""

from __future__ import annotations

import marshal
import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from wasmbuild import usercache
from wasmbuild.lean import pathlib as lean
from wasmbuild.usercache import Documents

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no such owners and modes here")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lean.Path, "home", lambda: tmp_path / "home")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG specification is for other systems")
def test_the_cache_is_where_the_xdg_specification_has_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usercache.directory() == home / ".cache" / "wasmbuild"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert usercache.directory() == home / ".cache" / "wasmbuild"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert usercache.directory() == Path("/var/cache/me/wasmbuild")


def test_a_document_is_read_as_it_was_written(home: Path) -> None:
    documents = Documents("words", 4)
    assert documents.read("one") is None
    documents.write("one", b"1")
    documents.write("one", b"2")
    assert documents.read("one") == b"2"
    assert [path.name for path in (usercache.directory() / "words").iterdir()] == ["one"]


def test_a_value_is_not_that_of_another_name_nor_one_that_a_disk_got_wrong(home: Path) -> None:
    documents = Documents("words", 4)
    documents.remember("one", [48])
    assert documents.recall("one") == [48]
    folder = usercache.directory() / "words"
    (folder / "two").write_bytes((folder / "one").read_bytes())
    (folder / "two").chmod(0o600)
    assert documents.recall("two") is None
    (folder / "one").write_bytes((folder / "one").read_bytes().replace(marshal.dumps(48), marshal.dumps(49)))
    assert documents.recall("one") is None


def test_the_oldest_documents_go(home: Path) -> None:
    documents = Documents("words", 3)
    for number in range(5):
        documents.write(str(number), b"")
        os.utime(usercache.directory() / "words" / str(number), ns=(0, number))
    assert sorted(os.listdir(usercache.directory() / "words")) == ["2", "3", "4"]


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("nobody's account")

    monkeypatch.setattr(lean.Path, "home", no_home)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    Documents("words", 4).write("one", b"1")
    assert Documents("words", 4).read("one") is None


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_document_that_others_may_write_is_not_believed(home: Path, mode: int) -> None:
    Documents("words", 4).write("one", b"1")
    (usercache.directory() / "words" / "one").chmod(mode)
    assert Documents("words", 4).read("one") is None


@posix
def test_a_directory_that_others_may_write_to_is_not_believed(home: Path) -> None:
    Documents("words", 4).write("one", b"1")
    (usercache.directory() / "words").chmod(0o770)
    assert Documents("words", 4).read("one") is None


@posix
def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    Documents("words", 4).write("one", b"1")
    folder = usercache.directory() / "words"
    (folder / "link").symlink_to(folder / "one")
    assert Documents("words", 4).read("link") is None
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert Documents("words", 4).read("one") is None


@posix
def test_nothing_is_written_or_pruned_through_a_link(home: Path, tmp_path: Path) -> None:
    """What it leads to may be a directory of anything, of which most would be too much."""
    (tmp_path / "photos").mkdir(mode=0o700)
    for number in range(9):
        (tmp_path / "photos" / str(number)).touch()
    folder = usercache.own_directory("words")
    folder.rmdir()
    folder.symlink_to(tmp_path / "photos")
    Documents("words", 4).write("one", b"1")
    assert sorted(os.listdir(tmp_path / "photos")) == sorted(map(str, range(9)))


@posix
def test_what_belongs_to_another_user_is_not_believed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Documents("words", 4).write("one", b"1")
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert Documents("words", 4).read("one") is None


@posix
def test_a_fifo_does_not_block(home: Path) -> None:
    Documents("words", 4).write("one", b"1")
    os.mkfifo(usercache.directory() / "words" / "pipe", 0o600)
    assert Documents("words", 4).read("pipe") is None


class _Pair(NamedTuple):
    first: object
    second: object


def test_a_value_comes_back_as_json_would_give_it(home: Path) -> None:
    documents = Documents("words", 4)
    documents.remember("one", {"pair": _Pair((1, "é"), [None, True, 1.5])})
    assert documents.recall("one") == {"pair": [[1, "é"], [None, True, 1.5]]}
