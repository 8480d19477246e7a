"""What is said where the lock of a build directory cannot be taken."""

from __future__ import annotations

import errno
import ntpath
import os
import posixpath
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from wasmbuild.builder import lock
from wasmbuild.builder.lock import Lock
from wasmbuild.errors import DiskError


@pytest.mark.parametrize(
    ("system", "path"), [(ntpath, r"Z:\out\.wasmbuild\lock"), (ntpath, r"\\host\share\lock"), (posixpath, "gone/lock")]
)
def test_a_drive_that_is_not_there_is_looked_for_once(
    system: ModuleType, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "os", SimpleNamespace(path=system))
    monkeypatch.setattr(lock.files, "seen_from_here", str)
    said = lock._cannot_open(path, OSError(3, "The system cannot find the path specified"))  # type: ignore[arg-type]
    assert said.startswith(f"{path}: cannot lock the build directory: The system cannot find the path specified; make ")


def test_what_stands_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="what has to be its directory is a file"):
        Lock(tmp_path / "file" / "state" / "lock").acquire()


def test_a_limit_on_the_size_of_files_is_told_to_be_raised() -> None:
    """In another directory they may not get larger."""
    error = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    assert lock._cannot_open(Path("build/lock"), error).endswith(
        "lock: cannot lock the build directory: File too large; files may not get that large here; raise the limit "
        "(ulimit -f)"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
@pytest.mark.parametrize(
    "put", [Path.mkdir, os.mkfifo, *(partial(os.symlink, leads_to) for leads_to in ("lock", "gone/lock", "kept", "."))]
)
def test_what_is_no_file_in_its_place_is_told_to_be_moved_away(put: Callable[[Path], None], tmp_path: Path) -> None:
    path, kept = tmp_path / "lock", tmp_path / "kept"
    kept.write_text("kept")
    put(path)
    with pytest.raises(DiskError, match="is no regular file; move it away, or"):
        Lock(path).acquire()
    assert kept.read_text() == "kept"
    path.rename(tmp_path / "away")
    lock = Lock(path)
    lock.acquire()
    lock.release()
