"""Release archives, read without trust: one folder of regular files, of which the executable is taken."""

from __future__ import annotations

import base64
import csv
import errno
import gzip
import hashlib
import io
import lzma
import os
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from wasmbuild.errors import WRONG_REQUEST, FormatError
from wasmbuild.lean.typing import IO
from wasmbuild.text import printable

MAX_MEMBER = 1 << 30
"""The most bytes that a member of an archive may have; the executables of upstream have 30 to 60 million."""
_MAX_MEMBERS = 1000
_CHUNK = 1 << 20
_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
# A header that claims more is none of an archive of programs.
_MAX_READ = 16 << 20

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    # Of a member that is encrypted too.
    RuntimeError,
    ValueError,
)


class ArchiveError(FormatError):
    """A file that was named is no archive of a release, is damaged, or holds what no release does."""

    exit_code = WRONG_REQUEST


@contextmanager
def executable(path: Path, program: str, scratch: Path, *, shown: str) -> Iterator[Iterator[bytes]]:
    """Give the bytes of the executable in an archive, a part at a time; every member before it is looked at first.

    ``program`` is its file name, ``scratch`` a directory for what is unpacked meanwhile, ``shown`` what people call
    the archive. Raises ArchiveError, OSError.
    """
    with _as_format_error(shown):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as opened, opened.open(_zip_member(opened, program, shown)) as member:
                yield _parts(member, shown)
        else:
            # Looking at all members of a compressed archive before one is read would decompress it twice.
            with path.open("rb") as file, tempfile.TemporaryFile(dir=scratch) as plain:
                _decompress(file, plain, shown)
                with tarfile.open(fileobj=_BoundedReads(plain), mode="r:") as tar:
                    yield _parts(_tar_member(tar, program, shown), shown)


def is_archive(path: Path) -> bool:
    """Tell whether a file is an archive, and not a program."""
    with path.open("rb") as file:
        start = file.read(6)
    return start.startswith((b"\xfd7zXZ\x00", b"\x1f\x8b", b"PK\x03\x04"))


def is_of_sources(path: Path, *, shown: str) -> bool:
    """Tell whether an archive holds the sources of Wasmtime. Raises ArchiveError, OSError."""
    if zipfile.is_zipfile(path):
        return False
    with _as_format_error(shown), path.open("rb") as file, _tar(file) as tar:
        for member in tar:
            if PurePosixPath(member.name).name == "Cargo.toml":
                return True
            if PurePosixPath(member.name).name in ("wasmtime", "wasmtime.exe") and member.isfile():
                return False
    return False


def unpack_sources(path: Path, into: Path, *, shown: str) -> Path:
    """Unpack an archive of sources, and return the one folder in it. Links may lead within the folder alone.

    Raises ArchiveError, OSError.
    """
    if not hasattr(tarfile, "data_filter"):
        raise ArchiveError(f"{shown}: this Python unpacks no sources safely; take 3.11.4 or later, or a binary archive")
    with _as_format_error(shown), path.open("rb") as file, _tar(file) as tar:
        tar.extractall(into, filter="data")
    folders = list(into.iterdir())
    if len(folders) != 1 or not os.path.isfile(folders[0] / "Cargo.toml"):
        raise ArchiveError(f"{shown}: holds no folder with the sources of Wasmtime; name its release's -src.tar.gz")
    return folders[0]


def unpack_wheel(path: Path, into: Path, *, shown: str) -> None:
    """Unpack a wheel into a new directory, each file as its list of digests has it. Raises ArchiveError, OSError."""
    if not zipfile.is_zipfile(path):
        raise ArchiveError(f"{shown}: is no wheel; name one of the package wasmtime, wasmtime-49.0.0-py3-none-….whl")
    with _as_format_error(shown), zipfile.ZipFile(path) as opened:
        members = [member for member in _checked_members(opened, shown) if not member.filename.endswith("/")]
        digests = _wheel_digests(opened, members, shown)
        for member in members:
            out = into.joinpath(*PurePosixPath(member.filename).parts)
            out.parent.mkdir(parents=True, exist_ok=True)
            hashed = hashlib.sha256()
            with opened.open(member) as content, out.open("xb") as file:
                for part in _parts(content, shown):
                    hashed.update(part)
                    file.write(part)
            if digests.get(member.filename, b"") not in (hashed.digest(), None):
                raise ArchiveError(f"{shown}: is damaged: {printable(member.filename)} is not what its RECORD says")


