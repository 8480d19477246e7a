"""What sources are, by the digests of their bytes, in the user's cache: it takes longer to find out than to read.

Only what the bytes themselves say is remembered, and only by the very code that found it; of text, by what translated
it, and its binary too where that is small: to translate takes a process of its own.
"""

from __future__ import annotations

from wasmbuild import __version__
from wasmbuild.digest import sha256_hex
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.json import spell
from wasmbuild.lean.typing import Any
from wasmbuild.usercache import Documents, code_of

_DOCUMENTS = Documents("sources", 4096)
# What is smaller is looked at in less time than a file takes to be written and read.
WORTH_BYTES = 8 << 10
KEPT_BYTES = 64 << 10


def recall(sha256: str, translator: str = "") -> dict[str, Any] | None:
    """Return what was remembered of a source with this digest in hex, None where nothing was.

    ``translator`` names what translates it, where it is text.
    """
    facts = _read(sha256, translator).get("facts")
    return facts if isinstance(facts, dict) else None


def binary(sha256: str, translator: str) -> bytes | None:
    """Return the binary of text with this digest in hex, None where it was not kept."""
    kept = _read(sha256, translator).get("binary")
    return bytes.fromhex(kept) if kept else None


def remember(sha256: str, facts: dict[str, Any], translator: str = "", binary: bytes = b"") -> None:
    """Remember what a source with this digest in hex is, as JSON values, and the binary that text was translated to."""
    kept = binary.hex() if len(binary) <= KEPT_BYTES else ""
    _DOCUMENTS.remember(_name(sha256, translator), {"facts": facts, "binary": kept})


def _read(sha256: str, translator: str) -> dict[str, Any]:
    found = _DOCUMENTS.recall(_name(sha256, translator))
    return found if isinstance(found, dict) else {}


def _name(sha256: str, translator: str) -> str:
    return sha256_hex(_code() + bytes.fromhex(sha256) + translator.encode())


@lru_cache(None)
def _code() -> bytes:
    return spell([__version__, code_of("formats", "builder")]).encode()
