"""What is remembered of files: their digests, for as long as their stat signatures stay the same."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Set
from pathlib import Path

from wasmbuild import files
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError
from wasmbuild.lean_typing import Any, NamedTuple

SCHEMA = "wasmbuild/state/5"

LINK = ""
"""In place of the digest of a file that is a link, where links are not followed."""


class Seen(NamedTuple):
    """A file as it was when it was last read: ``facts`` is a JSON value that somebody made of its bytes."""

    signature: files.Signature
    sha256: str
    facts: Any


class Memory:
    """Digests and facts by path, and notes of builds; it may be lost at any time.

    A signature that is younger than the step of the file system's clock is not remembered: a change in the same step
    would not show in it. ``now`` is that clock in nanoseconds; while it is 0, nothing new is remembered.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0
        self.notes: dict[str, str] = {}
        self._seen: dict[str, Seen] = {}
        self._loaded: dict[str, str] = {}
        self._changed = False
        self._made: dict[str, tuple[files.Signature, str]] = {}
        self.load()

    def load(self) -> None:
        """Read what an earlier build wrote down; anything unreadable is as good as nothing."""
        self._seen, self.notes, self._changed = {}, {}, False
        try:
            document = json.loads(self.path.read_bytes())
            if document["schema"] == SCHEMA:
                for path, (signature, sha256, facts) in document["files"].items():
                    dev, ino, size, mtime, ctime = signature
                    self._seen[path] = Seen((dev, ino, size, mtime, ctime), sha256, facts)
                self.notes = {str(name): str(note) for name, note in document["notes"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._seen, self.notes = {}, {}
        self._loaded = dict(self.notes)

    def to_bytes(self) -> bytes | None:
        """Return what ``load`` reads, or ``None`` where that would not differ from the last time or what was loaded."""
        if not self._changed and self.notes == self._loaded:
            return None
        self._changed, self._loaded = False, dict(self.notes)
        document = {"schema": SCHEMA, "files": self._seen, "notes": self.notes}
        return json.dumps(document, separators=(",", ":")).encode()

    def look(
        self,
        path: Path | str,
        facts: Callable[[bytes], Any] | None = None,
        limit: int | None = None,
        *,
        follow: bool = True,
    ) -> Seen | None:
        """Return the digest of a file, and what ``facts`` makes of its bytes; ``None`` where there is no file.

        The file is read only when its signature is new or was too young to be trusted, for facts only if it has no more
        than ``limit`` bytes. Without ``follow``, a link is not: it has ``LINK`` for a digest. Raises DiskError when
        the file cannot be read, and what ``facts`` raises.
        """
        name = str(path)
        try:
            seen = self._seen.get(name)
            status = os.stat(path, follow_symlinks=follow)
            if seen is not None and files.signature(status) == seen.signature:
                return seen
            if stat.S_ISLNK(status.st_mode):
                self.forget(path)
                return Seen(files.signature(status), LINK, None)
            made = self._made.get(name)
            if made is not None and made[0][:-1] == files.signature(status)[:-1]:
                seen = Seen(files.signature(status), made[1], None)
            elif facts is None:
                sha256, signature = files.hash_file(path)
                seen = Seen(signature, sha256, None)
            else:
                data, signature = files.read(path, limit)
                seen = Seen(signature, sha256_hex(data), facts(data))
        except (FileNotFoundError, NotADirectoryError):
            self.forget(path)
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        if files.is_settled(seen.signature, self.now):
            self._seen[name] = seen
            self._changed = True
        else:
            self._forget(name)
        return seen

    def note_made(self, path: Path, stamped: files.Signature, sha256: str) -> None:
        """Note the digest of a file that was read after ``files.stamp`` and renamed: none of it need be read again.

        It holds for ``look`` without facts.
        """
        self._made[str(path)] = stamped, sha256

    def signature(self, path: str) -> files.Signature | None:
        """Return the remembered signature of a file, or ``None`` where none could be trusted."""
        seen = self._seen.get(path)
        return seen.signature if seen is not None else None

    def digest(self, path: str) -> str | None:
        """Return the remembered digest of a file, or ``None`` where none could be trusted."""
        seen = self._seen.get(path)
        return seen.sha256 if seen is not None else None

    def facts(self, path: str) -> Any:
        """Return the remembered facts of a file, or ``None`` where none could be trusted."""
        seen = self._seen.get(path)
        return seen.facts if seen is not None else None

    def forget(self, path: Path | str) -> None:
        """Forget one file, so that it is read again."""
        self._made.pop(str(path), None)
        self._forget(str(path))

    def _forget(self, name: str) -> None:
        self._changed = self._seen.pop(name, None) is not None or self._changed

    def keep(self, paths: Set[str]) -> None:
        """Forget every file that is not among ``paths``."""
        gone = self._seen.keys() - paths
        for name in gone:
            del self._seen[name]
        self._changed = self._changed or bool(gone)


def unreadable(path: Path | str, error: OSError) -> DiskError:
    """Return the error for a file that is there and cannot be looked at, with what to do about it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "make it readable"
    elif error.errno == errno.EFBIG:
        advice = "check that it is the right file"
    elif error.errno in (errno.EISDIR, errno.EINVAL, errno.ELOOP):
        advice = "move it away"
    else:
        advice = "build again when this is mended"
    return DiskError(f"{path}: cannot be read: {error.strerror or error}; {advice}")
