"""The rules of a record: its JSON Schema, and what a schema cannot say. Who writes one needs neither."""

from __future__ import annotations

from functools import cache

from wasmbuild.formats.documents import RECORD
from wasmbuild.formats.schema_check import Check, compile_schema
from wasmbuild.formats.schema_parts import (
    KIND,
    NAME,
    PART,
    SHA256,
    SIZE,
    SOURCE_PATH,
    TRAITS,
    by_kind,
    published,
    strict,
    text,
)
from wasmbuild.formats.strict_json import Invalid, check_free
from wasmbuild.lean.typing import Any

JSON_SCHEMA = published(
    RECORD,
    "The record beside an artifact",
    by_kind(
        {
            "schema": {"type": "string", "const": RECORD},
            "id": text(rf"{NAME}@{PART}", 'an id such as "checksum@pi"', 2001),
            "key": SHA256,
            "inputs": {"type": "object"},
            "artifact": strict({"size": SIZE, "sha256": SHA256}),
            "kind": KIND,
            "source": strict({"path": SOURCE_PATH, "sha256": SHA256, "wasm_sha256": SHA256}),
        },
        {"traits": TRAITS},
    ),
)


def check_record(document: Any) -> None:
    """Check a document of JSON as a record. Raises Invalid."""
    _structure()(document)
    try:
        check_free(document["inputs"])
    except Invalid as error:
        error.path.append("inputs")
        raise


@cache
def _structure() -> Check:
    return compile_schema(JSON_SCHEMA)
