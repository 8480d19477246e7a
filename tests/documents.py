"""A record, a manifest and an index as tests of formats change them, and what reads each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wasmbuild.formats import documents
from wasmbuild.formats.documents import Source
from wasmbuild.formats.extern import Export, Import
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact, Wasm
from wasmbuild.formats.record import Record
from wasmbuild.project.cases import Case, Directory, Wasi

A, B, C = "a" * 64, "b" * 64, "0123456789abcdef" * 4
EXPORTS = (Export("crc32", "func", "(i32, i32) -> (i32)"), Export("memory", "memory", "1..10"))
IMPORTS = (Import("wasi_snapshot_preview1", "fd_write", "func", "(i32, i32, i32, i32) -> (i32)"),)

RECORD = Record(
    id="plugins/checksum@pi",
    key=A,
    inputs={"schema": "key/1", "engine": {"cranelift-flags": {"x": 1}}, "list": [True, None, "é"]},
    size=20720,
    sha256=B,
    kind="module",
    source=Source("src/checksum.wat", C),
    wasm_sha256=A,
    imports=IMPORTS,
    exports=EXPORTS,
)
MANIFEST = Manifest(
    project="edge-filters",
    target="pi",
    triple="aarch64-unknown-linux-gnu",
    cpu="armv8.1-a",
    isa_flags={"has_lse": True},
    major=48,
    compiler="48.0.8",
    compiler_sha256=C,
    engine={"embedder": "c-api", "cranelift-flags": {"regalloc_algorithm": "single_pass"}, "epoch-interruption": True},
    require="loaded",
    artifacts=(
        ManifestArtifact(
            "checksum",
            "module",
            "checksum.cwasm",
            20720,
            B,
            A,
            Source("src/checksum.wat", C),
            IMPORTS,
            EXPORTS,
            tests=(
                Case("crc32", (0, 9), returns=(3421780262,), wasi=Wasi(("checksum",))),
                Case(
                    "crc32",
                    (0, -1),
                    traps="out of bounds",
                    wasi=Wasi(("c", ""), (("A", "é"),), "in", dirs=(Directory.holding("data", (("in.bin", "/wA="),)),)),
                    fuel=5,
                    seconds=1,
                ),
            ),
            wasm=Wasm("checksum.wasm", 99, C),
        ),
        ManifestArtifact(
            "plugins/run",
            "component",
            "plugins/run.cwasm",
            1,
            B,
            A,
            Source("../plugins/r\u00fcn.wasm", C),
            (Import("", "wasi:cli/environment@0.2.0", "instance", ""),),
            (Export("run", "func", ""),),
            tests=(Case("run", exit=1, stdout="", stderr="no\n", wasi=Wasi(("run",))),),
        ),
    ),
)
INDEX = Index(
    "edge-filters",
    (
        IndexTarget("pi", "aarch64-unknown-linux-gnu", "pi/manifest.json", A),
        IndexTarget("any", "pulley64", "any/manifest.json", B),
    ),
)

FIX = (
    "the file was edited or damaged, or another program or version of wasmbuild wrote it: delete it and build again, "
    "or copy it again from where it was built"
)


def document(value: Record | Manifest | Index) -> Any:
    return json.loads(value.to_bytes())


READERS: dict[str, Callable[[bytes, str], object]] = {
    documents.RECORD: Record.from_bytes,
    documents.MANIFEST: Manifest.from_bytes,
    documents.INDEX: Index.from_bytes,
}
