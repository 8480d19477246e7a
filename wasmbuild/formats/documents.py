"""What record, manifest and index have in common: how they are written, and read back without trusting them.

All three are deterministic JSON: equal values have equal bytes, whatever machine writes them. Keys are sorted, text is
ASCII with escapes, one line holds one entry, and the last line ends with a newline.
"""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.strict_json import Invalid, loads, show
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wasmbuild.formats.schema_check import Check

RECORD = "wasmbuild/record/1"
MANIFEST = "wasmbuild/manifest/1"
INDEX = "wasmbuild/index/1"

_FIX = (
    "the file was edited or damaged, or another program wrote it: build again, or copy it again from where it was built"
)


class Source(NamedTuple):
    """What an artifact was made from.

    ``path`` is relative to the folder of ``wasmbuild.toml``, with forward slashes; it may start with ``..``, since it
    is for people and no reader opens it. ``sha256`` is the digest of that file.
    """

    path: str
    sha256: str


def interface_of(artifact: Mapping[str, Any]) -> Interface:
    """Return the interface in the document of an artifact whose structure was checked."""
    imports, exports = artifact["imports"], artifact["exports"]
    if artifact["kind"] == "module":
        return Interface(
            tuple([Import(i["module"], i["name"], i["kind"], i["type"]) for i in imports]),
            tuple([Export(e["name"], e["kind"], e["type"]) for e in exports]),
        )
    return Interface(
        tuple([Import("", i["name"], i["kind"], "") for i in imports]),
        tuple([Export(e["name"], e["kind"], "") for e in exports]),
    )


def traits_of(document: Mapping[str, Any]) -> Traits | None:
    return Traits.from_json(document["traits"]) if "traits" in document else None


def extern_documents(kind: str, externs: Sequence[Import] | Sequence[Export]) -> list[dict[str, str]]:
    if kind == "module":
        return [dict(zip(extern._fields, extern, strict=True)) for extern in externs]
    return [{"name": extern.name, "kind": extern.kind} for extern in externs]


def encode(document: dict[str, object], limit: int, what: str, check: Check | None) -> bytes:
    """Return a document as it is stored; without ``check``, it is known to be one that can be read again."""
    try:
        if check is not None:
            check(document)
    except Invalid as error:
        raise unwritable(error, what) from None
    data = ("{\n" + ",\n".join(lines(document)) + "\n}\n").encode("ascii")
    if len(data) > limit:
        raise too_large(data, limit, what)
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


def unwritable(error: Invalid, what: str) -> FormatError:
    place = ": ".join(filter(None, (what, error.where())))
    return FormatError(f"{place}: {error.problem}; it cannot be written like this")


def too_large(data: bytes, limit: int, what: str) -> FormatError:
    return FormatError(f"{what} has {len(data)} bytes, and at most {limit} can be read again; split the project")


def check_schema(document: object, schema: str) -> None:
    """Tell another version of a format from a damaged file. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid(f"must be an object, not {show(document)}")
    found = document.get("schema")
    if isinstance(found, str) and found != schema and found.rpartition("/")[0] == schema.rpartition("/")[0]:
        problem = f"is {show(found)}, and this version of wasmbuild reads {show(schema)}"
        raise Invalid(problem, "schema", fix="use the version of wasmbuild that wrote the file, or build again")


def read(data: bytes, where: str, schema: str, limit: int, check: Check) -> Any:
    try:
        document = loads(data, limit)
        check_schema(document, schema)
        check(document)
    except Invalid as error:
        place = ": ".join(filter(None, (printable(where), error.where())))
        raise FormatError(f"{place}: {error.problem}; {error.fix or _FIX}") from None
    return document
