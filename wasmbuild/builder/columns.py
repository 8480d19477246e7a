"""What is remembered of files, column by column: a build of thousands takes most of them over as they stand."""

from __future__ import annotations

from wasmbuild.lean.json import read, spell
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NO_FACTS = "null"
# Lines of a part of the text.
_PART = 256
# Columns that are read as a whole.
_WHOLE = 3


class FileRow(NamedTuple):
    """What is remembered of a file: its signature as text, its digest, its facts as the text of a JSON value."""

    spelled: str
    sha256: str
    facts: str


UNKNOWN = FileRow("", "", NO_FACTS)
"""What is known of a file of which nothing is."""


class Columns:
    """Rows by path. A row keeps its place when it is forgotten and remembered again.

    As text they are four columns, one below the other, with a line for each file: paths, signatures, digests, facts.
    Facts are most of it, and few of them are asked for: they are taken out of the text a part at a time.
    """

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._spelled: list[str] = []
        self._digests: list[str] = []
        # None for what is as it stands in its part of the text.
        self._facts: list[str | None] = []
        self._parts: list[memoryview] = []
        self._taken: dict[int, list[str]] = {}
        self._places: dict[str, int] = {}
        self.quoted = False
        """Whether the text has paths as JSON, because one of them cannot have a line to itself as it is."""

    @classmethod
    def from_text(cls, text: memoryview, sizes: Sequence[int], *, quoted: bool) -> Columns:
        """Read what ``to_text`` wrote, with the sizes that it told. Raises ValueError where that cannot be."""
        self = cls()
        self.quoted = quoted
        parts = []
        for size in sizes:
            parts.append(text[:size])
            text = text[size:]
        paths, self._spelled, self._digests = map(_lines, parts[:_WHOLE])
        self._paths = [str(read(path)) for path in paths] if quoted else paths
        self._places = dict(zip(self._paths, range(len(paths)), strict=True))
        self._facts, self._parts = [None] * len(paths), parts[_WHOLE:]
        if not len(paths) == len(self._spelled) == len(self._digests):
            raise ValueError("its columns have other lengths")
        return self

    def to_text(self) -> tuple[list[int], Iterator[str]]:
        """Return the sizes of the text's first columns, each as a whole, and of the parts of the last; then the text.

        That comes in parts, and is of what is known now until something is remembered.
        """
        if "" in self._spelled:
            self.arrange(self._places)
        paths = [spell(path) for path in self._paths] if self.quoted else self._paths
        whole, facts = (paths, self._spelled, self._digests), list(_in_parts(self._all_facts()))
        sizes = [sum(map(len, lines)) + len(lines) for lines in (*whole, *facts)]
        parts = (*map(_in_parts, whole), facts)
        return sizes, ("\n".join([*lines, ""]) for column in parts for lines in column)

    def __len__(self) -> int:
        return len(self._paths)

    def rows(self) -> Iterator[tuple[str, FileRow]]:
        """Yield the rows of all files."""
        for path in self._paths:
            yield path, self.row(path)

    def row(self, path: str) -> FileRow:
        """Return what is known of a file."""
        at = self._places.get(path)
        return UNKNOWN if at is None else FileRow(self._spelled[at], self._digests[at], self._facts_at(at))

    def remember(self, path: str, row: FileRow) -> None:
        """Know this of a file from now on."""
        at = self._places.get(path)
        if at is None:
            self._places[path] = len(self._paths)
            self.quoted = self.quoted or not (path.isascii() and path.isprintable())
            self._paths.append(path)
            self._spelled.append(row.spelled)
            self._digests.append(row.sha256)
            self._facts.append(row.facts)
        else:
            self._spelled[at], self._digests[at], self._facts[at] = row

    def forget(self, path: str) -> bool:
        """Know nothing of a file any more; tell whether that is a change."""
        at = self._places.get(path)
        if at is None or not self._spelled[at]:
            return False
        self.remember(path, UNKNOWN)
        return True

    def arrange(self, paths: Iterable[str]) -> bool:
        """Have the rows of these files in this order, and no others; tell whether that is a change."""
        places, spelled = self._places, self._spelled
        order = [at for path in paths if (at := places.get(path)) is not None and spelled[at]]
        if order == list(range(len(self._paths))):
            return False
        facts = self._all_facts()
        self._paths = [self._paths[at] for at in order]
        self._spelled = [spelled[at] for at in order]
        self._digests = [self._digests[at] for at in order]
        self._facts, self._parts, self._taken = [facts[at] for at in order], [], {}
        self._places = dict(zip(self._paths, range(len(order)), strict=True))
        return True

    def spelled(self, paths: Sequence[str]) -> Sequence[str]:
        """Return the signatures of files, "" where none is known."""
        if paths == self._paths:
            return self._spelled
        places, spelled = self._places, self._spelled
        return [spelled[places[path]] if path in places else "" for path in paths]

    def digests(self, paths: Sequence[str]) -> list[str]:
        """Return the digests of files, "" where none is known."""
        places, digests = self._places, self._digests
        return [digests[places[path]] if path in places else "" for path in paths]

    def _facts_at(self, at: int) -> str:
        found = self._facts[at]
        if found is None:
            part, line = divmod(at, _PART)
            lines = self._taken.get(part)
            if lines is None:
                lines = self._taken[part] = self._take(part)
            # Somebody else wrote what has other lines.
            found = lines[line] if line < len(lines) else NO_FACTS
        return found

    def _take(self, part: int) -> list[str]:
        try:
            return _lines(self._parts[part])
        except (IndexError, UnicodeDecodeError):
            return []

    def _all_facts(self) -> list[str]:
        return [self._facts_at(at) for at in range(len(self._facts))]


def _in_parts(column: list[str]) -> Iterator[list[str]]:
    return (column[start : start + _PART] for start in range(0, len(column), _PART))


def _lines(text: memoryview) -> list[str]:
    lines = str(text, "ascii").split("\n")
    lines.pop()
    return lines
