"""What is remembered of files: their digests, for as long as their stat signatures stay the same."""

from __future__ import annotations

import binascii
import errno
import json
import os
import stat
from collections.abc import Callable, Mapping, Set
from pathlib import Path

from wasmbuild import files
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError
from wasmbuild.lean_typing import Any

SCHEMA = "wasmbuild/state/7"

LINK = ""
"""In place of the digest of a file that is a link, where links are not followed."""


class Seen:
    """A file as it was when it was last read: ``facts`` is a JSON value that somebody made of its bytes."""

    __slots__ = ("_facts", "_line", "sha256", "signature")

    def __init__(self, signature: files.Signature, sha256: str, facts: Any) -> None:
        self.signature = signature
        self.sha256 = sha256
        self._facts = facts
        self._line = ""

    @classmethod
    def from_line(cls, line: str) -> Seen:
        """Read what ``to_line`` returned. Raises ValueError."""
        dev, ino, size, mtime, ctime, sha256, facts = line.split("\t")
        seen = cls((int(dev), int(ino), int(size), int(mtime), int(ctime)), sha256, None)
        seen._line = line if facts != "null" else ""
        return seen

    def to_line(self) -> str:
        """Return what is remembered as a line of text, without its end."""
        return self._line or f"{files.spell(self.signature)}\t{self.sha256}\t{_ENCODE(self._facts)}"

    @property
    def facts(self) -> Any:
        # Of most files nobody asks.
        if self._line:
            try:
                self._facts = json.loads(self._line.rpartition("\t")[2])
            except ValueError:  # somebody else wrote it: it is made again
                self._facts = None
            self._line = ""
        return self._facts


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_Made = tuple[files.Signature, str | None, Any]
_NOT_MADE: _Made = ((-1, -1, -1, -1, -1), None, None)


