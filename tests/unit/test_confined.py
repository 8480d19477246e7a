"""Files are opened below a directory, through whatever links, and never outside of it; in each system's way."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import confined
from wasmbuild.confined import ConfinedDirectory, LinkOutError, NotRegularError, is_below
from wasmbuild.files import read_up_to

OnOpen = Callable[[Callable[[str], None]], None]

posix = pytest.mark.skipif(os.name == "nt", reason="links and FIFOs of POSIX")


_on_open: list[Callable[[str], None]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    # Called right before the system opens a file, and never to be removed.
    if event == "open" and _on_open:
        _on_open[-1](str(arguments[0]))


sys.addaudithook(_hook)


@pytest.fixture
def on_open() -> Iterator[OnOpen]:
    """Takes what is called with each name, right before that is opened."""
    yield _on_open.append
    _on_open.clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_bytes(b"inside")
    return root


def refused(root: Path, path: str) -> str:
    with ConfinedDirectory(root) as directory, pytest.raises(OSError, match=r".+") as caught:
        directory.open(path)
    return caught.value.strerror or ""


def content(root: Path, path: str) -> bytes:
    with ConfinedDirectory(root) as directory:
        file, status = directory.open(path)
        with file:
            data = read_up_to(file, 100)
        assert status.st_size == len(data)
        assert directory.read(path, 100) == data
        assert directory.read(path, 2) == data[:2]
    return data


@pytest.fixture(params=["relative", "by name"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Systems open relative to a directory that is held, or by name."""
    if request.param == "by name":
        monkeypatch.setattr(confined, "_RELATIVE", False)
    elif not confined._RELATIVE:
        pytest.skip("this system has no openat")
    return str(request.param)


@pytest.mark.usefixtures("system")
def test_a_file_below_is_opened(root: Path) -> None:
    assert content(root, "a/b/file") == b"inside"


def test_a_missing_file_is_missing(root: Path) -> None:
    with ConfinedDirectory(root) as directory:
        for path in ("none", "a/none", "none/none"):
            with pytest.raises(FileNotFoundError):
                directory.open(path)


@pytest.mark.usefixtures("system")
def test_a_file_in_place_of_a_directory_is_an_error(root: Path) -> None:
    assert refused(root, "a/b/file/x") == os.strerror(errno.ENOTDIR)


@pytest.mark.usefixtures("system")
def test_what_is_no_regular_file_is_named(root: Path) -> None:
    assert refused(root, "a/b") == "is a directory, not a regular file"


@posix
def test_nothing_waits_for_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert refused(root, "pipe") == "is a FIFO, not a regular file"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket"))
        assert refused(root, "socket") == "is a socket, not a regular file"


@posix
@pytest.mark.parametrize("path", ["file", "a/b/file"])
def test_a_file_that_becomes_a_link_while_it_is_opened_leads_nowhere_else(
    root: Path, on_open: OnOpen, path: str
) -> None:
    (root / "file").write_bytes(b"inside")

    def swap(name: str) -> None:
        if name == "file" and not (root / path).is_symlink():
            (root / path).unlink()
            (root / path).symlink_to(root.parent / "outside")

    on_open(swap)
    assert refused(root, path) == "leads out of the directory through a link"


@posix
@pytest.mark.usefixtures("system")
def test_links_are_followed_as_long_as_they_stay_below(root: Path) -> None:
    (root / "link").symlink_to("a/b/file")
    (root / "up").symlink_to(root / "a" / "b")
    (root / "a" / "chain").symlink_to("../up")
    (root / "back").symlink_to("../root/a")
    (root / "self").symlink_to(".")
    for path in ("link", "up/file", "a/chain/file", "back/b/file", "self/self/a/b/file"):
        assert content(root, path) == b"inside"


@posix
@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("target", ["../outside", "/dev/null", "a/../../outside"])
def test_links_that_leave_are_refused(root: Path, target: str) -> None:
    (root / "link").symlink_to(target)
    assert refused(root, "link") == "leads out of the directory through a link"


