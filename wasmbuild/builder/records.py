"""Records as they are read beside artifacts, and what is remembered of them."""

from __future__ import annotations

from wasmbuild import files
from wasmbuild.builder import key
from wasmbuild.builder.build_directory import record_path
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError, FormatError
from wasmbuild.formats.documents import extern_lines
from wasmbuild.formats.record import MAX_RECORD, Record
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.memory import KnownFile, Memory
    from wasmbuild.formats.extern import Export, Import
    from wasmbuild.formats.traits import Traits


def read_record(artifact: Path) -> Record:
    """Read the record of an artifact. Raises DiskError where it is missing or damaged."""
    path = record_path(artifact)
    try:
        return Record.from_bytes(files.read(path, MAX_RECORD)[0], where=str(path))
    except (OSError, FormatError) as error:
        raise DiskError(f"{path}: changed while its manifest was written: {error}; build again") from error


def look_at_record(memory: Memory, path: str | Path, *, follow: bool = False) -> KnownFile | None:
    """Return what is known of a record, with its ``record_facts``; None where there is none. Raises DiskError."""
    return memory.look(path, record_facts, MAX_RECORD, follow=follow)


def record_facts(data: bytes) -> dict[str, Any] | None:
    """Return what is remembered of a record; nothing of one that is damaged."""
    try:
        record = Record.from_bytes(data, where="")
    except FormatError:
        return None
    return facts_of(record)


def facts_of(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "key": record.key,
        "sha256": record.sha256,
        "source": list(record.source),
        "wasm": record.wasm_sha256,
        "size": record.size,
        "inputs": key.digest(record.inputs),
        "module": module_digest(record),
    }


def module_digest(of: Record | SourceFacts) -> str:
    """Return a digest of what a record says of its module, or would say of a source."""
    return _module_digest(of.kind, of.wasm_sha256, of.imports, of.exports, of.traits)


@lru_cache(256)
def _module_digest(
    kind: str, wasm_sha256: str, imports: tuple[Import, ...], exports: tuple[Export, ...], traits: Traits | None
) -> str:
    rest = spell([kind, wasm_sha256, traits])
    return sha256_hex("\n".join([rest, extern_lines(kind, imports), extern_lines(kind, exports)]).encode("ascii"))
