"""Manifest and index: what wasmbuild writes for those who load artifacts, and reads back without trusting it.

How they are spelled is told in ``documents.py``.

Readers refuse whatever the published JSON Schemas do not allow, a key that appears twice, and what a schema cannot
say: names or paths that are equal but for case, triples, CPU levels, ISA flags and engine settings that wasmbuild does
not know or that do not fit together. Each error names the file and the place in it.
"""

from __future__ import annotations

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.formats import given_directories
from wasmbuild.formats.documents import (
    INDEX,
    MANIFEST,
    SPLIT,
    Source,
    encode,
    extern_documents,
    extern_lines,
    in_one_line,
    too_large,
)
from wasmbuild.formats.extern import Export, Import, Interface
from wasmbuild.formats.reading import interface_of, read, traits_of
from wasmbuild.formats.traits import Traits
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.text import listed, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmbuild.engine.line import Value
    from wasmbuild.project.cases import Case, Directory, Files

# Of the keys of an artifact, sorted, those between its key and its digest.
_BEFORE_SHA256 = ("kind", "module", "path")

MAX_MANIFEST = 64 << 20
MAX_INDEX = 4 << 20
"""Bytes of a file that are read at most; readers of files can refuse a larger one before they read it."""


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

    def to_entry(self) -> bytes:
        """Return the artifact as it stands in a manifest, for ``Manifest.with_entries``."""
        shared = self._replace(size=0, sha256="", key="")
        # Tests may hold what has no hash.
        first, middle, last = _shared_parts(shared) if not self.tests else _parts(shared)
        own = f'"sha256": "{self.sha256}", "size": {self.size}'
        return f'{{{first}, "key": "{self.key}", {middle}, {own}, {last}}}'.encode("ascii")


