"""What a remote cache keeps under a key: an artifact, compressed, and a document that may be signed.

    magic, size of the document | document as JSON | signature, or zeros | artifact in the document's encoding

The document names the key and what it is the digest of, the artifact's digest and size, and how long it took to
compile. A signature is over the document, so over key and digest, and what is taken is held to both.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from functools import cache

from wasmbuild.builder import key as keys
from wasmbuild.digest import sha256_hex
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer, TrustedKeys

MAX_BYTES = 1 << 30
"""Artifacts and entries that are larger are neither kept nor taken: none is held in memory twice."""

_MAGIC = b"wasmbuild/entry1"
_HEAD = struct.Struct(">16sI")
_SIGNATURE_BYTES = 64
_UNSIGNED = bytes(_SIGNATURE_BYTES)
_MAX_DOCUMENT = 1 << 20
# Of artifacts as compilers make them, to 38 % at 115 MB/s; the next levels take twice as long for another hundredth.
_LEVEL = 3
_ENCODING = "zstd"
_SHA256 = re.compile("[0-9a-f]{64}")
# As long as a compile may take; a longer time is another machine's, or made up.
_MOST_SECONDS = 600.0


class PackedArtifact(NamedTuple):
    """An entry as it says of itself: the artifact, its digest in hex, what decided its bytes and who signed that.

    ``seconds`` is how long it took to compile; ``signer`` is the public key, None where none was asked for.
    """

    artifact: bytes
    sha256: str
    inputs: Mapping[str, Any]
    seconds: float
    signer: str | None


class NotAnEntryError(Exception):
    """Bytes that are no whole entry for a key."""


class NotTrustedError(Exception):
    """An entry that no trusted key signed."""


def pack(
    key: str, artifact: bytes, sha256: str, inputs: Mapping[str, Any], seconds: float, signer: Signer | None
) -> bytes:
    """Return an entry."""
    document = json.dumps(
        {
            "encoding": _ENCODING,
            "inputs": dict(inputs),
            "key": key,
            "seconds": round(min(seconds, _MOST_SECONDS), 3),
            "sha256": sha256,
            "size": len(artifact),
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode("ascii")
    signature = _UNSIGNED if signer is None else signer.sign(_MAGIC + document)
    return b"".join((_HEAD.pack(_MAGIC, len(document)), document, signature, zstd().compress(artifact, _LEVEL)))


def unpack(data: bytes, key: str, trusted: TrustedKeys | None) -> PackedArtifact:
    """Read the entry for a key, whose artifact has the digest that it tells.

    Nothing of it is believed before its signature is, where there are ``trusted`` keys.

    Raises NotAnEntryError, NotTrustedError.
    """
    if len(data) < _HEAD.size:
        raise NotAnEntryError
    magic, size = _HEAD.unpack_from(data)
    body = _HEAD.size + size + _SIGNATURE_BYTES
    if magic != _MAGIC or size > _MAX_DOCUMENT or body > len(data):
        raise NotAnEntryError
    document = data[_HEAD.size : _HEAD.size + size]
    signer = None
    if trusted is not None:
        signer = trusted.signer(data[_HEAD.size + size : body], _MAGIC + document)
        if signer is None:
            raise NotTrustedError
    said = _document(document)
    if said["key"] != key or _digest(said["inputs"]) != key:
        raise NotAnEntryError
    artifact = _decompressed(memoryview(data)[body:], said["size"])
    if sha256_hex(artifact) != said["sha256"]:
        raise NotAnEntryError
    return PackedArtifact(artifact, said["sha256"], said["inputs"], float(said["seconds"]), signer)


def _document(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise NotAnEntryError from None
    if not isinstance(found, dict) or found.get("encoding") != _ENCODING:
        raise NotAnEntryError
    sha256, size, seconds = found.get("sha256"), found.get("size"), found.get("seconds")
    if not isinstance(found.get("inputs"), dict) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise NotAnEntryError
    if type(size) is not int or not 0 <= size <= MAX_BYTES:
        raise NotAnEntryError
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _MOST_SECONDS:
        raise NotAnEntryError
    return {"key": found.get("key"), "inputs": found["inputs"], "sha256": sha256, "size": size, "seconds": seconds}


def _digest(inputs: dict[str, Any]) -> str:
    try:
        return keys.digest(inputs)
    except (ValueError, RecursionError):
        raise NotAnEntryError from None


def _decompressed(data: memoryview, size: int) -> bytes:
    codec = zstd()
    decompressor = codec.ZstdDecompressor()
    try:
        # One byte more than there may be: it shows that there are too many, and they stay few.
        artifact = bytes(decompressor.decompress(data, size + 1))
    except codec.ZstdError:
        raise NotAnEntryError from None
    if len(artifact) != size or not decompressor.eof or decompressor.unused_data:
        raise NotAnEntryError
    return artifact


@cache
def zstd() -> Any:
    """Return the module that compresses. Raises ImportError."""
    try:
        from compression import zstd as found
    except ImportError:  # before Python 3.14
        from backports import zstd as found
    return found
