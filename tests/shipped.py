"""A shipped directory to break, with what else lies on that disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from wasmbuild.verify import Verdict, verify

BAD, MANIFEST, INDEX = "bad@pi", "pi/manifest.json", "index.json"


class Shipped:
    """An index with the targets ``pi`` (modules ``bad`` and ``good``) and ``edge`` (module ``good``).

    ``outside`` is what nobody is to read: each file in it is as good as what it may take the place of. ``beside`` is a
    directory that is verified in the same run.
    """

    def __init__(self, root: Path, maker: Any) -> None:
        self.root, self.outside, self.beside = root / "shipped", root / "outside", root / "beside"
        self.artifact = self.root / "pi" / "bad.cwasm"
        self.manifest = self.root / MANIFEST
        self.index = self.root / INDEX
        files = {"good": maker.artifact(), "bad": maker.artifact(tail=bytes(200))}
        maker.index(self.outside, maker.ship(self.outside, files))
        pi, edge = maker.ship(self.root, files), maker.ship(self.root, {"good": files["good"]}, target="edge")
        maker.index(self.root, pi, edge)
        maker.ship(self.beside, {"good": files["good"]}, target="beside")

    def where(self, blamed: str) -> Path:
        """Return the file that an entry is about."""
        return self.artifact if blamed == BAD else self.root / blamed

    def say(self, place: str, value: object) -> None:
        """Change a value in the manifest of ``pi``, and let the index name what comes of it."""
        self.write(_changed(self.manifest, place, value))

    def write(self, data: bytes) -> None:
        """Write another manifest, and let the index name it."""
        self.manifest.write_bytes(data)
        self.agree()

    def agree(self) -> None:
        """Let the index name the manifest that is there."""
        self.say_in_index("targets.0.sha256", hashlib.sha256(self.manifest.read_bytes()).hexdigest())

    def say_in_index(self, place: str, value: object) -> None:
        """Change a value in the index."""
        self.index.write_bytes(_changed(self.index, place, value))

    def blame(self, blamed: str) -> str:
        """Verify, and return what is said of the one thing that has to be blamed; all else is judged as ever."""
        *entries, beside = verify([self.root, self.beside], level="intact").artifacts
        assert beside == Verdict("good@beside", True, "intact", None, "intact", "")
        [wrong] = [entry for entry in entries if not entry.ok]
        assert wrong.id == (blamed if blamed == BAD else str(self.root / blamed))
        assert (wrong.level, wrong.failed, wrong.required) == (None, "intact", "intact")
        right = {BAD: ["good@pi", "good@edge"], INDEX: []}.get(blamed, ["good@edge"])
        assert [entry.id for entry in entries if entry.ok] == right
        # One line, and nothing in it that a terminal obeys.
        assert wrong.message.isprintable()
        assert len(wrong.message) < 1000
        return wrong.message


def _changed(path: Path, place: str, value: object) -> bytes:
    """Return a document in which a value is changed; a place is keys and numbers with dots between them."""
    document = json.loads(path.read_bytes())
    at = document
    *steps, last = (int(step) if step.isdigit() else step for step in place.split("."))
    for step in steps:
        at = at[step]
    at[last] = value
    return json.dumps(document).encode()
