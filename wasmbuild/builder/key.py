"""What decides an artifact's bytes, as one document, and its digest: the key."""

from __future__ import annotations

import json

from wasmbuild.digest import sha256_hex
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.toolchain.toolchain import Toolchain

SCHEMA = "wasmbuild/key/1"
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class CompilerIdentity(NamedTuple):
    """What a compiler is, wherever it lies: its version and the digest of its executable or shared library."""

    version: str
    sha256: str


def identity_of(toolchain: Toolchain, engine: EngineConfig) -> CompilerIdentity:
    """Return what a toolchain compiles with for an engine."""
    compiler = toolchain.compiler(engine)
    return CompilerIdentity(compiler.version, compiler.sha256)


def document(engine: EngineConfig, compiler: CompilerIdentity, wasm_sha256: str, kind: str) -> dict[str, Any]:
    """Return everything that decides an artifact's bytes, as JSON values.

    Neither a path nor a time nor the name of the target or of a host is in it: the same inputs give the same key in
    every checkout.
    """
    return {
        "schema": SCHEMA,
        **engine.key_inputs(),
        "compiler": {"version": compiler.version, "sha256": compiler.sha256},
        "wasm": wasm_sha256,
        "kind": kind,
    }


def digest(document: dict[str, Any]) -> str:
    """Return the key: SHA-256 in hex over the canonical JSON of a document."""
    return sha256_hex(_CANONICAL.encode(document).encode("ascii"))
