"""A directory beside an output that one process writes into; what killed ones left for the same output goes first."""

from __future__ import annotations

import os

from wasmbuild import locks
from wasmbuild.builder import disk
from wasmbuild.builder.disk import ALONE_PREFIX, REPLACING, as_disk_error, delete
from wasmbuild.digest import is_hex, sha256_hex
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Locked by the process whose directory it is. A directory without it is one that is being made or deleted.
_HELD = "held"
_RANDOM_BYTES = 8
_NEW_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_CAN_DELETE_WHAT_IS_OPEN = os.name == "posix"


@contextmanager
def directory_beside(out: Path) -> Iterator[Path]:
    """Make a directory that nobody else writes into or deletes, on the file system of ``out``. Raises DiskError."""
    # A digest, lest one output's name be the beginning of another's, and because names may not be too long.
    prefix = f"{ALONE_PREFIX}{sha256_hex(os.fsencode(out.name))[:16]}-"
    # Absolute, because a compiler runs in it.
    parent = Path(os.path.abspath(out.parent))
    for name in _names(parent):
        if name.startswith(prefix) and is_hex(name.removeprefix(prefix), 2 * _RANDOM_BYTES):
            _delete_unless_held(parent / name)
    while (made := _make(parent / f"{prefix}{os.urandom(_RANDOM_BYTES).hex()}", out)) is None:
        pass  # it was taken for a leftover before it was held
    directory, descriptor = made
    try:
        yield directory
    finally:
        os.close(descriptor)
        delete(directory)


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _make(directory: Path, out: Path) -> tuple[Path, int] | None:
    """Make and hold a directory; None when another process came between the two."""
    disk.make(directory, REPLACING, out)
    held = directory / _HELD
    with as_disk_error(out, "written", REPLACING):
        try:
            descriptor = os.open(held, _NEW_FLAGS, 0o600)
        except (FileExistsError, FileNotFoundError):
            return None
    try:
        if locks.try_lock(descriptor) and locks.is_current(descriptor, held):
            return directory, descriptor
    except OSError:  # a file system without locks, where nobody takes anything for a leftover
        return directory, descriptor
    os.close(descriptor)
    return None


def _delete_unless_held(directory: Path) -> None:
    if os.path.islink(directory):
        # We make none, and what it leads to is not ours to look into.
        delete(directory)
        return
    try:
        descriptor = locks.opened(directory / _HELD, 0o600)
    except OSError:  # it has gone, or is not ours
        return
    try:
        if not locks.try_lock(descriptor):
            return
        if _CAN_DELETE_WHAT_IS_OPEN:
            delete(directory)
    except OSError:
        return
    finally:
        os.close(descriptor)
    if not _CAN_DELETE_WHAT_IS_OPEN:
        delete(directory)
