"""Record, manifest and index: what wasmbuild writes beside the artifacts, and reads back without trusting it.

All three are deterministic JSON: equal values have equal bytes, whatever machine writes them. Keys are sorted, text is
ASCII with escapes, one line holds one entry, and the last line ends with a newline.

Readers refuse whatever the published JSON Schemas do not allow, a key that appears twice, and what a schema cannot
say: names or paths that are equal but for case, triples, CPU levels, ISA flags and engine settings that wasmbuild does
not know or that do not fit together. Each error names the file and the place in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Value
from wasmbuild.errors import FormatError
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.manifest_rules import check_index, check_manifest, check_record, check_schema, interface_of
from wasmbuild.formats.schemas import INDEX, JSON_SCHEMAS, LEVELS, MANIFEST, RECORD
from wasmbuild.formats.strict_json import Check, Invalid, loads
from wasmbuild.formats.traits import Traits
from wasmbuild.formats.typed_cases import typed
from wasmbuild.project.cases import Case
from wasmbuild.text import printable

__all__ = [
    "INDEX",
    "JSON_SCHEMAS",
    "LEVELS",
    "MANIFEST",
    "MAX_INDEX",
    "MAX_MANIFEST",
    "MAX_RECORD",
    "RECORD",
    "Index",
    "IndexTarget",
    "Manifest",
    "ManifestArtifact",
    "Record",
    "Source",
    "printable",
]

MAX_RECORD = 16 << 20
MAX_MANIFEST = 64 << 20
MAX_INDEX = 4 << 20
"""Bytes of a file that are read at most; readers of files can refuse a larger one before they read it."""


class Source(NamedTuple):
    """What an artifact was made from.

    ``path`` is relative to the folder of ``wasmbuild.toml``, with forward slashes; it may start with ``..``, since it
    is for people and no reader opens it. ``sha256`` is the digest of that file.
    """

    path: str
    sha256: str


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
            "imports": _extern_documents(self.kind, self.imports),
            "exports": _extern_documents(self.kind, self.exports),
        }
        if self.traits is not None:
            document["traits"] = self.traits.to_json()
        return _encode(document, MAX_RECORD, f"the record of {printable(self.id)}", check_record)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Record:
        """Read a record; ``where`` names the file in messages. Raises FormatError."""
        document = _read(data, where, RECORD, MAX_RECORD, check_record)
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
            _traits(document),
        )


class Wasm(NamedTuple):
    """The module itself as binary WebAssembly, where it is shipped; ``path`` is one like the artifact's."""

    path: str
    size: int
    sha256: str


class ManifestArtifact(NamedTuple):
    """One artifact of a manifest; ``path`` is relative to the manifest's directory, with forward slashes.

    ``tests`` are typed as its exports are (``wasmbuild.formats.typed_cases``): what is read fits them. ``wasm`` is None
    unless the module is shipped beside the artifact. ``traits`` is None where they could not be told.
    """

    module: str
    kind: str
    path: str
    size: int
    sha256: str
    key: str
    source: Source
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    tests: tuple[Case, ...] = ()
    wasm: Wasm | None = None
    traits: Traits | None = None


class Manifest(NamedTuple):
    """What is shipped to one target.

    ``triple`` is the target triple as declared, ``cpu`` the declared level, ``isa_flags`` all of its flags spelled
    out; ``major`` is the line of Wasmtime, ``compiler`` the version that compiled and ``compiler_sha256`` the digest
    of its executable or library; ``engine`` the engine's settings in canonical form; ``require`` the lowest level of
    verification that passes, or None for the highest that can be reached. wasmbuild sorts ``artifacts`` by module.
    """

    project: str
    target: str
    triple: str
    cpu: str | None
    isa_flags: Mapping[str, Value]
    major: int
    compiler: str
    compiler_sha256: str
    engine: Mapping[str, object]
    require: str | None
    artifacts: tuple[ManifestArtifact, ...]

    @property
    def config(self) -> EngineConfig:
        """Line, target and engine as one value."""
        return EngineConfig(self.major, triples.parse(self.triple), self.isa_flags, self.engine)

    def to_bytes(self) -> bytes:
        """Return the manifest as it is stored. Raises FormatError for what no reader would accept."""
        return _encode(
            {
                "schema": MANIFEST,
                "project": self.project,
                "target": {
                    "name": self.target,
                    "triple": self.triple,
                    "cpu": self.cpu,
                    "isa_flags": dict(self.isa_flags),
                },
                "wasmtime": {
                    "major": self.major,
                    "compiler": self.compiler,
                    "compiler_sha256": self.compiler_sha256,
                },
                "engine": dict(self.engine),
                "require": self.require,
                "artifacts": list(map(_artifact_document, self.artifacts)),
            },
            MAX_MANIFEST,
            f"the manifest of target {printable(self.target)}",
            check_manifest,
        )

    def with_entries(self, entries: Sequence[bytes]) -> bytes:
        """Return what ``to_bytes`` would with other artifacts: those of ``entries``, which are not checked again.

        They have to be what the function ``entries`` gave, in order, with names of their own.
        """
        data = self._replace(artifacts=()).to_bytes()
        if entries:
            data = data.replace(_NO_ENTRIES, _FIRST_ENTRY + b",\n".join(entries) + b"\n],\n", 1)
        if len(data) > MAX_MANIFEST:
            raise _too_large(data, MAX_MANIFEST, f"the manifest of target {printable(self.target)}")
        return data

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Manifest:
        """Read a manifest; ``where`` names the file in messages. Raises FormatError."""
        document = _read(data, where, MANIFEST, MAX_MANIFEST, check_manifest)
        target, wasmtime = document["target"], document["wasmtime"]
        return cls(
            document["project"],
            target["name"],
            target["triple"],
            target["cpu"],
            target["isa_flags"],
            wasmtime["major"],
            wasmtime["compiler"],
            wasmtime["compiler_sha256"],
            document["engine"],
            document["require"],
            tuple(map(_artifact, document["artifacts"])),
        )


