"""What decides an artifact's bytes, as one document, and its digest: the key."""

from __future__ import annotations

from wasmbuild.digest import sha256, sha256_hex
from wasmbuild.formats.key_inputs import KeyInputs
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.toolchain.toolchain import Toolchain

SCHEMA = "wasmbuild/key/1"
_LAST = "wasm"


class CompilerIdentity(NamedTuple):
    """What a compiler is, wherever it lies: its version and the digest of its executable or shared library."""

    version: str
    sha256: str


def identity_of(toolchain: Toolchain, engine: EngineConfig) -> CompilerIdentity:
    """Return what a toolchain compiles with for an engine."""
    compiler = toolchain.compiler(engine)
    return CompilerIdentity(compiler.version, compiler.sha256)


@lru_cache(1024)
def document(engine: EngineConfig, compiler: CompilerIdentity, wasm_sha256: str, kind: str) -> KeyInputs:
    """Return everything that decides an artifact's bytes, as JSON values; nobody changes them.

    Neither a path nor a time nor the name of the target or of a host is in it: the same inputs give the same key in
    every checkout.
    """
    shared, hashed, head = _shared(engine, compiler, kind)
    wasm = spell(wasm_sha256)
    digest = hashed.copy()
    digest.update(f"{wasm}}}".encode("ascii"))
    return KeyInputs({**shared, _LAST: wasm_sha256}, digest.hexdigest(), head, f"{wasm}}}")


def digest(document: Mapping[str, Any]) -> str:
    """Return the key: SHA-256 in hex over the canonical JSON of a document."""
    if isinstance(document, KeyInputs):
        return document.key
    return sha256_hex(canonical(document))


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the text of a document that its key is the digest of."""
    return spell(dict(document), ",", ":").encode("ascii")


@lru_cache(4096)
def _shared(engine: EngineConfig, compiler: CompilerIdentity, kind: str) -> tuple[dict[str, Any], Any, str]:
    """Return what the documents of all sources share: values, the hash of their text, and how records spell it.

    Both texts end where the source begins, which is what is sorted last.
    """
    shared = {
        "schema": SCHEMA,
        **engine.key_inputs(),
        "compiler": {"version": compiler.version, "sha256": compiler.sha256},
        "kind": kind,
    }
    whole = {**shared, _LAST: ""}
    head, spelled = canonical(whole).removesuffix(b'""}'), spell(whole).removesuffix('""}')
    return shared, sha256(head), spelled
