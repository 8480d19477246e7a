"""What a remote cache keeps under a key: what the key is the digest of, and an artifact, compressed.

    head: magic, sizes of both, milliseconds, SHA-256 of the artifact | key's document as JSON | signature, or zeros |
    artifact in zstd

The document is not read: that it has the digest which was asked for is all that is to be known of it. A signature is
over all that is before it, so over key and digest, and what is taken is held to both.
"""

from __future__ import annotations

import struct

from wasmbuild.digest import sha256, sha256_hex
from wasmbuild.lean.functools import lru_cache
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer, TrustedKeys

MAX_BYTES = 1 << 30
"""Artifacts and entries that are larger are neither kept nor taken: none is held in memory twice."""

# Big-endian, without padding: 16 + 4 + 8 + 4 + 32 bytes.
_HEAD = struct.Struct(">16sIQI32s")
_MAGIC = b"wasmbuild/entry2"
_SIGNATURE_BYTES = 64
_UNSIGNED = bytes(_SIGNATURE_BYTES)
_MAX_INPUTS = 1 << 20
# Of artifacts as compilers make them, to 38 % at 115 MB/s; the next levels take twice as long for another hundredth.
_LEVEL = 3
# As long as a compile may take; a longer time is another machine's, or made up.
_MOST_SECONDS = 600


class PackedArtifact(NamedTuple):
    """An entry as it says of itself: the artifact, its digest in hex, what decided its bytes and who signed that.

    ``inputs`` is the text that the key is the digest of; ``seconds`` is how long the artifact took to compile;
    ``signer`` is the public key, None where none was asked for.
    """

    artifact: bytes
    sha256: str
    inputs: bytes
    seconds: float
    signer: str | None


class NotAnEntryError(Exception):
    """Bytes that are no whole entry for a key."""


class NotTrustedError(Exception):
    """An entry that no trusted key signed."""


def pack(artifact: bytes, sha256: str, inputs: bytes, seconds: float, signer: Signer | None) -> bytes:
    """Return the entry of the key that is the digest of ``inputs``."""
    milliseconds = round(min(max(0.0, seconds), _MOST_SECONDS) * 1000)
    said = _HEAD.pack(_MAGIC, len(inputs), len(artifact), milliseconds, bytes.fromhex(sha256)) + inputs
    signature = _UNSIGNED if signer is None else signer.sign(said)
    return b"".join((said, signature, zstd().compress(artifact, _LEVEL)))


def unpack(data: bytes, key: str, trusted: TrustedKeys | None) -> PackedArtifact:
    """Read the entry for a key, whose artifact has the digest that it tells.

    Nothing of it is believed before its signature is, where there are ``trusted`` keys.

    Raises NotAnEntryError, NotTrustedError.
    """
    if len(data) < _HEAD.size:
        raise NotAnEntryError
    magic, length, size, milliseconds, digest = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    body = end + _SIGNATURE_BYTES
    if magic != _MAGIC or length > _MAX_INPUTS or body > len(data):
        raise NotAnEntryError
    signer = None
    if trusted is not None:
        signer = trusted.signer(data[end:body], data[:end])
        if signer is None:
            raise NotTrustedError
    inputs = data[_HEAD.size : end]
    if sha256_hex(inputs) != key or size > MAX_BYTES or milliseconds > _MOST_SECONDS * 1000:
        raise NotAnEntryError
    artifact = _decompressed(memoryview(data)[body:], size)
    if sha256(artifact).digest() != digest:
        raise NotAnEntryError
    return PackedArtifact(artifact, digest.hex(), inputs, milliseconds / 1000, signer)


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


@lru_cache(None)
def zstd() -> Any:
    """Return the module that compresses. Raises ImportError."""
    try:
        from compression import zstd
    except ImportError:  # before Python 3.14
        from backports import zstd as backported

        return backported
    return zstd
