"""What manifests say of each artifact: kept where it was right, since after an edit most of it is said again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wasmbuild.lean_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.project.declared import Artifact


class Entries:
    """The lines of one target's manifest, each with the digest of the record that it was made of."""

    def __init__(self, artifacts: Sequence[Artifact]) -> None:
        self._artifacts = artifacts
        self._positions: dict[str, int] = {}
        self._shipping = [at for at, artifact in enumerate(artifacts) if artifact.module.ship_source]
        self.clear()

    def clear(self) -> None:
        """Keep nothing any more."""
        self._lines = [b""] * len(self._artifacts)
        self._records = [""] * len(self._artifacts)

    def keep(self, records: list[str], lines: list[bytes]) -> None:
        """Keep a manifest that was right, while its records have these digests, if it is of as many artifacts."""
        if len(records) == len(lines) == len(self._artifacts):
            self._records, self._lines = records, lines

    def note(self, artifact: Artifact, record: str, line: bytes) -> None:
        """Keep the line of one artifact, made of the record with this digest."""
        if not self._positions:
            self._positions = {artifact.module.name: at for at, artifact in enumerate(self._artifacts)}
        at = self._positions[artifact.module.name]
        self._records[at], self._lines[at] = record, line

    def lines(self, records: Sequence[str], make: Callable[[Artifact], bytes]) -> list[bytes]:
        """Return all lines; those of records that have other digests by now are made anew, as is what ships."""
        for at in self._shipping:
            self._records[at] = ""
        for at, (known, record) in enumerate(zip(self._records, records, strict=True)):
            if known != record or not known:
                self._records[at], self._lines[at] = record, make(self._artifacts[at])
        return self._lines