@posix
@pytest.mark.usefixtures("system")
def test_a_directory_that_is_a_link_out_is_refused(root: Path) -> None:
    (root / "dir").symlink_to(root.parent)
    assert refused(root, "dir/outside") == "leads out of the directory through a link"


@posix
@pytest.mark.usefixtures("system")
def test_a_link_to_itself_is_refused(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    assert refused(root, "loop") == "is a link that leads to itself"


@posix
@pytest.mark.usefixtures("system")
def test_a_sibling_that_starts_alike_is_outside(root: Path) -> None:
    (root.parent / "root2").mkdir()
    (root.parent / "root2" / "file").write_bytes(b"")
    (root / "link").symlink_to("../root2/file")
    assert refused(root, "link") == "leads out of the directory through a link"


@posix
def test_a_held_directory_that_becomes_a_link_stays_what_it_was(root: Path) -> None:
    outside = root.parent / "other"
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    with ConfinedDirectory(root) as directory, directory.below("a/b") as inner:
        (root / "a" / "b").rename(root / "moved")
        (root / "a" / "b").symlink_to(outside)
        with inner.open("file")[0] as file:
            assert file.read() == b"inside"
        with pytest.raises(LinkOutError, match="leads out"):
            directory.open("a/b/file")


@posix
def test_a_directory_that_becomes_a_link_while_it_is_opened_leads_nowhere_else(root: Path, on_open: OnOpen) -> None:
    def swap(name: str) -> None:
        if name == "b" and not (root / "a" / "b").is_symlink():
            (root / "a" / "b").rename(root / "moved")
            (root / "a" / "b").symlink_to(root.parent)

    with ConfinedDirectory(root) as directory:
        on_open(swap)
        with pytest.raises(OSError, match="leads out"):
            directory.below("a/b")


@posix
@pytest.mark.usefixtures("system")
def test_the_directory_itself_may_be_a_link(root: Path) -> None:
    (root.parent / "latest").symlink_to(root)
    assert content(root.parent / "latest", "a/b/file") == b"inside"


@pytest.mark.usefixtures("system")
def test_a_directory_below_is_a_limit_of_its_own(root: Path) -> None:
    with ConfinedDirectory(root) as directory, directory.below("a") as inner:
        with inner.open("b/file")[0] as file:
            assert file.read() == b"inside"
        with inner.below("") as same, same.open("b/file")[0] as file:
            assert file.read() == b"inside"


@posix
@pytest.mark.usefixtures("system")
def test_a_link_out_of_a_directory_below_is_refused(root: Path) -> None:
    (root / "top").write_bytes(b"")
    (root / "a" / "link").symlink_to("../top")
    with ConfinedDirectory(root) as directory, directory.below("a") as inner, pytest.raises(OSError, match="leads out"):
        inner.open("link")


@posix
def test_a_directory_whose_name_leads_elsewhere_meanwhile_is_the_one_that_was_opened(root: Path) -> None:
    other = root.parent / "other"
    (other / "a").mkdir(parents=True)
    (other / "file").write_bytes(b"of the other")
    (root / "file").write_bytes(b"of the first")
    (root / "link").symlink_to("a/../file")
    (root / "absolute").symlink_to(root / "file")
    latest = root.parent / "latest"
    latest.symlink_to(root)
    with ConfinedDirectory(latest) as directory:
        latest.unlink()
        latest.symlink_to(other)
        assert directory.read("file", 100) == directory.read("link", 100) == b"of the first"
        if os.path.isdir("/proc/self/fd"):
            assert directory.read("absolute", 100) == b"of the first"


@posix
def test_a_directory_that_is_gone_has_no_path(root: Path) -> None:
    with ConfinedDirectory(root / "a" / "b") as directory:
        shutil.rmtree(root / "a")
        with pytest.raises(OSError, match="was replaced by another directory meanwhile"):
            directory.path  # noqa: B018


@posix
@pytest.mark.skipif(not confined._RELATIVE, reason="needs openat")
def test_a_directory_to_which_no_whole_path_leads(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deeper than the system takes a path, and read all the same from where its name leads to it."""
    below = tempfile.mkdtemp(dir=root)
    monkeypatch.chdir(below)
    name = "n" * 200
    for _ in range(os.pathconf(below, "PC_PATH_MAX") // len(name) + 1):
        os.mkdir(name)
        os.chdir(name)
    os.mkdir("here")
    Path("here", "file").write_bytes(b"deep")
    Path("here", "link").symlink_to("./file")
    Path("here", "up").symlink_to("../here/file")
    with ConfinedDirectory("here") as directory, ConfinedDirectory("") as around, around.below("here") as inner:
        for each in (directory, inner):
            assert os.path.samefile(each.path, "here")
            assert each.read("file", 100) == each.read("link", 100) == b"deep"
            with pytest.raises(OSError, match=r".+") as caught:
                each.read("up", 100)
            assert not isinstance(caught.value, LinkOutError)
        os.rename("here", "there")
        os.mkdir("here")
        with pytest.raises(OSError, match="was replaced by another directory meanwhile"):
            directory.path  # noqa: B018
    monkeypatch.undo()
    shutil.rmtree(below)


@posix
@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="needs O_PATH")
def test_a_directory_that_may_be_entered_but_not_listed_will_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[int] = []
    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, flag, **more: (flags.append(flag), opened(path, flag, **more))[1])
    with ConfinedDirectory(root) as directory:
        directory.below("a/b").close()
    assert all(flag & os.O_PATH for flag in flags)


@pytest.mark.usefixtures("system")
def test_a_directory_says_where_it_is_and_what_is_in_it(root: Path) -> None:
    with ConfinedDirectory(root) as directory, directory.below("a") as inner:
        assert directory.path == os.path.realpath(root)
        assert inner.path == os.path.realpath(root / "a")
        assert os.path.samestat(inner.stat("b/file"), os.stat(root / "a" / "b" / "file"))
        assert os.path.samestat(inner.stat(), os.stat(root / "a"))


@pytest.mark.usefixtures("system")
def test_a_file_is_no_directory(root: Path) -> None:
    with pytest.raises(NotADirectoryError):
        ConfinedDirectory(root / "a" / "b" / "file")


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ConfinedDirectory(tmp_path / "none")


@posix
@pytest.mark.usefixtures("system")
def test_a_file_that_was_named_may_be_anywhere(root: Path) -> None:
    (root / "named").symlink_to("../outside")
    with ConfinedDirectory(root) as directory:
        with directory.open_named("named")[0] as file:
            assert read_up_to(file, 3) == b"sec"
            assert read_up_to(file, 100) == b"ret"
        with pytest.raises(NotRegularError):
            directory.open_named("a")


def test_no_descriptor_is_left_open(root: Path) -> None:
    if os.path.isdir("/proc/self/fd"):
        before = os.listdir("/proc/self/fd")
        for path in ("a", "none", "a/none", "none/none", "a/b/file/none"):
            refused(root, path)
            with ConfinedDirectory(root) as directory, pytest.raises(OSError, match=r".+"):
                directory.below("a/b/none")
        assert os.listdir("/proc/self/fd") == before


def test_a_directory_is_below_itself_and_a_longer_name_is_not(root: Path) -> None:
    real = os.path.realpath(root)
    assert is_below(real, real)
    assert not is_below(real, f"{real}er/file")


_PATHS = st.lists(st.sampled_from(["a", "ab", "b"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(_PATHS, _PATHS)
def test_below_means_what_pathlib_means(root_: str, path: str) -> None:
    assert is_below(root_, path) == PurePosixPath(path).is_relative_to(root_)
