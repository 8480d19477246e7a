"""What is remembered of files: their digests, for as long as their stat signatures stay the same."""

from __future__ import annotations

import errno
import os
import stat
from itertools import compress

from wasmbuild import files
from wasmbuild.builder import state_file
from wasmbuild.builder.columns import NO_FACTS, UNKNOWN, Columns, FileRow
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.json import read, spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LINK = ""
"""In place of the digest of a file that is a link, where links are not followed."""
TOO_LARGE = "too large"
"""In place of the digest of a file that is larger than any of its kind: it is not read, and has no facts."""

# All is written down again when more than this part of it has changed.
_PART = 8


class KnownFile(NamedTuple):
    """A file as it was when it was last read: its signature as text, its digest, and what was asked for of its bytes.

    ``facts`` is a JSON value, None where nobody asked.
    """

    spelled: str
    sha256: str
    facts: Any = None

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self.spelled.split("\t", 3)[2])


class _MadeFile(NamedTuple):
    """A file as we made it: ``facts`` are the text of a JSON value, which takes half of its memory."""

    signature: files.Signature
    sha256: str | None
    facts: str


_NO_FILE = _MadeFile((-1, -1, -1, -1, -1), None, NO_FACTS)


class Memory:
    """Digests and facts by path, and notes of builds; it may be lost at any time.

    A signature that is younger than the step of the file system's clock is not remembered: a change in the same step
    would not show in it. ``now`` is that clock in nanoseconds; while it is 0, nothing new is remembered. Files of ours
    have a stamp instead, in which each change shows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0
        self.notes: dict[str, str] = {}
        # What was too young to be trusted when it was last looked at.
        self.young: set[str] = set()
        self._files = Columns()
        # What was written down of all, by its id, and the files of which something else is known since.
        self._written: str | None = None
        self._since: set[str] = set()
        self._loaded: dict[str, str] = {}
        self._changed = False
        self._made: dict[str, _MadeFile] = {}
        self.load()

    def load(self) -> None:
        """Read what an earlier build wrote down; anything unreadable is as good as nothing."""
        self._files, self.notes, self._changed, self._written, self._since = Columns(), {}, False, None, set()
        state = state_file.read(self.path)
        if state is not None:
            self._files, self.notes, self._written = state.files, state.notes, state.id
            changes = state_file.read(self._changes)
            if changes is not None and changes.of == state.id:
                self.notes = changes.notes
                for path, row in (*changes.files.rows(), *((path, UNKNOWN) for path in changes.forgotten)):
                    self._files.remember(path, row)
                    self._since.add(path)
        self._loaded = dict(self.notes)

    @property
    def _changes(self) -> Path:
        return self.path.parent / f"{self.path.stem}.changes.tsv"

    def save(self, write: Callable[[Path, Iterable[bytes]], object]) -> None:
        """Have all that ``load`` reads written down, if that would differ: beside the rest, where little changed.

        ``write`` writes a file that has these parts.
        """
        if not self._changed and self.notes == self._loaded:
            return
        if self._written is None or len(self._since) * _PART > len(self._files):
            id = state_file.new_id()
            write(self.path, state_file.parts(self._files, self.notes, id=id))
            self._written, self._since = id, set()
            with suppress(OSError):
                os.unlink(self._changes)
        else:
            changed, forgotten = Columns(), []
            for path in self._since:
                row = self._files.row(path)
                if row.spelled:
                    changed.remember(path, row)
                else:
                    forgotten.append(path)
            parts = state_file.parts(changed, self.notes, forgotten=forgotten, of=self._written)
            write(self._changes, parts)
        self._changed, self._loaded = False, dict(self.notes)

    def delete(self) -> None:
        """Delete what ``save`` wrote."""
        for path in (self.path, self._changes):
            with suppress(OSError):
                os.unlink(path)

    def look(
        self,
        path: Path | str,
        facts: Callable[[bytes], Any] | None = None,
        limit: int | None = None,
        *,
        follow: bool = True,
        digest: Callable[[bytes], str] = sha256_hex,
    ) -> KnownFile | None:
        """Return the digest of a file, and what ``facts`` makes of its bytes; ``None`` where there is no file.

        The file is read only when its signature is new or was too young to be trusted, and has no more than ``limit``
        bytes: else it has ``TOO_LARGE`` for a digest. Without ``follow``, a link is not: it has ``LINK``. Raises
        DiskError when the file cannot be read, and what ``facts`` raises. ``digest`` hashes what ``facts`` is given
        next.
        """
        name = str(path)
        try:
            status = os.stat(path, follow_symlinks=follow)
            spelled = files.spelled(status)
            row = self._files.row(name)
            if row.spelled == spelled:
                found = None if facts is None else _decoded(row.facts)
                if facts is None or found is not None:
                    return KnownFile(spelled, row.sha256, found)
            if stat.S_ISLNK(status.st_mode):
                self.forget(path)
                return KnownFile(spelled, LINK)
            if limit is not None and status.st_size > limit and stat.S_ISREG(status.st_mode):
                self.forget(path)
                return KnownFile(spelled, TOO_LARGE)
            made = self._made.get(name, _NO_FILE)
            ours = made.signature == files.signature(status)
            if not ours:
                self._made.pop(name, None)
            found = None
            if ours and made.sha256 is not None and (facts is None or made.facts != NO_FACTS):
                sha256, signature, text = made.sha256, files.signature(status), made.facts
                found = None if facts is None else read(text)
            elif facts is None:
                (sha256, signature), text = files.hash_file(path), NO_FACTS
            else:
                data, signature = files.read(path, limit)
                sha256, found = digest(data), facts(data)
                text = _text(found)
        except (FileNotFoundError, NotADirectoryError):
            self.forget(path)
            return None
        except OSError as error:
            raise unreadable(path, error) from error
        spelled = files.spell(signature)
        if made.signature == signature or files.is_settled(signature, self.now):
            self._remember(name, spelled, sha256, text)
            self.young.discard(name)
        else:
            self._forget(name)
            self.young.add(name)
        return KnownFile(spelled, sha256, found)

    def note_made(
        self, path: Path | str, placed: files.Signature, sha256: str | None = None, facts: Any = None
    ) -> None:
        """Note what ``files.placed`` said of a file that ``files.stamp`` stamped: it is trusted however young it is.

        With ``sha256``, which was made of its bytes after it was stamped, or while it was nobody else's, it is not even
        read again, and with ``facts`` not for these.
        """
        self._made[str(path)] = _MadeFile(placed, sha256, NO_FACTS if facts is None else _text(facts))
        self._forget(str(path))

    def confirm(self, path: str) -> bool:
        """Tell whether a file is as it was made, with all that was noted of it then; that is remembered from now on."""
        made = self._made.get(path, _NO_FILE)
        try:
            status = os.lstat(path)
        except OSError:
            return False
        if made.sha256 is None or made.signature != files.signature(status):
            return False
        self._remember(path, files.spelled(status), made.sha256, made.facts)
        self.young.discard(path)
        return True

    def changed(self, paths: Sequence[str], seen: Sequence[str]) -> set[str]:
        """Return which files have not the remembered signatures; ``seen`` are those of now, "" for no file."""
        known = self._files.spelled(paths)
        changed = set(compress(paths, map(str.__ne__, known, seen)))
        if "" in known:
            changed.update([path for path, then in zip(paths, known, strict=True) if not then])
        return changed

    def digest_of_now(self, path: Path | str) -> str | None:
        """Return the remembered digest of a file that is as it was then; ``None`` of any other. It is not read."""
        row = self._files.row(str(path))
        if not row.spelled:
            return None
        try:
            return row.sha256 if files.spelled(os.lstat(path)) == row.spelled else None
        except OSError:
            return None

    def spelled(self, path: str) -> str | None:
        """Return the remembered signature of a file as text, or ``None`` where none could be trusted."""
        return self._files.row(path).spelled or None

    def all_spelled(self, paths: Sequence[str]) -> Sequence[str] | None:
        """Return the remembered signatures of files as text, or ``None`` where one could not be trusted."""
        spelled = self._files.spelled(paths)
        return None if "" in spelled else spelled

    def digest(self, path: str) -> str | None:
        """Return the remembered digest of a file, or ``None`` where none could be trusted."""
        return self.digests([path])[0] or None

    def digests(self, paths: Sequence[str]) -> list[str]:
        """Return the remembered digests of files, "" where one could not be trusted."""
        digests, made = self._files.digests(paths), self._made
        if not made.keys().isdisjoint(paths):
            for at, path in enumerate(paths):
                if path in made:
                    digests[at] = made[path].sha256 or digests[at]
        return digests

    def facts(self, path: str) -> Any:
        """Return the remembered facts of a file, or ``None`` where none could be trusted."""
        return _decoded(self._files.row(path).facts)

    def forget(self, path: Path | str) -> None:
        """Forget one file, so that it is read again."""
        self._made.pop(str(path), None)
        self.young.discard(str(path))
        self._forget(str(path))

    def keep(self, paths: Iterable[str]) -> None:
        """Forget every file that is not among ``paths``; the others are written down in this order."""
        if self._files.arrange(paths):
            self._changed, self._written = True, None

    def _remember(self, name: str, spelled: str, sha256: str, facts: str) -> None:
        self._files.remember(name, FileRow(spelled, sha256, facts))
        self._since.add(name)
        self._changed = True

    def _forget(self, name: str) -> None:
        if self._files.forget(name):
            self._since.add(name)
            self._changed = True


def _text(facts: Any) -> str:
    return spell(facts, ",", ":")


def _decoded(facts: str) -> Any:
    try:
        return read(facts)
    except ValueError:  # somebody else wrote it: it is made again
        return None


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
    return DiskError(f"{files.seen_from_here(path)}: cannot be read: {error.strerror or error}; {advice}")
