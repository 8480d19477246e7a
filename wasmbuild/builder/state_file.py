"""The files of what is remembered: all of it, and what changed since, which after an edit is little.

Each has a line of JSON, the text of ``Columns``, and a checksum of both. A digit of a digest that a disk got wrong
would make right files wrong in every build, so what does not have its checksum is as good as nothing.
"""

from __future__ import annotations

import os
import zlib
from itertools import chain

from wasmbuild import __version__, files
from wasmbuild.builder.columns import Columns
from wasmbuild.lean.json import read as read_json
from wasmbuild.lean.json import spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SCHEMA = f"wasmbuild/state/18 of {__version__}"
"""Another version may remember other facts of the same file."""

_CHECKSUM = b"%08x"
_CHECKSUM_SIZE = 8
# Enough for a million artifacts: a file that is damaged may have any size.
_MAX_BYTES = 1 << 30


class State(NamedTuple):
    """What one of the files holds.

    Changes name the ``id`` of what they are changes ``of``, and the files that are ``forgotten``; they have no id.
    """

    files: Columns
    notes: dict[str, str]
    forgotten: list[str]
    id: str
    of: str


def new_id() -> str:
    """Return an id that no other file has."""
    return os.urandom(8).hex()


def parts(
    rows: Columns, notes: Mapping[str, str], *, id: str = "", forgotten: Sequence[str] = (), of: str = ""
) -> Iterator[bytes]:
    """Yield what ``read`` reads, a part at a time: all of it is large."""
    sizes, text = rows.to_text()
    head = {
        "schema": SCHEMA,
        "id": id,
        "of": of,
        "sizes": sizes,
        "quoted": rows.quoted,
        "forgotten": list(forgotten),
        "notes": notes,
    }
    checksum = 0
    for lines in chain((spell(head, ",", ":") + "\n",), text):
        part = lines.encode("ascii")
        checksum = zlib.crc32(part, checksum)
        yield part
    yield _CHECKSUM % checksum


def read(path: Path) -> State | None:
    """Read one of the files; ``None`` where it is not there or anything in it is not as it was written."""
    try:
        data = files.read(path, _MAX_BYTES)[0]
        if data[-_CHECKSUM_SIZE:] != _CHECKSUM % zlib.crc32(memoryview(data)[:-_CHECKSUM_SIZE]):
            return None
        start = data.index(b"\n") + 1
        head = read_json(data[:start].decode("ascii"))
        if head["schema"] != SCHEMA:
            return None
        columns = Columns.from_text(memoryview(data)[start:-_CHECKSUM_SIZE], head["sizes"], quoted=head["quoted"])
        return State(columns, dict(head["notes"]), list(head["forgotten"]), head["id"], head["of"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