class Manifest(NamedTuple):
    """What is shipped to one target.

    ``triple`` is the target triple as declared, ``cpu`` the declared level, ``isa_flags`` all of its flags spelled
    out; ``major`` is the line of Wasmtime, ``compiler`` the version that compiled and ``compiler_sha256`` the digest
    of its executable or library; ``engine`` the engine's settings in canonical form; ``require`` the lowest level of
    verification that passes, or None for the highest that can be reached. wasmbuild sorts ``artifacts`` by module.
    ``runtime`` is the version that will load them as it was declared, None where it was not.
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
    runtime: str | None = None

    @property
    def config(self) -> EngineConfig:
        """Line, target and engine as one value."""
        return EngineConfig(self.major, triples.parse(self.triple), self.isa_flags, self.engine)

    def to_bytes(self, directories: Sequence[Directory] | None = None) -> bytes:
        """Return the manifest as it is stored. Raises FormatError for one that is too large to be read again.

        Nothing else is looked at. ``directories`` are those that it holds, else those that its tests name.
        """
        if directories is None:
            directories = given_directories.named_by(test for artifact in self.artifacts for test in artifact.tests)
        return encode(
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
                    **({} if self.runtime is None else {"runtime": self.runtime}),
                },
                "engine": dict(self.engine),
                "require": self.require,
                "artifacts": list(map(_artifact_document, self.artifacts)),
                **given_directories.to_json(directories),
            },
            MAX_MANIFEST,
            f"the manifest of target {printable(self.target)}",
            _smaller(directories),
        )

    def with_entries(self, entries: bytes, directories: Sequence[Directory] = ()) -> bytes:
        """Return what ``to_bytes`` would with other artifacts: those of ``entries``.

        They have to be what the function ``entries`` gave, or what ``ManifestArtifact.to_entry`` did, in order, with
        names of their own and a comma and a line break between them, and ``directories`` are those that their tests
        name; the rest is what a declaration says that was checked.
        """
        data = self._replace(artifacts=()).to_bytes(directories)
        if entries:
            data = b"".join([_BEFORE_ENTRIES, entries, _AFTER_ENTRIES, data.removeprefix(_NO_ENTRIES)])
        if len(data) > MAX_MANIFEST:
            what = f"the manifest of target {printable(self.target)}"
            raise too_large(data, MAX_MANIFEST, what, _smaller(directories))
        return data

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Manifest:
        """Read a manifest; ``where`` names the file in messages. Raises FormatError."""
        from wasmbuild.formats.manifest_rules import check_manifest

        document = read(data, where, MANIFEST, MAX_MANIFEST, check_manifest)
        target, wasmtime = document["target"], document["wasmtime"]
        directories = given_directories.from_json(document)
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
            tuple([_artifact(artifact, directories) for artifact in document["artifacts"]]),
            wasmtime.get("runtime"),
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
        """Return the index as it is stored. Raises FormatError for one that is too large to be read again.

        Nothing else is looked at: all in it is of a declaration that was checked.
        """
        targets = [target._asdict() for target in self.targets]
        return encode({"schema": INDEX, "project": self.project, "targets": targets}, MAX_INDEX, "the index")

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Index:
        """Read an index; ``where`` names the file in messages. Raises FormatError."""
        from wasmbuild.formats.manifest_rules import check_index

        document = read(data, where, INDEX, MAX_INDEX, check_index)
        targets = (IndexTarget(t["name"], t["triple"], t["path"], t["sha256"]) for t in document["targets"])
        return cls(document["project"], tuple(targets))


def _parts(artifact: ManifestArtifact) -> tuple[str, str, str]:
    """Return how an artifact is spelled: what comes before its key, before its digest and after its size."""
    document = _artifact_document(artifact._replace(imports=(), exports=()))
    before = {name: document.pop(name) for name in _BEFORE_SHA256}
    for name in ("exports", "imports", "key", "sha256", "size"):
        del document[name]
    middle, last = (spell(part)[1:-1] for part in (before, document))
    exports, imports = (extern_lines(artifact.kind, externs) for externs in (artifact.exports, artifact.imports))
    return f'"exports": {in_one_line(exports)}, "imports": {in_one_line(imports)}', middle, last


@lru_cache(1024)
def _shared_parts(artifact: ManifestArtifact) -> tuple[str, str, str]:
    """Return ``_parts`` of what has neither key nor digest nor size, once for all targets of a module."""
    return _parts(artifact)


def _artifact_document(artifact: ManifestArtifact) -> dict[str, object]:
    document = {
        "module": artifact.module,
        "kind": artifact.kind,
        "path": artifact.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "key": artifact.key,
        "source": artifact.source._asdict(),
        "imports": extern_documents(artifact.kind, artifact.imports),
        "exports": extern_documents(artifact.kind, artifact.exports),
    }
    if artifact.tests:
        document["tests"] = [case.to_json() for case in artifact.tests]
    if artifact.traits is not None:
        document["traits"] = artifact.traits.to_json()
    if artifact.wasm is not None:
        document["wasm"] = artifact.wasm._asdict()
    return document


def _smaller(directories: Sequence[Directory]) -> str:
    """Return what to do where a manifest with these directories is too large."""
    sizes = {each.path: sum(len(content) for _, content in each.files or ()) for each in directories}
    total = sum(sizes.values())
    if total < MAX_MANIFEST // 2:
        return SPLIT
    largest = listed([quoted(path) for path in sorted(sizes, key=sizes.__getitem__, reverse=True)])
    return f"{total} of its bytes are what tests read from {largest}; give tests smaller dirs, or {SPLIT}"


def _artifact(document: Mapping[str, Any], directories: Mapping[str, Files]) -> ManifestArtifact:
    source = document["source"]
    imports, exports = interface_of(document)
    tests: tuple[Case, ...] = ()
    if "tests" in document:
        from wasmbuild.formats.typed_cases import typed
        from wasmbuild.project.cases import Case

        declared = [Case.from_json(test, directories) for test in document["tests"]]
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
        traits_of(document),
    )


# Of all keys of a manifest, that of its artifacts comes first, with one line for each of them.
_NO_ENTRIES = b'{\n"artifacts": [],\n'
_BEFORE_ENTRIES = b'{\n"artifacts": [\n'
_AFTER_ENTRIES = b"\n],\n"


def entries(data: bytes) -> bytes:
    """Return the artifacts of a manifest that ``Manifest.to_bytes`` made, as they stand there, each in its line."""
    if not data.startswith(_BEFORE_ENTRIES):
        return b""
    return data[len(_BEFORE_ENTRIES) : data.rindex(_AFTER_ENTRIES)]


def entries_by_module(data: bytes) -> dict[str, bytes]:
    """Return what ``entries`` does line by line, in order, each by the name of its module."""
    # Of all objects in a line that of the artifact alone has a path after a name, and no text has a bare quote.
    named = [(line.partition(b'", "path": "')[0], line) for line in entries(data).split(b",\n")]
    return {before.rpartition(b'"')[2].decode("ascii"): line for before, line in named if line}
