"""A copy of a shipment that is made wrong in one way, and what verification has to say of it."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.wrong.shipments import ExpectedVerdict, Shipment
from wasmbuild.verify import LEVELS

INTACT, CONSISTENT, LOADED, TESTED = LEVELS
MANIFEST = "manifest.json"

_Item = TypeVar("_Item")

UNUSABLE: ExpectedVerdict = (False, None, INTACT)
"""The verdict on a manifest or an index that cannot be used."""

Artifact = dict[str, Any]
"""The document of an artifact in a manifest."""

Content = Path | bytes | Callable[[Path], None] | None
"""What lies at a path: a hard link to a file, bytes, whatever a function puts there, or nothing."""


class UnfitError(Exception):
    """A shipment cannot be made wrong in this way."""


class Crate:
    """A copy that nothing is written of before ``write``.

    ``document`` is its manifest, for a target of the name of ``directory``, to be changed at will; ``text`` are bytes
    in place of it. ``files`` are what lies below the directory, by path. ``others`` are all shipments.
    """

    def __init__(self, shipment: Shipment, directory: Path, chance: random.Random, others: Sequence[Shipment]) -> None:
        self.shipment = shipment
        self.directory = directory
        self.chance = chance
        self.others = others
        self.document: dict[str, Any] = copy.deepcopy(dict(shipment.document))
        self.document["target"]["name"] = directory.name
        self.text: bytes | None = None
        self.files: dict[str, Content] = dict(shipment.files)
        self.expected = {self._id(artifact): shipment.verdicts[artifact["module"]] for artifact in self.artifacts}

    @property
    def artifacts(self) -> list[Artifact]:
        artifacts: list[Artifact] = self.document["artifacts"]
        return artifacts

    def pick(self, fits: Callable[[Artifact], object] = lambda artifact: True) -> Artifact:
        """Return one of the artifacts that fit. Raises UnfitError when there is none."""
        return self.one_of([artifact for artifact in self.artifacts if fits(artifact)])

    def pick_two(self) -> tuple[Artifact, Artifact]:
        """Return two artifacts."""
        first, second = self.chance.sample(self.artifacts, 2)
        return first, second

    def pick_untested(self) -> Artifact:
        """Return one of the artifacts without its tests, which would not fit another interface."""
        artifact = self.pick()
        artifact.pop("tests", None)
        return artifact

    def one_of(self, items: Sequence[_Item]) -> _Item:
        """Return one of several. Raises UnfitError when there is none."""
        if not items:
            raise UnfitError
        return self.chance.choice(items)

    def data(self, artifact: Artifact) -> bytes:
        """Return the bytes that were built for an artifact."""
        return self.shipment.data(artifact["module"])

    def put(self, artifact: Artifact, content: Content) -> None:
        """Let something else lie where an artifact does; the manifest does not know."""
        self.files[artifact["path"]] = content

    def declare(self, artifact: Artifact, data: bytes) -> None:
        """Let other bytes lie there, and let the manifest agree with them."""
        self.put(artifact, data)
        artifact.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())

    def blame(self, level: str, *artifacts: Artifact) -> None:
        """Expect that a level does not hold for some artifacts, and those below do. Raises UnfitError."""
        position = LEVELS.index(level)
        for artifact in artifacts:
            _, reached, _ = self.shipment.verdicts[artifact["module"]]
            if reached is None or LEVELS.index(reached) < position:
                raise UnfitError  # this host cannot tell
            self.expect(artifact, (False, LEVELS[position - 1] if position else None, level))

    def expect(self, artifact: Artifact, verdict: ExpectedVerdict) -> None:
        """Expect a verdict on an artifact."""
        self.expected[self._id(artifact)] = verdict

    def refuse(self) -> None:
        """Expect that the manifest cannot be used."""
        self.expected = {str(self.directory / MANIFEST): UNUSABLE}

    def manifest(self) -> bytes:
        """Return the bytes of the manifest."""
        return json.dumps(self.document, sort_keys=True).encode() if self.text is None else self.text

    def fingerprint(self) -> str:
        """Return what is equal for crates that differ in their names alone."""
        digest = hashlib.sha256(self.manifest().replace(self.directory.name.encode(), b""))
        for path, content in sorted(self.files.items()):
            digest.update(f"{path} {content if isinstance(content, Path) else ''}".encode())
            digest.update(content if isinstance(content, bytes) else getattr(content, "__name__", "").encode())
        return digest.hexdigest()

    def write(self) -> None:
        """Write it all."""
        self.directory.mkdir(parents=True)
        (self.directory / MANIFEST).write_bytes(self.manifest())
        for name, content in self.files.items():
            path = self.directory / name
            if isinstance(content, Path):
                path.hardlink_to(content)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            elif content is not None:
                content(path)

    def _id(self, artifact: Artifact) -> str:
        return f"{artifact['module']}@{self.directory.name}"
