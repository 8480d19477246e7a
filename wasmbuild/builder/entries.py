"""What manifests say of each artifact: kept where it was right, since after an edit most of it is said again."""

from __future__ import annotations

from itertools import compress

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wasmbuild.project.declared import Artifact


class Entries:
    """The lines of one target's manifest, each with the digest of the record that it was made of.

    What a manifest had is kept as it stood there: of thousands of lines, those that are new are set in.
    """

    def __init__(self, artifacts: Sequence[Artifact]) -> None:
        self._artifacts = artifacts
        self._positions: dict[str, int] = {}
        self._shipping = [at for at, artifact in enumerate(artifacts) if artifact.module.ship_source]
        self.clear()

    def clear(self) -> None:
        """Keep nothing any more."""
        self._records = [""] * len(self._artifacts)
        self._text = b""
        # Lines by their number, which go before those of the text.
        self._noted: dict[int, bytes] = {}

    def keep(self, records: list[str], text: bytes) -> None:
        """Keep the lines of a manifest that was right, while its records have these digests, if it has as many."""
        if len(records) == text.count(b"\n") + 1 == len(self._artifacts):
            self._records, self._text, self._noted = records, text, {}

    def take_over(self, records: Iterable[str], lines: Mapping[str, bytes]) -> None:
        """Keep lines of a manifest of other modules too, by their names, made of records with these digests.

        What is declared of tests and of sources that ship is in lines too, and what that was then is not known.
        """
        unknown = ("", b"")
        was = {
            name: (record, line)
            for record, (name, line) in zip(records, lines.items(), strict=True)
            if b'"tests": [' not in line and b'"wasm": {' not in line
        }
        found = [
            unknown if artifact.module.tests else was.get(artifact.module.name, unknown) for artifact in self._artifacts
        ]
        self.keep([record for record, _ in found], b",\n".join([line for _, line in found]))

    def note(self, artifact: Artifact, record: str, line: bytes) -> None:
        """Keep the line of one artifact, made of the record with this digest."""
        if not self._positions:
            self._positions = {artifact.module.name: at for at, artifact in enumerate(self._artifacts)}
        at = self._positions[artifact.module.name]
        self._records[at], self._noted[at] = record, line

    def text(self, records: Sequence[str], make: Callable[[Artifact], bytes]) -> bytes:
        """Return all lines; those of records that have other digests by now are made anew, as is what ships."""
        for at in self._shipping:
            self._records[at] = ""
        changed = set(compress(range(len(records)), map(str.__ne__, self._records, records)))
        if "" in records:
            changed.update([at for at, record in enumerate(records) if not record])
        for at in sorted(changed):
            self._records[at], self._noted[at] = records[at], make(self._artifacts[at])
        if self._noted:
            self._text, self._noted = self._with_noted(), {}
        return self._text

    def _with_noted(self) -> bytes:
        if not self._text:
            return b",\n".join([self._noted[at] for at in range(len(self._artifacts))])
        text, view = self._text, memoryview(self._text)
        parts: list[bytes | memoryview] = []
        number = start = taken = 0
        for at, line in sorted(self._noted.items()):
            for _ in range(number, at):
                start = text.index(b"\n", start) + 1
            number = at
            parts += (view[taken:start], line)
            end = text.find(b",\n", start)
            taken = len(text) if end < 0 else end
        return b"".join([*parts, view[taken:]])
