"""Files written whole or not at all, and what to tell people when that cannot be."""

from __future__ import annotations

import errno
import os

from wasmbuild import confined, files
from wasmbuild.boundary import NO_ROOM, host_fix
from wasmbuild.errors import DiskError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.files import Signature

TEMPORARY_PREFIX = ".wasmbuild-"
ALONE_PREFIX = f"{TEMPORARY_PREFIX}alone-"
"""What is written without the lock of a build directory, which may be in one all the same: a build lets it be."""

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
# ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION: Windows replaces no file that a program has open.
_IN_USE = (5, 32)


class Advice(NamedTuple):
    """What to do when a file cannot be written: the disk is full, it is forbidden, it is gone, or anything else."""

    full: str
    forbidden: str
    gone: str
    other: str


REPLACING = Advice(
    full="free some space and try again; what was there before is still whole",
    forbidden="check that you may write there, or name another file",
    gone="its directory was removed or moved meanwhile, or takes no files; try again, or name another file",
    other="nothing was lost; try again when this is mended, or name another file",
)
"""What to do when a file that a user named cannot be replaced."""
BUILDING = Advice(
    full="free some space and build again; what was there before is still whole",
    forbidden="check that you may write there, or set another build-dir",
    gone="something removed or moved the build directory while it was built; build again",
    other="nothing was lost; build again when this is mended",
)
"""What to do when a file of a build directory cannot be used."""


def write(path: Path | str, data: bytes, advice: Advice, prefix: str = ALONE_PREFIX) -> Signature | None:
    """Replace a file with new bytes, whole or not at all; directories that are missing are made. Raises DiskError.

    ``prefix`` is the start of the name that the bytes have until then. Returns what ``files.stamp`` said of them.
    """
    return write_parts(path, (data,), advice, prefix)


def write_parts(path: Path | str, parts: Iterable[bytes], advice: Advice, prefix: str) -> Signature | None:
    """Do what ``write`` does, with one part of the bytes after the other."""
    with as_disk_error(path, "written", advice):
        return files.replace(
            path, _temporary(path, prefix), parts, lambda: os.makedirs(os.path.dirname(path), exist_ok=True)
        )


def move(made: Path | str, path: Path | str, advice: Advice, prefix: str = ALONE_PREFIX) -> None:
    """Replace a file by another one on the same file system, whole or not at all. Raises DiskError."""
    with as_disk_error(path, "written", advice):
        try:
            os.replace(made, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The target's directory is a mount of its own: get onto it first.
            import shutil

            copy = _temporary(path, prefix)
            try:
                shutil.copyfile(made, copy)
                os.replace(copy, path)
            finally:
                delete(copy)


def make(directory: Path, advice: Advice, out: Path | None = None) -> None:
    """Make a directory that only this user may enter, and those above it. Raises DiskError.

    ``out`` is what it is made for, of which errors tell where the user has named that alone.
    """
    with as_disk_error(directory, "made", advice) if out is None else as_disk_error(out, "written", advice):
        os.makedirs(directory.parent, exist_ok=True)
        os.mkdir(directory, 0o700)


def _temporary(path: Path | str, prefix: str) -> str:
    return os.path.join(os.path.dirname(path), f"{prefix}{os.urandom(8).hex()}")


def holds(path: Path | str, size: int, sha256: str) -> bool:
    """Tell whether a regular file at the path has so many bytes and this digest."""
    # Most often there is none, and to be told so by an exception takes ten times as long.
    if not os.access(path, os.R_OK):
        return False
    try:
        with files.open_regular(path, follow=False) as file:
            if os.fstat(file.fileno()).st_size != size:
                return False
            return files.sha256_of(file)[0] == sha256
    except OSError:
        return False


def delete(path: Path | str) -> None:
    """Delete a file or directory of ours as far as it can be deleted."""
    if os.path.isdir(path) and not os.path.islink(path):
        if not _delete_flat(path):
            import shutil

            shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


def _delete_flat(path: Path | str) -> bool:
    """Delete a directory that holds files alone; tell whether that was done.

    Most of ours do, and to import what deletes any takes longer than many a build.
    """
    if os.unlink not in os.supports_dir_fd:
        return False
    try:
        directory = os.open(path, _DIRECTORY)
        try:
            for name in os.listdir(directory):
                os.unlink(name, dir_fd=directory)
        finally:
            os.close(directory)
        os.rmdir(path)
    except OSError:
        return False
    return True


def leads_out(real_root: str, directory: str) -> DiskError | None:
    """Return what is wrong with a directory that lies below another one, with no link in its path, by its name alone.

    What is written or removed there would be so somewhere else.
    """
    if confined.is_below(real_root, os.path.realpath(directory)):
        return None
    return DiskError(
        f"{directory} {confined.LinkOutError().strerror}: nothing there would be loaded; remove the link, or set "
        f"build-dir to a directory on that disk"
    )


def is_forbidden(error: DiskError) -> bool:
    """Tell whether something cannot be written because nothing there can be, or is to be: a link leads to it."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (*_FORBIDDEN, errno.ELOOP)


class as_disk_error:  # noqa: N801 -- as contexts of the standard library are named
    """Turns an OSError into the DiskError that a path cannot be ``written``, or whatever the verb is."""

    def __init__(self, path: Path | str, verb: str, advice: Advice) -> None:
        self._path = path
        self._verb = verb
        self._advice = advice

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in NO_ROOM:
            fix = self._advice.full
        elif error.errno in _FORBIDDEN:
            in_use = getattr(error, "winerror", None) in _IN_USE
            fix = f"{'close what has it open, or ' if in_use else ''}{self._advice.forbidden}"
        elif error.errno == errno.EFBIG:
            fix = host_fix(errno.EFBIG)
        elif error.errno == errno.ENOENT:
            fix = self._advice.gone
        elif isinstance(error, (NotADirectoryError, FileExistsError)):
            fix = "a part of the path is a file, or a link that leads nowhere; move that away, or name another path"
        else:
            fix = self._advice.other
        raise DiskError(f"{self._path}: cannot be {self._verb}: {error.strerror or error}; {fix}") from error
