"""The directory of installed toolchains: its only writer. What has its name there is whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from wasmbuild import boundary, locks, usercache
from wasmbuild.errors import DiskError
from wasmbuild.files import Signature, signature
from wasmbuild.installing import examine
from wasmbuild.toolchain import installed
from wasmbuild.toolchain.installed import LONG_AGO, PROGRAM, RECORD, TOOLCHAINS, Archive, InstallRecord

_PREFIX = ".installing-"
_POLL_SECONDS = 0.1
_FULL = (*boundary.NO_ROOM, errno.EFBIG)


@contextlib.contextmanager
def alone(say: Callable[[str], object], kind: str = TOOLCHAINS) -> Iterator[Path]:
    """Let one process at a time change what is installed; give a directory for it to work in, which goes at the end.

    What killed processes left is removed first. ``say`` is told once when another one is at work.

    Raises DiskError.
    """
    root = _root(kind)
    with _unchanged_time(root), _locked(root, say):
        for leftover in root.glob(f"{_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(dir=root, prefix=_PREFIX))
        try:
            yield scratch
        except OSError as error:
            # What writes to an open file does not say where that is; all of it is here.
            if error.filename is None and error.errno in _FULL:
                error.filename = str(root)
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _unchanged_time(root: Path) -> Iterator[None]:
    """Give the directory its time back where the same is installed in the end: other builds watch it, and would begin.

    The work lies in it all the same. What is beside it may be on another file system, or others may write there; and
    Cargo watches all that is below, so that a folder for it would begin builds as well.
    """
    status, before = root.stat(), _installed(root)
    try:
        yield
    finally:
        if _installed(root) == before:
            os.utime(root, ns=(status.st_atime_ns, status.st_mtime_ns))


def _installed(root: Path) -> dict[str, Signature]:
    """Return what is installed, with what tells it from another directory of the same name."""
    with os.scandir(root) as entries:
        there = [entry for entry in entries if not entry.name.startswith(".")]
        return {entry.name: signature(entry.stat(follow_symlinks=False)) for entry in there}


@contextlib.contextmanager
def _locked(root: Path, say: Callable[[str], object]) -> Iterator[None]:
    lock = root / ".lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        # Cargo watches the files in the directory too.
        os.utime(lock, (LONG_AGO, LONG_AGO))
        if not locks.try_lock(descriptor):
            say("another installation is going on; waiting for it to end")
            while not locks.try_lock(descriptor):
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def write_executable(path: Path, parts: Iterable[bytes]) -> None:
    """Write an executable and let nobody run it before all of it is on the disk."""
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o755)


def publish(made: Path, source: str, archive: Archive | None = None, *, wanted: str | None = None) -> Path:
    """Give an executable that lies in a directory of ``alone`` its place, and return it there.

    ``wanted`` is what was asked for: a version, or the beginning of one.

    Raises ToolchainError where it is no such Wasmtime, does not run here, or does not compile.
    """
    identity = examine.for_this_machine(made, source, wanted, "nothing was installed; name another executable")
    final = installed.directory() / installed.name(identity.version, identity.sha256)
    if os.path.isdir(final) and digest(final / PROGRAM) == identity.sha256:
        return final / PROGRAM
    record = InstallRecord(identity.version, source, identity.sha256, made.stat().st_size, archive)
    folder = Path(tempfile.mkdtemp(dir=made.parent))
    made.replace(folder / PROGRAM)
    (folder / RECORD).write_bytes(record.to_bytes())
    put(folder, final)
    return final / PROGRAM


def put(folder: Path, final: Path) -> None:
    """Give a directory that lies in one of ``alone`` its place; what was there is damaged."""
    folder.chmod(0o755)
    if os.path.lexists(final):
        final.replace(folder.with_name("damaged"))
    folder.replace(final)


def remove(folder: Path, scratch: Path) -> None:
    """Remove what is installed in a directory, all at once. ``scratch`` is a directory of ``alone``."""
    folder.replace(scratch / folder.name)


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file as it is now, None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _root(kind: str) -> Path:
    try:
        root = installed.directory(kind)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except RuntimeError as error:
        raise DiskError("the system knows no home directory of yours to install into; set HOME") from error
    if not usercache.is_own(root.stat(), stat.S_IFDIR):
        problem = "is not yours alone, so that others could change what compiles"
        raise DiskError(f"{root}: {problem}; run: chmod 755 {shlex.quote(str(root))}")
    return root
