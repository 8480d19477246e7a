"""Reads record, manifest and index back without trusting them: the JSON, its version, and the values in it."""

from __future__ import annotations

import os

from wasmbuild.errors import FormatError
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.strict_json import Invalid, loads, show
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project import filenames
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmbuild.formats.schema_check import Check

_FIX = (
    "the file was edited or damaged, or another program or version of wasmbuild wrote it: delete it and build again, "
    "or copy it again from where it was built"
)
_OTHER = "it is no manifest or index: name one, or a build directory"
_MARK = b'"wasmbuild/'


def check_schema(document: object, schema: str) -> None:
    """Tell another version of a format from a damaged file. Raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid(f"must be an object, not {show(document)}")
    found = document.get("schema")
    if not isinstance(found, str) or found == schema:
        return
    if found.rpartition("/")[0] == schema.rpartition("/")[0]:
        problem = f"is {show(found)}, and this version of wasmbuild reads {show(schema)}"
        raise Invalid(problem, "schema", fix="use the version of wasmbuild that wrote the file, or build again")
    # What is wrong with the rest of it is that it is another file.
    raise Invalid(f"must be {show(schema)}, not {show(found)}", "schema", fix="name the right file, or build again")


def read(data: bytes, where: str, schema: str, limit: int, check: Check) -> Any:
    document: Any = None
    try:
        document = loads(data, limit)
        check_schema(document, schema)
        check(document)
    except Invalid as error:
        place = ": ".join(filter(None, (printable(where), error.where())))
        raise FormatError(f"{place}: {error.problem}; {error.fix or _fix(document, data, where)}") from None
    return document


def _fix(document: object, data: bytes, where: str) -> str:
    """Return what to do about a file: one that somebody named by mistake may be their own, and is not to be deleted."""
    if _MARK in data:
        return _FIX
    # The schema comes late, so that what was cut off does not say it.
    name = os.path.basename(where)
    is_built = name in (filenames.INDEX, filenames.MANIFEST) or name.endswith(filenames.ARTIFACT_RECORD_SUFFIX)
    return _FIX if document is None and is_built else _OTHER


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
