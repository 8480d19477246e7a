"""The record of one artifact: the file beside it, which says what it was made from."""

from __future__ import annotations

from wasmbuild.formats.documents import (
    RECORD,
    Source,
    extern_lines,
    lines,
    too_large,
)
from wasmbuild.formats.key_inputs import KeyInputs
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmbuild.formats.extern import Export, Import
    from wasmbuild.formats.traits import Traits

MAX_RECORD = 32 << 20
"""Bytes of a record that are read at most; readers of files can refuse a larger one before they read it.

Enough for ``wasm.MAX_TEXT`` characters of imports and exports where a name with its type takes no less than the keys
around it, some forty. A manifest holds one of that size.
"""


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

    def to_bytes(self) -> bytes:
        """Return the record as it is stored. Raises FormatError for one that is too large to be read again.

        Nothing else is looked at: all in it is of a plan and of a source that compiled.
        """
        exports, imports, rest = _of_module(
            self.kind, self.source, self.wasm_sha256, self.imports, self.exports, self.traits
        )
        inputs = self.inputs.spelled if isinstance(self.inputs, KeyInputs) else spell(dict(self.inputs))
        data = (
            f'{{\n"artifact": {{"sha256": "{self.sha256}", "size": {self.size}}},\n{exports},\n'
            f'"id": "{self.id}",\n{imports},\n"inputs": {inputs},\n"key": "{self.key}",\n{rest}\n}}\n'
        ).encode("ascii")
        if len(data) > MAX_RECORD:
            raise too_large(data, MAX_RECORD, f"the record of {printable(self.id)}")
        return data

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Record:
        """Read a record; ``where`` names the file in messages. Raises FormatError."""
        from wasmbuild.formats.reading import interface_of, read, traits_of
        from wasmbuild.formats.record_rules import check_record

        document = read(data, where, RECORD, MAX_RECORD, check_record)
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


@lru_cache(256)
def _of_module(
    kind: str,
    source: Source,
    wasm_sha256: str,
    imports: tuple[Import, ...],
    exports: tuple[Export, ...],
    traits: Traits | None,
) -> tuple[str, str, str]:
    """Return the lines that the records of all targets of a module have in common: exports, imports, the rest."""
    rest = lines(_module_document(kind, source, wasm_sha256, traits))
    return f'"exports": {extern_lines(kind, exports)}', f'"imports": {extern_lines(kind, imports)}', ",\n".join(rest)


def _module_document(kind: str, source: Source, wasm_sha256: str, traits: Traits | None) -> dict[str, object]:
    said = {} if traits is None else {"traits": traits.to_json()}
    return {"schema": RECORD, "kind": kind, "source": {**source._asdict(), "wasm_sha256": wasm_sha256}, **said}
