"""The writer: whole files or none, and only what is ours is ever removed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wasmbuild import locks
from wasmbuild.builder import disk
from wasmbuild.builder.build_directory import BuildDirectory, record_path
from wasmbuild.builder.lock import Lock
from wasmbuild.errors import DiskError
from wasmbuild.files import signature
from wasmbuild.formats.documents import Source
from wasmbuild.formats.record import Record

ARTIFACT = b"\x7fELF made"


def record(id: str = "add@x64", data: bytes = ARTIFACT) -> Record:
    digest = hashlib.sha256(data).hexdigest()
    return Record(id, "a" * 64, {}, len(data), digest, "module", Source("add.wat", "b" * 64), "c" * 64, (), ())


def made(directory: BuildDirectory, data: bytes = ARTIFACT) -> Path:
    path = directory.scratch() / "0.cwasm"
    path.write_bytes(data)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> BuildDirectory:
    opened = BuildDirectory(tmp_path / "build")
    opened.lock()
    return opened


def test_publishing_puts_the_record_beside_the_artifact(directory: BuildDirectory) -> None:
    path = directory.root / "x64" / "add.cwasm"
    directory.publish(path, made(directory), record())
    assert path.read_bytes() == ARTIFACT
    assert Record.from_bytes(record_path(path).read_bytes(), where="") == record()
    directory.unlock()
    assert sorted(child.name for child in directory.root.iterdir()) == [".wasmbuild", "x64"]


def test_a_running_process_keeps_the_old_artifact(directory: BuildDirectory) -> None:
    path = directory.root / "x64" / "add.cwasm"
    directory.publish(path, made(directory), record())
    with path.open("rb") as mapped:
        directory.publish(path, made(directory, b"new"), record(data=b"new"))
        assert mapped.read() == ARTIFACT
    assert path.read_bytes() == b"new"


def test_an_artifact_that_has_the_bytes_already_is_untouched(directory: BuildDirectory) -> None:
    path = directory.root / "x64" / "add.cwasm"
    directory.publish(path, made(directory), record())
    before = signature(path.stat())
    directory.publish(path, made(directory), record())
    assert signature(path.stat()) == before


def test_an_artifact_that_is_known_is_not_read_to_be_replaced(
    directory: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory.root / "x64" / "add.cwasm"
    directory.publish(path, made(directory), record())
    directory.memory.now = 2**62
    directory.memory.look(path, follow=False)
    reading = []
    monkeypatch.setattr(disk, "holds", lambda *asked: reading.append(asked))
    directory.publish(path, made(directory, b"new"), record(data=b"new"))
    assert path.read_bytes() == b"new"
    assert not reading


def test_an_artifact_that_somebody_changed_is_replaced_whatever_is_known_of_it(directory: BuildDirectory) -> None:
    path = directory.root / "x64" / "add.cwasm"
    directory.publish(path, made(directory), record())
    directory.memory.now = 2**62
    directory.memory.look(path, follow=False)
    path.write_bytes(b"other")
    directory.publish(path, made(directory), record())
    assert path.read_bytes() == ARTIFACT


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_files_have_the_modes_of_any_file(directory: BuildDirectory) -> None:
    old = os.umask(0o027)
    try:
        directory.write(directory.root / "x", b"")
    finally:
        os.umask(old)
    assert (directory.root / "x").stat().st_mode & 0o777 == 0o640


def temporary(number: int, prefix: str = disk.TEMPORARY_PREFIX) -> str:
    return f"{prefix}{number:016x}"


def test_what_a_killed_build_left_is_removed_and_nothing_else(directory: BuildDirectory) -> None:
    directory.unlock()
    left = [f"{temporary(1)}/0.cwasm", f"x64/{temporary(2)}", f"x64/deep/{temporary(3)}", f".wasmbuild/{temporary(4)}"]
    others = ["x64/mine", ".wasmbuild-state/lock", "x64/.wasmbuild-notes/x", ".wasmbuild-1", f"x64/{temporary(5)}0"]
    for name in left + others:
        path = directory.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left")
    directory.lock()
    directory.remove_leftovers()
    there = sorted(path.relative_to(directory.root).as_posix() for path in directory.root.rglob("*") if path.is_file())
    assert there == sorted([".wasmbuild/lock", *others])


def test_what_another_build_makes_below_is_left_to_it(directory: BuildDirectory) -> None:
    nested = BuildDirectory(directory.root / "x64" / "release")
    nested.lock()
    made_there = made(nested)
    nested.publish(nested.root / "release" / "add.cwasm", made(nested), record("x64/release/release/add@x64"))
    made_there.touch()
    (directory.root / "x64" / "own").touch()
    directory.remove_leftovers()
    assert made_there.exists()
    assert {Path(path).relative_to(directory.root).parts[1] for path in directory.files()} == {"lock", "own"}
    nested.unlock()


def test_what_is_written_without_the_lock_goes_when_it_is_a_day_old(directory: BuildDirectory) -> None:
    day = 24 * 3600
    young, old = (temporary(number, disk.ALONE_PREFIX) for number in (1, 2))
    within = temporary(3)
    for name, age in ((young, day - 60), (old, day + 60)):
        # As a file has one, and as a directory beside an output.
        for path in (directory.root / f"{name}{rest}" for rest in (f"-{4:016x}/{within}", "")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            for aged in {path, path.parent} - {directory.root}:
                os.utime(aged, (time.time() - age,) * 2)
    directory.unlock()
    directory.lock()
    directory.remove_leftovers()
    left = sorted(path.relative_to(directory.root).as_posix() for path in directory.root.rglob(".wasmbuild-*"))
    assert left == [young, f"{young}-{4:016x}", f"{young}-{4:016x}/{within}"]


def test_what_is_written_without_the_lock_is_safe_from_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def builds_first(*paths: str) -> None:
        monkeypatch.undo()
        build = BuildDirectory(tmp_path)
        build.lock()
        build.remove_leftovers()
        build.unlock()
        replace(*paths)

    monkeypatch.setattr(os, "replace", builds_first)
    BuildDirectory(tmp_path).write(tmp_path / "engine.h", b"bytes")
    assert (tmp_path / "engine.h").read_bytes() == b"bytes"


def test_orphans_are_artifacts_of_ours_alone(directory: BuildDirectory) -> None:
    for id, name in [
        ("add@x64", "x64/add"),
        ("old@x64", "x64/old"),
        ("a/b@gone", "gone/a/b"),
        ("other@x64", "x64/liar"),
    ]:
        (directory.root / name).parent.mkdir(parents=True, exist_ok=True)
        directory.publish(directory.root / f"{name}.cwasm", made(directory), record(id))
    (directory.root / "x64/mine.cwasm").write_bytes(b"mine")
    (directory.root / "x64/odd.cwasm.json").write_text("{}")
    orphans = directory.orphans(directory.files(), {str(directory.root / "x64/add.cwasm")})
    assert sorted(path.relative_to(directory.root).as_posix() for path in orphans) == [
        "gone/a/b.cwasm",
        "x64/old.cwasm",
    ]


def test_empty_directories_are_swept_up_to_the_build_directory(directory: BuildDirectory) -> None:
    deep = directory.root / "gone" / "a"
    deep.mkdir(parents=True)
    directory.sweep(deep)
    assert not (directory.root / "gone").exists()
    directory.sweep(directory.root)
    assert directory.root.is_dir()


def test_a_failed_write_leaves_the_old_file_and_no_other(
    directory: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory.root / "x"
    directory.write(path, b"old")
    (directory.root / "directory").mkdir()
    with pytest.raises(DiskError, match="cannot be written: "):
        directory.write(directory.root / "directory", b"new")
    assert path.read_bytes() == b"old"
    assert not list(directory.root.glob(".wasmbuild-*"))


def test_the_lock_is_one_processes_and_survives_its_file_being_deleted(directory: BuildDirectory) -> None:
    other = Lock(directory.root / ".wasmbuild" / "lock")
    with pytest.raises(DiskError, match="has not ended within 0 s; wait for it to end"):
        other.acquire(timeout=0)
    directory.unlock()
    assert other.acquire(timeout=0) is False
    (directory.root / ".wasmbuild" / "lock").unlink()
    other.release()
    assert other.acquire(timeout=0) is False
    other.release()


def test_one_at_a_time_whatever_remembers_it(directory: BuildDirectory, tmp_path: Path) -> None:
    """Two builds of one directory may keep what they remember, and their locks, in two places."""
    other = BuildDirectory(directory.root, tmp_path / "state")
    with pytest.raises(DiskError, match="another process is building here"):
        other.lock(timeout=0)
    directory.unlock()
    assert other.lock(timeout=0) is False
    with pytest.raises(DiskError, match="another process"):
        directory.lock(timeout=0)
    other.unlock()
    assert directory.lock(timeout=0) is False


@pytest.mark.parametrize("refusing", ["open", "flock"])
def test_where_no_directory_can_be_locked_the_file_is(
    refusing: str, directory: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows opens no directory, and NFS locks none that is open for reading alone."""
    directory.unlock()

    def refuse(module: ModuleType, name: str, is_directory: Callable[[Any], bool]) -> None:
        real = getattr(module, name)

        def call(first: Any, *arguments: Any) -> Any:
            if is_directory(first):
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return real(first, *arguments)

        monkeypatch.setattr(module, name, call)

    if refusing == "open":
        refuse(os, "open", lambda path: os.path.isdir(path))
    else:
        refuse(locks.fcntl, "flock", lambda descriptor: stat.S_ISDIR(os.fstat(descriptor).st_mode))
    assert directory.lock(timeout=0) is False
    assert not BuildDirectory(directory.root)._lock._try_once()


def test_a_lock_that_cannot_be_written_is_let_go_whole(
    directory: BuildDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    directory.unlock()
    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        with pytest.raises(DiskError, match="No space left"):
            directory.lock(timeout=0)
    assert directory.lock(timeout=0) is False


def test_the_clock_needs_the_lock(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the lock is not held"):
        Lock(tmp_path / "lock").clock()


def test_what_is_remembered_is_not_deleted_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("lock", "noop.json", "state.tsv"):
        (elsewhere / name).touch()
    root = tmp_path / "build"
    root.mkdir()
    (root / ".wasmbuild").symlink_to(elsewhere)
    BuildDirectory(root).delete_state()
    assert len(list(elsewhere.iterdir())) == 3
    BuildDirectory(root, elsewhere).delete_state()
    assert not elsewhere.exists()
