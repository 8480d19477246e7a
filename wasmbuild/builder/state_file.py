"""The files of what is remembered: all of it, and what changed since, which after an edit is little.

Each has a line of JSON, with a checksum of the rest, and the text of ``Columns``. A digit of a digest that a disk got
wrong would make right files wrong in every build, so what does not have its checksum is as good as nothing.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from wasmbuild import files
from wasmbuild.builder.columns import Columns
from wasmbuild.lean_typing import NamedTuple

SCHEMA = "wasmbuild/state/10"

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class State(NamedTuple):
    """What one of the files holds.

    Changes name the checksum of what they are changes ``of``, and the files that are ``forgotten``; it is 0 in all.
    """

    files: Columns
    notes: dict[str, str]
    forgotten: list[str]
    of: int
    checksum: int


def to_bytes(rows: Columns, notes: Mapping[str, str], forgotten: Sequence[str] = (), of: int = 0) -> tuple[bytes, int]:
    """Return what ``read`` reads, and its checksum."""
    body = [column.encode("ascii") for column in rows.to_text()]
    head = {"schema": SCHEMA, "of": of, "quoted": rows.quoted, "forgotten": list(forgotten), "notes": notes}
    checksum = _checksum(head, *body)
    return b"".join([_ENCODE([head, checksum]).encode("ascii"), b"\n", *body]), checksum


def read(path: Path) -> State | None:
    """Read one of the files; ``None`` where it is not there or anything in it is not as it was written."""
    try:
        line, _, body = files.read(path)[0].partition(b"\n")
        head, checksum = json.loads(line)
        if head["schema"] != SCHEMA or checksum != _checksum(head, body):
            return None
        columns = Columns.from_text(body.decode("ascii"), quoted=head["quoted"])
        return State(columns, dict(head["notes"]), list(head["forgotten"]), head["of"], checksum)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _checksum(head: object, *body: bytes) -> int:
    checksum = binascii.crc32(_ENCODE(head).encode("ascii"))
    for part in body:
        checksum = binascii.crc32(part, checksum)
    return checksum