class IndexTarget(NamedTuple):
    """One target of an index: ``path`` leads from the index to its manifest, ``sha256`` is that manifest's digest."""

    name: str
    triple: str
    path: str
    sha256: str


class Index(NamedTuple):
    """The targets of a build directory whose manifests stand, in order of preference."""

    project: str
    targets: tuple[IndexTarget, ...]

    def to_bytes(self) -> bytes:
        """Return the index as it is stored. Raises FormatError for what no reader would accept."""
        targets = [target._asdict() for target in self.targets]
        return _encode(
            {"schema": INDEX, "project": self.project, "targets": targets}, MAX_INDEX, "the index", check_index
        )

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Index:
        """Read an index; ``where`` names the file in messages. Raises FormatError."""
        document = _read(data, where, INDEX, MAX_INDEX, check_index)
        targets = (IndexTarget(t["name"], t["triple"], t["path"], t["sha256"]) for t in document["targets"])
        return cls(document["project"], tuple(targets))


def _artifact_document(artifact: ManifestArtifact) -> dict[str, object]:
    document = {
        "module": artifact.module,
        "kind": artifact.kind,
        "path": artifact.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "key": artifact.key,
        "source": artifact.source._asdict(),
        "imports": _extern_documents(artifact.kind, artifact.imports),
        "exports": _extern_documents(artifact.kind, artifact.exports),
    }
    if artifact.tests:
        document["tests"] = [case.to_json() for case in artifact.tests]
    if artifact.traits is not None:
        document["traits"] = artifact.traits.to_json()
    if artifact.wasm is not None:
        document["wasm"] = artifact.wasm._asdict()
    return document


def _artifact(document: Mapping[str, Any]) -> ManifestArtifact:
    source = document["source"]
    imports, exports = interface_of(document)
    tests: tuple[Case, ...] = ()
    if "tests" in document:
        declared = [Case.from_json(test) for test in document["tests"]]
        tests = typed(declared, document["kind"], Interface(imports, exports))
    return ManifestArtifact(
        document["module"],
        document["kind"],
        document["path"],
        document["size"],
        document["sha256"],
        document["key"],
        Source(source["path"], source["sha256"]),
        imports,
        exports,
        tests,
        Wasm(**document["wasm"]) if "wasm" in document else None,
        _traits(document),
    )


def _traits(document: Mapping[str, Any]) -> Traits | None:
    return Traits.from_json(document["traits"]) if "traits" in document else None


def _extern_documents(kind: str, externs: Sequence[Import] | Sequence[Export]) -> list[dict[str, str]]:
    if kind == "module":
        return [extern._asdict() for extern in externs]
    return [{"name": extern.name, "kind": extern.kind} for extern in externs]


# --- bytes ------------------------------------------------------------------------------------------------------------

_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False, check_circular=False)
_FIX = (
    "the file was edited or damaged, or another program wrote it: build again, or copy it again from where it was built"
)


def _encode(document: dict[str, object], limit: int, what: str, check: Check) -> bytes:
    try:
        check(document)
    except Invalid as error:
        place = ": ".join(filter(None, (what, error.where())))
        raise FormatError(f"{place}: {error.problem}; it cannot be written like this") from None
    lines = []
    for key in sorted(document):
        value = document[key]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n" + ",\n".join(map(_ENCODER.encode, value)) + "\n]"
        else:
            text = _ENCODER.encode(value)
        lines.append(f'"{key}": {text}')
    data = ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")
    if len(data) > limit:
        raise _too_large(data, limit, what)
    return data


def _too_large(data: bytes, limit: int, what: str) -> FormatError:
    return FormatError(f"{what} has {len(data)} bytes, and at most {limit} can be read again; split the project")


# Of all keys of a manifest, that of its artifacts comes first, with one line for each of them.
_NO_ENTRIES = b'{\n"artifacts": [],\n'
_FIRST_ENTRY = b'{\n"artifacts": [\n'


def entries(data: bytes) -> list[bytes]:
    """Return the artifacts of a manifest that ``Manifest.to_bytes`` made, each as it stands in its line."""
    if not data.startswith(_FIRST_ENTRY):
        return []
    return data[len(_FIRST_ENTRY) : data.index(b"\n],\n")].split(b",\n")


def _read(data: bytes, where: str, schema: str, limit: int, check: Check) -> Any:
    try:
        document = loads(data, limit)
        check_schema(document, schema)
        check(document)
    except Invalid as error:
        place = ": ".join(filter(None, (printable(where), error.where())))
        raise FormatError(f"{place}: {error.problem}; {error.fix or _FIX}") from None
    return document
