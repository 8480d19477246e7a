"""Indexes that do not lead to what they say, and files that are none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.wrong.crate import MANIFEST, UNUSABLE, Content, Crate
from benchmarks.wrong.shipments import ExpectedVerdict

INDEX = "index.json"


class Box:
    """A directory of crates with an index, to be made wrong; nothing is written before ``write``.

    ``document`` is the index, ``text`` are bytes in place of it, ``manifests`` lie in the directories of the crates in
    their order. ``refused`` are the positions of manifests that cannot be used.
    """

    def __init__(self, directory: Path, crates: list[Crate]) -> None:
        self.directory = directory
        self.crates = crates
        self.chance = crates[0].chance
        self.manifests: list[Content] = [crate.manifest() for crate in crates]
        self.text: bytes | None = None
        self.refused: set[int] = set()
        self.refused_whole = False
        self.document: dict[str, Any] = {
            "schema": "wasmbuild/index/1",
            "project": crates[0].document["project"],
            "targets": [
                {
                    "name": crate.directory.name,
                    "triple": crate.document["target"]["triple"],
                    "path": f"{crate.directory.name}/{MANIFEST}",
                    "sha256": hashlib.sha256(crate.manifest()).hexdigest(),
                }
                for crate in crates
            ],
        }

    def pick(self) -> tuple[int, dict[str, Any]]:
        """Return the position of a target, and what the index says of it."""
        position = self.chance.randrange(len(self.crates))
        return position, self.document["targets"][position]

    @property
    def expected(self) -> dict[str, ExpectedVerdict]:
        """What verification has to say."""
        if self.refused_whole:
            return {str(self.directory / INDEX): UNUSABLE}
        verdicts: dict[str, ExpectedVerdict] = {}
        for position, crate in enumerate(self.crates):
            if position in self.refused:
                verdicts[str(self.directory / self.document["targets"][position]["path"])] = UNUSABLE
            else:
                verdicts.update(crate.expected)
        return verdicts

    def index(self) -> bytes:
        """Return the bytes of the index."""
        return json.dumps(self.document, sort_keys=True).encode() if self.text is None else self.text

    def fingerprint(self) -> str:
        """Return what is equal for boxes that differ in their names alone."""
        text = self.index() + repr(self.manifests).encode()
        for directory in (self.directory, *(crate.directory for crate in self.crates)):
            text = text.replace(directory.name.encode(), b"")
        return hashlib.sha256(text).hexdigest()

    def write(self) -> None:
        """Write it all."""
        for crate, content in zip(self.crates, self.manifests, strict=True):
            crate.write()
            path = crate.directory / MANIFEST
            path.unlink()
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif callable(content):
                content(path)
        (self.directory / INDEX).write_bytes(self.index())


def another_digest(box: Box) -> None:
    position, target = box.pick()
    target["sha256"] = f"{box.chance.getrandbits(256):064x}"
    box.refused.add(position)


def changed_since(box: Box) -> None:
    position, _ = box.pick()
    text = box.crates[position].manifest()
    at = box.chance.randrange(len(text))
    box.manifests[position] = text[:at] + bytes([text[at] ^ box.chance.randint(1, 255)]) + text[at + 1 :]
    box.refused.add(position)


def exchanged(box: Box) -> None:
    box.manifests.reverse()
    box.refused.update((0, 1))


def missing(box: Box) -> None:
    position, _ = box.pick()
    box.manifests[position] = None
    box.refused.add(position)


def linked_out(box: Box) -> None:
    """The right bytes, but not below the directory of the index."""
    position, _ = box.pick()
    text, outside = box.crates[position].manifest(), box.directory.with_name(f"{box.directory.name}-outside.json")

    def link(path: Path) -> None:
        outside.write_bytes(text)
        path.symlink_to(outside)

    box.manifests[position] = link
    box.refused.add(position)


def broken_manifest(box: Box) -> None:
    position, target = box.pick()
    text = box.crates[position].manifest()
    text = text[: box.chance.randrange(len(text) - 1)]
    target["sha256"] = hashlib.sha256(text).hexdigest()
    box.manifests[position] = text
    box.refused.add(position)


def another_name(box: Box) -> None:
    position, target = box.pick()
    target["name"] = f"t{box.chance.getrandbits(32)}"
    box.refused.add(position)


def another_triple(box: Box) -> None:
    position, target = box.pick()
    others = ("aarch64-unknown-linux-musl", "x86_64-unknown-netbsd", "pulley32be", "riscv64gc-unknown-linux-musl")
    target["triple"] = box.chance.choice(others)
    box.refused.add(position)


def another_project(box: Box) -> None:
    box.document["project"] = f"p{box.chance.getrandbits(32)}"
    box.refused.update((0, 1))


def path_exchanged(box: Box) -> None:
    one, other = box.document["targets"]
    one["path"], other["path"] = other["path"], one["path"]
    box.refused.update((0, 1))


def value(box: Box) -> None:
    _, target = box.pick()
    key, values = box.chance.choice(
        [
            ("name", ("", ".", "a b", "a@b", "\x1b[31m", None, 1)),
            ("triple", ("", "x86_64", "wasm32-wasip1", "\x1b[31m", None)),
            (
                "path",
                ("/manifest.json", "../manifest.json", "a/../manifest.json", "a\\manifest.json", "manifest", None),
            ),
            ("sha256", ("", "0", "G" * 64, "A" * 64, None, 0)),
            ("runner", (["sh"],)),
        ]
    )
    target[key] = box.chance.choice(values)
    box.refused_whole = True


def named_twice(box: Box) -> None:
    one, other = box.document["targets"]
    key = box.chance.choice(("name", "path"))
    other[key] = one[key] if box.chance.random() < 0.5 else f"{one[key][0].upper()}{one[key][1:]}"
    box.refused_whole = True


def no_targets(box: Box) -> None:
    box.document["targets"] = box.chance.choice(([], {}, None, [[]], [None]))
    box.refused_whole = True


def key_left_out(box: Box) -> None:
    _, target = box.pick()
    inside = box.chance.choice([box.document, target])
    del inside[box.chance.choice(sorted(set(inside) - {"schema"}))]
    box.refused_whole = True


def no_json(box: Box) -> None:
    right = box.index()
    at = box.chance.randrange(len(right) - 1)
    box.text = box.chance.choice(
        [right[:at], right + b"}", b"\xff" + right, b"[" * at, right[:-1] + b', "targets": []}']
    )
    box.refused_whole = True


WAYS: tuple[Callable[[Box], None], ...] = (
    another_digest, changed_since, exchanged, missing, linked_out, broken_manifest, another_name, another_triple,
    another_project, path_exchanged, value, named_twice, no_targets, key_left_out, no_json,
)  # fmt: skip
