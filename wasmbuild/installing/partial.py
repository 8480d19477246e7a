"""Downloads that did not end: what came stays for the next run, which asks for the rest of the same file.

``KEY.part`` has the first bytes of what is at an address, and ``KEY.etag`` the strong tag of the version that they are
of (RFC 9110, 8.8.3), without which they are worth nothing; ``KEY`` is a digest of the address. A kill at any moment
leaves bytes of that version: the file is emptied before another tag is written, and the tag is there before the first
byte. What a failing disk made of them is found when the archive is unpacked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from wasmbuild.installing.transfer import PartialDownload
from wasmbuild.lean.typing import IO

_KEPT_SECONDS = 7 * 24 * 3600
"""How long what nobody asks for any more stays."""


@contextlib.contextmanager
def download(directory: Path, address: str, into: Path) -> Iterator[tuple[IO[bytes], PartialDownload]]:
    """Give a file with what came before of what is at an address, to be gone on with; it becomes ``into`` at the end.

    After an error it stays in ``directory``, which is made, is used by one process at a time, and goes when it is
    empty. Raises OSError.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    _forget_old(directory)
    key = hashlib.sha256(address.encode()).hexdigest()
    path, tag = directory / f"{key}.part", directory / f"{key}.etag"
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600), "r+b") as file:
            yield file, PartialDownload(_read(tag), lambda validator: _write(tag, validator))
        path.replace(into)
        tag.unlink(missing_ok=True)
    finally:
        if not os.path.exists(tag) or not os.path.exists(path) or os.path.getsize(path) == 0:
            path.unlink(missing_ok=True)
            tag.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            directory.rmdir()


def _read(tag: Path) -> str:
    try:
        return tag.read_text(encoding="latin-1")
    except OSError:
        return ""


def _write(tag: Path, validator: str) -> None:
    if not validator:
        tag.unlink(missing_ok=True)
        return
    new = tag.with_suffix(".new")
    new.write_text(validator, encoding="latin-1")
    new.replace(tag)


def _forget_old(directory: Path) -> None:
    before = time.time() - _KEPT_SECONDS
    for path in directory.iterdir():
        if path.stat().st_mtime < before:
            path.unlink()