def _wheel_digests(opened: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo], shown: str) -> dict[str, bytes | None]:
    """Return the SHA-256 of each file of a wheel, None for the list itself."""
    lists = [member for member in members if _RECORD.fullmatch(member.filename)]
    if len(lists) != 1:
        raise ArchiveError(f"{shown}: is no wheel: it has no RECORD")
    with opened.open(lists[0]) as content:
        rows = list(csv.reader(content.read(_MAX_READ).decode().splitlines()))
    found: dict[str, bytes | None] = {lists[0].filename: None}
    for name, digest, *_ in (row for row in rows if len(row) > 1 and row[1].startswith("sha256=")):
        found[name] = base64.urlsafe_b64decode(digest.removeprefix("sha256=") + "==")
    return found


@contextmanager
def _as_format_error(shown: str) -> Iterator[None]:
    try:
        yield
    except (*_BROKEN, OSError) as error:
        # Damage has no number of the system, or leads to a place before the file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ArchiveError(f"{shown}: is damaged, or no archive of a release: {printable(error)}") from error


def _decompressed(file: IO[bytes]) -> io.BufferedIOBase:
    start = file.read(6)
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if start.startswith(b"\x1f\x8b") else lzma.LZMAFile(file)


def _decompress(file: IO[bytes], plain: IO[bytes], shown: str) -> None:
    size = 0
    stream = _decompressed(file)
    while part := stream.read(_CHUNK):
        size += len(part)
        if size > MAX_MEMBER:
            raise ArchiveError(f"{shown}: holds more than {MAX_MEMBER} bytes, as no release does; nothing was taken")
        plain.write(part)
    plain.seek(0)


def _tar(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=_BoundedReads(_decompressed(file)), mode="r:")


class _BoundedReads(io.RawIOBase):
    """A stream of which nobody reads so much at once that memory runs out."""

    def __init__(self, stream: IO[bytes] | io.BufferedIOBase) -> None:
        self._stream = stream

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_READ:
            raise tarfile.ReadError("a header claims more than an archive of programs has")
        return self._stream.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _tar_member(tar: tarfile.TarFile, program: str, shown: str) -> IO[bytes]:
    found = None
    for count, member in enumerate(tar):
        kind = (
            ""
            if member.isreg() or member.isdir()
            else "a link"
            if member.issym() or member.islnk()
            else "no plain file"
        )
        _check(member.name, member.size, kind, count, shown)
        if member.isreg() and PurePosixPath(member.name).name == program:
            found = member
    opened = tar.extractfile(found) if found is not None else None
    if opened is None:
        raise _missing(program, shown)
    return opened


def _zip_member(opened: zipfile.ZipFile, program: str, shown: str) -> zipfile.ZipInfo:
    found = None
    for member in _checked_members(opened, shown):
        if not member.filename.endswith("/") and PurePosixPath(member.filename).name == program:
            found = member
    if found is None:
        raise _missing(program, shown)
    return found


def _checked_members(opened: zipfile.ZipFile, shown: str) -> Iterator[zipfile.ZipInfo]:
    for count, member in enumerate(opened.infolist()):
        mode = stat.S_IFMT(member.external_attr >> 16)
        kind = "" if mode in (0, stat.S_IFREG, stat.S_IFDIR) else "a link" if mode == stat.S_IFLNK else "no plain file"
        _check(member.filename, member.file_size, kind, count, shown)
        yield member


def _check(name: str, size: int, kind: str, count: int, shown: str) -> None:
    """Raise ArchiveError for a member that no release has."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        problem = "leaves the folder"
    elif kind:
        problem = f"is {kind}"
    elif size > MAX_MEMBER:
        problem = f"has {size} bytes, more than any executable"
    elif count >= _MAX_MEMBERS:
        problem = f"is one of more than {_MAX_MEMBERS}"
    else:
        return
    raise ArchiveError(
        f"{shown}: is no archive of a release, and nothing was taken from it: {printable(name)} {problem}"
    )


def _missing(program: str, shown: str) -> ArchiveError:
    return ArchiveError(f"{shown}: holds no {program}; name an archive of a release of Wasmtime for this platform")


def _parts(member: IO[bytes], shown: str) -> Iterator[bytes]:
    size = 0
    while part := member.read(_CHUNK):
        size += len(part)
        if size > MAX_MEMBER:
            raise ArchiveError(f"{shown}: its executable has more bytes than it says; nothing was taken from it")
        yield part