class Memory:
    """Digests and facts by path, and notes of builds; it may be lost at any time.

    A signature that is younger than the step of the file system's clock is not remembered: a change in the same step
    would not show in it. ``now`` is that clock in nanoseconds; while it is 0, nothing new is remembered. Files of ours
    have a stamp instead, in which each change shows.

    The file has a line of JSON, with a checksum of the rest, and one for each file: path, signature, digest and facts.
    A build of thousands of artifacts takes most of them over as they stand. A digit of a digest that a disk got wrong
    would make right files wrong in every build, so what does not have its checksum is as good as nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0
        self.notes: dict[str, str] = {}
        # What was too young to be trusted when it was last looked at.
        self.young: set[str] = set()
        self._files: dict[str, str | Seen] = {}
        # Paths that are not written as they are, with how they were.
        self._odd: dict[str, str] = {}
        self._loaded: dict[str, str] = {}
        self._changed = False
        self._made: dict[str, _Made] = {}
        self.load()

    def load(self) -> None:
        """Read what an earlier build wrote down; anything unreadable is as good as nothing."""
        self._files, self.notes, self._odd, self._changed = {}, {}, {}, False
        try:
            head, _, body = self.path.read_bytes().partition(b"\n")
            document = json.loads(head)
            if document["schema"] == SCHEMA and document["sum"] == _sum(document["notes"], body):
                lines = body.decode("ascii").splitlines()
                self.notes = {str(name): str(note) for name, note in document["notes"].items()}
                read: dict[str, str] = dict(line.split("\t", 1) for line in lines)
                self._files.update(read)
                self._odd = {json.loads(path): path for path in self._files if path.startswith('"')}
                for path, name in self._odd.items():
                    self._files[path] = self._files.pop(name)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            self._files, self.notes, self._odd = {}, {}, {}
        self._loaded = dict(self.notes)

    def to_bytes(self) -> bytes | None:
        """Return what ``load`` reads, or ``None`` where that would not differ from the last time or what was loaded."""
        if not self._changed and self.notes == self._loaded:
            return None
        self._changed, self._loaded = False, dict(self.notes)
        lines = []
        for path, seen in self._files.items():
            if isinstance(seen, str):
                lines.append(f"{self._odd.get(path, path)}\t{seen}")
            else:
                lines.append(f"{path if _is_plain(path) else _ENCODE(path)}\t{seen.to_line()}")
        body = "".join(f"{line}\n" for line in lines).encode("ascii")
        return (
            _ENCODE({"schema": SCHEMA, "sum": _sum(self.notes, body), "notes": self.notes}).encode("ascii")
            + b"\n"
            + body
        )

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
            seen = self._known(name)
            status = os.stat(path, follow_symlinks=follow)
            if (
                seen is not None
                and files.signature(status) == seen.signature
                and (facts is None or seen.facts is not None)
            ):
                return seen
            if stat.S_ISLNK(status.st_mode):
                self.forget(path)
                return Seen(files.signature(status), LINK, None)
            stamped, sha256, known = self._made.get(name, _NOT_MADE)
            ours = stamped[:-1] == files.signature(status)[:-1]
            if not ours:
                self._made.pop(name, None)
            if ours and sha256 is not None and (facts is None or known is not None):
                seen = Seen(files.signature(status), sha256, known)
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
        if stamped[:-1] == seen.signature[:-1] or files.is_settled(seen.signature, self.now):
            self._files[name] = seen
            self._changed = True
            self.young.discard(name)
        else:
            self._forget(name)
            self.young.add(name)
        return seen

    def note_made(
        self, path: Path | str, stamped: files.Signature, sha256: str | None = None, facts: Any = None
    ) -> None:
        """Note that ``files.stamp`` stamped a file, before it was renamed or not: it is trusted however young it is.

        With ``sha256``, which was made of its bytes after it was stamped, or while it was nobody else's, it is not even
        read again, and with ``facts`` not for these.
        """
        self._made[str(path)] = stamped, sha256, facts
        self._forget(str(path))

    def unchanged(self, seen: Mapping[str, str]) -> set[str]:
        """Return which files have the remembered signatures; ``seen`` are those of now, as text, by path."""
        known = self._files
        same = set()
        for path, spelled in seen.items():
            found = known.get(path)
            if found is not None:
                line = found if isinstance(found, str) else found.to_line()
                if line.startswith(spelled) and line.startswith("\t", len(spelled)):
                    same.add(path)
        return same

    def spelled(self, path: str) -> str | None:
        """Return the remembered signature of a file as text, or ``None`` where none could be trusted."""
        found = self._files.get(path)
        if isinstance(found, str):
            return found.rsplit("\t", 2)[0]
        return files.spell(found.signature) if found is not None else None

    def signature(self, path: str) -> files.Signature | None:
        """Return the remembered signature of a file, or ``None`` where none could be trusted."""
        seen = self._known(path)
        return seen.signature if seen is not None else None

    def digest(self, path: str) -> str | None:
        """Return the remembered digest of a file, or ``None`` where none could be trusted."""
        made = self._made.get(path)
        if made is not None and made[1] is not None:
            return made[1]
        found = self._files.get(path)
        if isinstance(found, str):
            return found.rsplit("\t", 2)[1]
        seen = self._known(path)
        return seen.sha256 if seen is not None else None

    def facts(self, path: str) -> Any:
        """Return the remembered facts of a file, or ``None`` where none could be trusted."""
        seen = self._known(path)
        return seen.facts if seen is not None else None

    def forget(self, path: Path | str) -> None:
        """Forget one file, so that it is read again."""
        self._made.pop(str(path), None)
        self.young.discard(str(path))
        self._forget(str(path))

    def keep(self, paths: Set[str]) -> None:
        """Forget every file that is not among ``paths``."""
        gone = self._files.keys() - paths
        for name in gone:
            del self._files[name]
        self._changed = self._changed or bool(gone)

    def _forget(self, name: str) -> None:
        self._changed = self._files.pop(name, None) is not None or self._changed

    def _known(self, name: str) -> Seen | None:
        found = self._files.get(name)
        if not isinstance(found, str):
            return found
        try:
            seen = self._files[name] = Seen.from_line(found)
        except ValueError:
            self._forget(name)
            return None
        return seen


def _sum(notes: object, body: bytes) -> int:
    return binascii.crc32(body, binascii.crc32(_ENCODE(notes).encode("ascii")))


def _is_plain(path: str) -> bool:
    """Tell whether a path can be written as it is, between tabs and with a line to itself."""
    return path.isascii() and path.isprintable() and not path.startswith('"')


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
