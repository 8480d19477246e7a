"""What decides an artifact's bytes, as one document, and its digest: the key."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from wasmbuild.engine.settings import compiler_inputs

if TYPE_CHECKING:
    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.find import Compiler

SCHEMA = "wasmbuild/key/1"


class TargetInputs:
    """The part of the key that all artifacts of a target share: triple, CPU, engine settings and compiler.

    Neither a path nor a time nor the name of the target or of a host is in it: the same inputs give the same key in
    every checkout.
    """

    def __init__(self, target: Target, line: int, compiler: Compiler) -> None:
        self._shared = {
            "schema": SCHEMA,
            "triple": target.triple.text,
            "isa-flags": dict(target.isa_flags),
            "engine": compiler_inputs(target.engine, line),
            "compiler": {"version": compiler.version, "sha256": compiler.sha256},
        }

    def document(self, wasm_sha256: str, kind: str) -> dict[str, Any]:
        """Return everything that decides the bytes of one artifact, as JSON values.

        ``wasm_sha256`` is the digest of the binary module or component, ``kind`` ``"module"`` or ``"component"``.
        """
        return {**self._shared, "wasm": wasm_sha256, "kind": kind}


def digest(document: dict[str, Any]) -> str:
    """Return the key: SHA-256 in hex over the canonical JSON of a document."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
