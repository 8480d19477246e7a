"""What record, manifest and index have in common: how they are written. ``wasmbuild.formats.reading`` reads them back.

All three are deterministic JSON: equal values have equal bytes, whatever machine writes them. Keys are sorted, text is
ASCII with escapes, one line holds one entry, and the last line ends with a newline.
"""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wasmbuild.formats.extern import Export, Import

RECORD = "wasmbuild/record/1"
MANIFEST = "wasmbuild/manifest/1"
INDEX = "wasmbuild/index/1"

SPLIT = "split the project"
"""What to do where a document is too large."""


class Source(NamedTuple):
    """What an artifact was made from.

    ``path`` is relative to the folder of ``wasmbuild.toml``, with forward slashes; it may start with ``..``, since it
    is for people and no reader opens it. ``sha256`` is the digest of that file.
    """

    path: str
    sha256: str


def extern_documents(kind: str, externs: Sequence[Import] | Sequence[Export]) -> list[dict[str, str]]:
    if kind == "module":
        return [dict(zip(extern._fields, extern, strict=True)) for extern in externs]
    return [{"name": extern.name, "kind": extern.kind} for extern in externs]


def encode(document: Mapping[str, object], limit: int, what: str, fix: str = SPLIT) -> bytes:
    """Return a document as it is stored. Raises FormatError where it is too large; ``fix`` is what to do then."""
    data = ("{\n" + ",\n".join(lines(document)) + "\n}\n").encode("ascii")
    if len(data) > limit:
        raise too_large(data, limit, what, fix)
    return data


def lines(document: Mapping[str, object]) -> Iterable[str]:
    """Yield how each key of a document is stored, without what comes between them."""
    for key in sorted(document):
        value = document[key]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(map(spell, value)) + "\n]"
        else:
            text = spell(value)
        yield f'"{key}": {text}'


@lru_cache(256)
def extern_lines(kind: str, externs: Sequence[Import] | Sequence[Export]) -> str:
    """Return how a record stores imports or exports, one a line; a manifest has them ``in_one_line``."""
    if not externs:
        return "[]"
    # To spell thousands one after another takes three times as long. Text has no bare line feed, so that where one
    # comes before a key it is between two of them, and everywhere else between two objects.
    spelled = spell(extern_documents(kind, externs), ",\n")
    return f"[\n{spelled[1:-1]}\n]".replace(',\n"', ', "')


def in_one_line(spelled: str) -> str:
    """Return what ``extern_lines`` did as it is stored in a manifest."""
    return spelled.replace(",\n", ", ").replace("\n", "")


def too_large(data: bytes, limit: int, what: str, fix: str = SPLIT) -> FormatError:
    return FormatError(f"{what} has {len(data)} bytes, and at most {limit} can be read again; {fix}")
