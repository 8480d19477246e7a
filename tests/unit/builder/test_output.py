"""Output that a user names: a regular file is replaced, whatever else is there is written into and stays."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from wasmbuild.builder import output
from wasmbuild.errors import DiskError, UsageError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="devices and links of POSIX")


def device(directory: Path, name: str, major: int, minor: int, kind: int = stat.S_IFCHR) -> Path:
    """Make a device of our own: nothing of the machine's is named in a test."""
    path = directory / name
    try:
        os.mknod(path, 0o600 | kind, os.makedev(major, minor))
        if kind == stat.S_IFCHR:
            path.open("wb").close()
    except OSError:
        pytest.skip("only root may make devices, where the file system takes them")
    return path


def test_a_regular_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x"
    output.write(path, b"old")
    with path.open("rb") as opened:
        output.write(path, b"new")
        assert opened.read() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["x"]


def test_a_device_stays_one(tmp_path: Path) -> None:
    null = device(tmp_path, "null", 1, 3)
    output.write(null, b"bytes")
    assert stat.S_ISCHR(null.lstat().st_mode)
    assert os.listdir(tmp_path) == ["null"]


def test_a_full_device_is_told(tmp_path: Path) -> None:
    full = device(tmp_path, "full", 1, 7)
    with pytest.raises(DiskError) as error:
        output.write(full, b"bytes")
    assert str(error.value) == (
        f"{full}: cannot be written: No space left on device; free some space there and try again"
    )
    assert stat.S_ISCHR(full.lstat().st_mode)


def test_a_fifo_gets_the_bytes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        try:
            output.write(fifo, b"bytes")
            assert stat.S_ISFIFO(fifo.lstat().st_mode)
            assert reader.communicate(timeout=60)[0] == b"bytes"
        finally:
            reader.kill()


@pytest.mark.parametrize("through", [[], ["link"], ["link", "other"]])
def test_an_open_descriptor_is_written_where_it_stands(through: list[str], tmp_path: Path) -> None:
    """As ``/dev/stdout`` is one: what was written to it before and what comes after stay."""
    with (tmp_path / "file").open("wb") as opened:
        path = Path(f"/proc/self/fd/{opened.fileno()}")
        if not path.parent.is_dir():
            pytest.skip("this system has no /proc")
        for name in through:
            (tmp_path / name).symlink_to(path)
            path = tmp_path / name
        os.write(opened.fileno(), b"before ")
        output.write(path, b"bytes")
        os.write(opened.fileno(), b" after")
    assert (tmp_path / "file").read_bytes() == b"before bytes after"
    assert all((tmp_path / name).is_symlink() for name in through)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_and_stays(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "elsewhere" / "file"
    if there:
        output.write(target, b"old")
    link = tmp_path / "link"
    link.symlink_to(Path("elsewhere", "file"))
    output.write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(target.parent) == ["file"]


def test_what_is_no_place_for_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for name in (".", "link"):
        with pytest.raises(UsageError) as usage:
            output.write(tmp_path / name, b"")
        assert str(usage.value) == f"{tmp_path / name}: is a directory; name the file that is to be written in it"
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DiskError) as store:
        output.write(tmp_path / "loop", b"")
    assert str(store.value).startswith(f"{tmp_path / 'loop'}: cannot be written: ")
    assert str(store.value).endswith("; nothing was lost; try again when this is mended, or name another file")
    assert (tmp_path / "loop").is_symlink()


def test_a_socket_is_refused() -> None:
    # In a directory of its own, because the name of a socket may not be long.
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as bound:
        path = Path(directory, "socket")
        bound.bind(str(path))
        with pytest.raises(UsageError) as error:
            output.write(path, b"")
        assert str(error.value) == (f"{path}: is a socket or a disk, not a file; name the file that is to be written")
        assert path.is_socket()


def test_a_file_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError) as error:
        output.write(tmp_path / "file" / "x", b"")
    assert str(error.value) == (
        f"{tmp_path / 'file' / 'x'}: cannot be written: Not a directory; a part of the path is a file, or a link "
        f"that leads nowhere; move that away, or name another path"
    )


def test_the_same_file_by_any_name(tmp_path: Path) -> None:
    file, hard, link, dangling = (tmp_path / name for name in ("file", "hard", "link", "dangling"))
    file.write_bytes(b"")
    hard.hardlink_to(file)
    link.symlink_to(file)
    dangling.symlink_to("new")
    for one, other in [
        (file, file), (file, link), (file, hard), (dangling, tmp_path / "new"), (tmp_path / "a", tmp_path / "b/../a"),
    ]:  # fmt: skip
        assert output.is_same(one, other)
        assert output.is_same(other, one)
    for one, other in [(file, tmp_path / "new"), (file, dangling), (tmp_path / "a", tmp_path / "b")]:
        assert not output.is_same(one, other)
        assert not output.is_same(other, one)


def test_a_device_is_no_file_that_two_outputs_share(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert not output.is_same(fifo, fifo)
    assert sys.platform != "linux" or not output.is_same(Path(os.devnull), Path(os.devnull))
