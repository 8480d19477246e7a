"""The record of one artifact: the file beside it, which says what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from wasmbuild.formats.documents import (
    Source,
    encode,
    extern_documents,
    extern_texts,
    interface_of,
    read,
    traits_of,
)
from wasmbuild.formats.extern import Export, Import
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
from wasmbuild.formats.strict_json import Check, Invalid, check_free, compile_schema
from wasmbuild.formats.traits import Traits
from wasmbuild.lean_typing import Any, NamedTuple
from wasmbuild.text import printable

RECORD = "wasmbuild/record/1"

MAX_RECORD = 16 << 20
"""Bytes of a record that are read at most; readers of files can refuse a larger one before they read it."""

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


class Record(NamedTuple):
    """The record of one artifact.

    ``id`` is ``module@target``; ``key`` is the digest of ``inputs``, the document of everything that decides the
    artifact's bytes (JSON values without fractions); ``size`` in bytes and ``sha256`` are the artifact's; ``kind`` is
    ``"module"`` or ``"component"``; ``wasm_sha256`` is the digest of the source as binary WebAssembly. ``traits`` is
    None where they could not be told.
    """

    id: str
    key: str
    inputs: Mapping[str, object]
    size: int
    sha256: str
    kind: str
    source: Source
    wasm_sha256: str
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    traits: Traits | None = None

    @property
    def module(self) -> str:
        """The name of the module."""
        return self.id.rpartition("@")[0]

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.id.rpartition("@")[2]

    def to_bytes(self) -> bytes:
        """Return the record as it is stored. Raises FormatError for what no reader would accept."""
        document: dict[str, object] = {
            "schema": RECORD,
            "id": self.id,
            "key": self.key,
            "inputs": dict(self.inputs),
            "artifact": {"size": self.size, "sha256": self.sha256},
            "kind": self.kind,
            "source": {**self.source._asdict(), "wasm_sha256": self.wasm_sha256},
            "imports": [],
            "exports": [],
        }
        if self.traits is not None:
            document["traits"] = self.traits.to_json()
        written = {
            "imports": extern_texts(self.kind, self.imports),
            "exports": extern_texts(self.kind, self.exports),
        }
        return encode(document, MAX_RECORD, f"the record of {printable(self.id)}", self._check, written)

    def _check(self, document: Any) -> None:
        _check(document)
        _check_interface(self.kind, self.imports, self.exports)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Record:
        """Read a record; ``where`` names the file in messages. Raises FormatError."""
        document = read(data, where, RECORD, MAX_RECORD, _check)
        artifact, source = document["artifact"], document["source"]
        imports, exports = interface_of(document)
        return cls(
            document["id"],
            document["key"],
            document["inputs"],
            artifact["size"],
            artifact["sha256"],
            document["kind"],
            Source(source["path"], source["sha256"]),
            source["wasm_sha256"],
            imports,
            exports,
            traits_of(document),
        )


@cache
def _structure() -> Check:
    return compile_schema(JSON_SCHEMA)


@cache
def _interface() -> Check:
    return compile_schema(by_kind({"kind": KIND}))


@lru_cache(256)
def _check_interface(kind: str, imports: tuple[Import, ...], exports: tuple[Export, ...]) -> None:
    """Check what all targets of a module have in common, once. Raises Invalid."""
    _interface()({"kind": kind, "imports": extern_documents(kind, imports), "exports": extern_documents(kind, exports)})


def _check(document: Any) -> None:
    """Check a document of JSON as a record. Raises Invalid."""
    _structure()(document)
    try:
        check_free(document["inputs"])
    except Invalid as error:
        error.path.append("inputs")
        raise
