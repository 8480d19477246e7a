"""Artifacts made up byte by byte, and manifests that describe them: for tests that need no compiler."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wasmbuild.formats.cwasm import HEADERS
from wasmbuild.formats.documents import Source
from wasmbuild.formats.extern import Export, Import
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact

Value = bool | int | str

SHARED: Mapping[str, Value] = {"opt_level": "speed", "unwind_info": True}
TAIL = bytes(range(60))


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    length, out = len(data), bytearray()
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*out, length]) + data


def _flags(values: Mapping[str, Value]) -> bytes:
    out = bytes([len(values)])
    for name, value in values.items():
        out += _text(name)
        if isinstance(value, bool):
            out += bytes([2, value])
        else:
            out += bytes([1, value]) if isinstance(value, int) else b"\0" + _text(value)
    return out


def artifact(
    triple: str = "aarch64-unknown-linux-gnu",
    *,
    kind: str = "module",
    version: str = "48",
    architecture: str = "aarch64",
    shared: Mapping[str, Value] = SHARED,
    isa: Mapping[str, Value] | None = None,
    tail: bytes = TAIL,
    extra: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """Return a file with the headers of an artifact, an engine section, other sections, and nothing to run."""
    header = HEADERS[architecture]
    engine = b"\0" + bytes([len(version)]) + version.encode() + _text(triple)
    engine += _flags(shared) + _flags(isa or {}) + tail
    contents = [(".wasmtime.engine", engine), *extra]
    names = b"\0"
    offset, body, rows = 64, b"", [(0, 0, 0, 0)]
    for name, data in contents:
        rows.append((len(names), 1, offset, len(data)))
        names += name.encode() + b"\0"
        body += data
        offset += len(data)
    rows.append((len(names), 3, offset, len(names) + len(b".shstrtab\0")))
    names += b".shstrtab\0"
    order = ">" if header.big_endian else "<"
    e_flags = {"module": 1, "component": 2}[kind] | {0: 0, 32: 4, 64: 8}[header.pulley_bits]
    ident = b"\x7fELF" + bytes([2, 2 if header.big_endian else 1, 1, 200]) + bytes(8)
    table = 64 + len(body) + len(names)
    head = struct.pack(
        order + "HHIQQQIHHHHHH", 1, header.machine, 1, 0, 0, table, e_flags, 64, 0, 0, 64, len(rows), len(rows) - 1
    )
    packed = b"".join(struct.pack(order + "IIQQQQIIQQ", n, t, 0, 0, at, size, 0, 0, 1, 0) for n, t, at, size in rows)
    return ident + head + body + names + packed


class Maker:
    """Makes artifacts that have headers and an engine section, and nothing to run."""

    shared = SHARED
    tail = TAIL
    artifact = staticmethod(artifact)

    def entry(
        self,
        data: bytes,
        module: str = "checksum",
        *,
        kind: str = "module",
        imports: tuple[Import, ...] = (),
        exports: tuple[Export, ...] = (),
        path: str | None = None,
    ) -> ManifestArtifact:
        digest = hashlib.sha256(data).hexdigest()
        source = Source(f"src/{module}.wat", "1" * 64)
        path = path or f"{module}.cwasm"
        return ManifestArtifact(module, kind, path, len(data), digest, "0" * 64, source, imports, exports)

    def manifest(self, *artifacts: ManifestArtifact, target: str = "pi", **changes: Any) -> Manifest:
        manifest = Manifest(
            project="filters",
            target=target,
            triple="aarch64-unknown-linux-gnu",
            cpu=None,
            isa_flags={},
            major=48,
            compiler="48.0.2",
            compiler_sha256="2" * 64,
            engine={"embedder": "c-api"},
            require=None,
            artifacts=artifacts,
        )
        return manifest._replace(**changes)

    def ship(self, root: Path, files: Mapping[str, bytes], *, target: str = "pi", **changes: Any) -> Manifest:
        """Write artifacts by module, and their manifest, into ``root / target``."""
        directory = root / target
        for module, data in files.items():
            path = directory / f"{module}.cwasm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        manifest = self.manifest(
            *(self.entry(data, module) for module, data in sorted(files.items())), target=target, **changes
        )
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "manifest.json").write_bytes(manifest.to_bytes())
        return manifest

    def index(self, root: Path, *manifests: Manifest) -> bytes:
        """Write the index of manifests that lie below ``root``, and return its bytes."""
        targets = []
        for manifest in manifests:
            path = f"{manifest.target}/manifest.json"
            digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
            targets.append(IndexTarget(manifest.target, manifest.triple, path, digest))
        data = Index("filters", tuple(targets)).to_bytes()
        (root / "index.json").write_bytes(data)
        return data
