"""What a record or a manifest is of, whichever version of wasmbuild wrote it: by that, what is ours is known.

Only what is needed for this is read. In the rest, another version may have said more, less, or something else.
"""

from __future__ import annotations

from wasmbuild.formats.documents import MANIFEST, RECORD
from wasmbuild.formats.manifest import MAX_MANIFEST
from wasmbuild.formats.record import MAX_RECORD
from wasmbuild.formats.schema_check import Check, compile_schema
from wasmbuild.formats.schema_parts import NAME_OF_ONE_PART, SHA256, SOURCE_PATH, Schema, text
from wasmbuild.formats.strict_json import Invalid, loads
from wasmbuild.lean.typing import Any, NamedTuple


class OwnRecord(NamedTuple):
    """``id`` is that of the artifact. Path and digest, as binary, of its source are "" where they are not told."""

    id: str
    source_path: str
    wasm_sha256: str


class OwnManifest(NamedTuple):
    """``target`` and ``project`` are names; that of the project is "" where it is not told."""

    target: str
    project: str


def record(data: bytes) -> OwnRecord | None:
    """Read the record of any version of wasmbuild; return None for all other bytes."""
    document = _read(data, MAX_RECORD, _RECORD)
    if document is None:
        return None
    source = document["source"] if _fits(document, _SOURCE) else {"path": "", "wasm_sha256": ""}
    return OwnRecord(document["id"], source["path"], source["wasm_sha256"])


def manifest(data: bytes) -> OwnManifest | None:
    """Read the manifest of any version of wasmbuild; return None for all other bytes."""
    document = _read(data, MAX_MANIFEST, _MANIFEST)
    if document is None:
        return None
    return OwnManifest(document["target"]["name"], document["project"] if _fits(document, _PROJECT) else "")


def _read(data: bytes, limit: int, check: Check) -> Any:
    try:
        document = loads(data, limit)
    except Invalid:
        return None
    return document if _fits(document, check) else None


def _fits(document: object, check: Check) -> bool:
    try:
        check(document)
    except Invalid:
        return False
    return True


def _with(**properties: Schema) -> Schema:
    """Return the schema of an object that has these keys, and may have others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _any_version(schema: str) -> Schema:
    return text(rf"{schema.rpartition('/')[0]}/[1-9][0-9]*", "a version of the format")


_RECORD = compile_schema(_with(schema=_any_version(RECORD), id={"type": "string"}))
_SOURCE = compile_schema(_with(source=_with(path=SOURCE_PATH, wasm_sha256=SHA256)))
_MANIFEST = compile_schema(_with(schema=_any_version(MANIFEST), target=_with(name={"type": "string"})))
_PROJECT = compile_schema(_with(project=NAME_OF_ONE_PART))
