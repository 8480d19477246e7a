"""The writer: whole files or none, and only what is ours is ever removed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from wasmbuild.builder.lock import Lock
from wasmbuild.builder.store import Store, record_path
from wasmbuild.errors import StoreError
from wasmbuild.files import signature
from wasmbuild.formats.manifest import Source
from wasmbuild.formats.record import Record

ARTIFACT = b"\x7fELF made"


def record(id: str = "add@x64", data: bytes = ARTIFACT) -> Record:
    digest = hashlib.sha256(data).hexdigest()
    return Record(id, "a" * 64, {}, len(data), digest, "module", Source("add.wat", "b" * 64), "c" * 64, (), ())


def made(store: Store, data: bytes = ARTIFACT) -> Path:
    path = store.scratch() / "0.cwasm"
    path.write_bytes(data)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / "build")
    opened.lock()
    return opened


def test_publishing_puts_the_record_beside_the_artifact(store: Store) -> None:
    path = store.root / "x64" / "add.cwasm"
    store.publish(path, made(store), record())
    assert path.read_bytes() == ARTIFACT
    assert Record.from_bytes(record_path(path).read_bytes(), where="") == record()
    store.unlock()
    assert sorted(child.name for child in store.root.iterdir()) == [".wasmbuild", "x64"]


def test_a_running_process_keeps_the_old_artifact(store: Store) -> None:
    path = store.root / "x64" / "add.cwasm"
    store.publish(path, made(store), record())
    with path.open("rb") as mapped:
        store.publish(path, made(store, b"new"), record(data=b"new"))
        assert mapped.read() == ARTIFACT
    assert path.read_bytes() == b"new"


def test_an_artifact_that_has_the_bytes_already_is_untouched(store: Store) -> None:
    path = store.root / "x64" / "add.cwasm"
    store.publish(path, made(store), record())
    before = signature(path.stat())
    store.publish(path, made(store), record())
    assert signature(path.stat()) == before


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_files_have_the_modes_of_any_file(store: Store) -> None:
    old = os.umask(0o027)
    try:
        store.write(store.root / "x", b"")
    finally:
        os.umask(old)
    assert (store.root / "x").stat().st_mode & 0o777 == 0o640


def test_what_a_killed_build_left_is_removed_and_nothing_else(store: Store) -> None:
    store.unlock()
    for name in (".wasmbuild-1/0.cwasm", "x64/.wasmbuild-2", "x64/deep/.wasmbuild-3", ".wasmbuild/.wasmbuild-4"):
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left")
    (store.root / "x64/mine").write_text("mine")
    store.lock()
    store.remove_leftovers()
    left = sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())
    assert left == [".wasmbuild/lock", "x64/mine"]


def test_what_is_written_without_the_lock_goes_when_it_is_a_day_old(store: Store) -> None:
    day = 24 * 3600
    for name, age in (("young", day - 60), ("old", day + 60)):
        for path in (store.root / f".wasmbuild-alone-{name}{rest}" for rest in ("/.wasmbuild-1", "-file")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            for aged in {path, path.parent} - {store.root}:
                os.utime(aged, (time.time() - age,) * 2)
    store.unlock()
    store.lock()
    store.remove_leftovers()
    left = sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob(".wasmbuild-*"))
    assert left == [".wasmbuild-alone-young", ".wasmbuild-alone-young-file", ".wasmbuild-alone-young/.wasmbuild-1"]


def test_what_is_written_without_the_lock_is_safe_from_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def builds_first(*paths: str) -> None:
        monkeypatch.undo()
        build = Store(tmp_path)
        build.lock()
        build.remove_leftovers()
        build.unlock()
        replace(*paths)

    monkeypatch.setattr(os, "replace", builds_first)
    Store(tmp_path).write(tmp_path / "engine.h", b"bytes")
    assert (tmp_path / "engine.h").read_bytes() == b"bytes"


def test_orphans_are_artifacts_of_ours_alone(store: Store) -> None:
    for id, name in [
        ("add@x64", "x64/add"),
        ("old@x64", "x64/old"),
        ("a/b@gone", "gone/a/b"),
        ("other@x64", "x64/liar"),
    ]:
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        store.publish(store.root / f"{name}.cwasm", made(store), record(id))
    (store.root / "x64/mine.cwasm").write_bytes(b"mine")
    (store.root / "x64/odd.cwasm.json").write_text("{}")
    orphans = store.orphans(store.files(), {store.root / "x64/add.cwasm"})
    assert sorted(path.relative_to(store.root).as_posix() for path in orphans) == ["gone/a/b.cwasm", "x64/old.cwasm"]


def test_empty_directories_are_swept_up_to_the_build_directory(store: Store) -> None:
    deep = store.root / "gone" / "a"
    deep.mkdir(parents=True)
    store.sweep(deep)
    assert not (store.root / "gone").exists()
    store.sweep(store.root)
    assert store.root.is_dir()


def test_a_failed_write_leaves_the_old_file_and_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.root / "x"
    store.write(path, b"old")
    (store.root / "directory").mkdir()
    with pytest.raises(StoreError, match="cannot be written: "):
        store.write(store.root / "directory", b"new")
    assert path.read_bytes() == b"old"
    assert not list(store.root.glob(".wasmbuild-*"))


def test_the_lock_is_one_processes_and_survives_its_file_being_deleted(store: Store) -> None:
    other = Lock(store.root / ".wasmbuild" / "lock")
    with pytest.raises(StoreError, match="has not ended within 0 s; wait for it to end"):
        other.acquire(timeout=0)
    store.unlock()
    assert other.acquire(timeout=0) is False
    (store.root / ".wasmbuild" / "lock").unlink()
    other.release()
    assert other.acquire(timeout=0) is False
    other.release()


def test_the_clock_needs_the_lock(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the lock is not held"):
        Lock(tmp_path / "lock").clock()
