"""Files are opened below a directory, through whatever links, and never outside of it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.runtime.beneath import is_below, open_below, resolve_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = Path(os.path.realpath(tmp_path)) / "build"
    (root / "plugins" / "deep").mkdir(parents=True)
    (root / "a.cwasm").write_bytes(b"a")
    (root / "plugins" / "deep" / "b.cwasm").write_bytes(b"b")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "c.cwasm").write_bytes(b"c")
    return root


def read(root: Path, path: str) -> bytes:
    descriptor, status = open_below(str(root), path)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read()
    assert status.st_size == len(data)
    return data


def test_files_at_any_depth(root: Path) -> None:
    assert read(root, "a.cwasm") == b"a"
    assert read(root, "plugins/deep/b.cwasm") == b"b"


def test_links_that_stay_below_are_followed(root: Path) -> None:
    (root / "link.cwasm").symlink_to("plugins/deep/b.cwasm")
    (root / "shallow").symlink_to("plugins/deep", target_is_directory=True)
    assert read(root, "link.cwasm") == b"b"
    assert read(root, "shallow/b.cwasm") == b"b"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_links_that_leave_are_not(root: Path, kind: str) -> None:
    outside = root.parent / "outside"
    if kind == "file":
        (root / "out").symlink_to(outside / "c.cwasm")
    else:
        (root / "out").symlink_to(outside, target_is_directory=True)
    with pytest.raises(OSError, match="leads out of the directory through a link"):
        open_below(str(root), "out" if kind == "file" else "out/c.cwasm")


def test_what_is_no_regular_file_is_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with pytest.raises(OSError, match="is not a regular file"):
        open_below(str(root), "fifo")
    with pytest.raises(OSError, match="is a directory"):
        open_below(str(root), "plugins")
    with pytest.raises(FileNotFoundError):
        open_below(str(root), "none")


def test_no_descriptor_is_left_open(root: Path) -> None:
    os.mkfifo(root / "fifo")
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for path in ("fifo", "plugins", "none", "plugins/none", "none/none", "a.cwasm/none"):
        with pytest.raises(OSError, match=r".+"):
            open_below(str(root), path)
    if before:
        assert os.listdir("/proc/self/fd") == before


def test_a_directory_is_below_itself_and_a_longer_name_is_not(root: Path) -> None:
    assert resolve_below(str(root), "") == str(root)
    assert not is_below(str(root), f"{root}er/a.cwasm")


_PATHS = st.lists(st.sampled_from(["a", "ab", "b"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(_PATHS, _PATHS)
def test_below_means_what_pathlib_means(root_: str, path: str) -> None:
    assert is_below(root_, path) == PurePosixPath(path).is_relative_to(root_)
