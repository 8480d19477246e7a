"""What a remote cache keeps: whole and for its key, or nothing."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.builder import key
from wasmbuild.builder.cache import packed
from wasmbuild.builder.cache.packed import NotAnEntryError, NotTrustedError, pack, unpack
from wasmbuild.builder.cache.signing import Signer, TrustedKeys

zstd = packed.zstd()
ARTIFACT = b"\x7fELF" + bytes(range(256)) * 4
SHA256 = hashlib.sha256(ARTIFACT).hexdigest()
INPUTS = key.canonical({"wasm": "a", "flags": {"opt": "speed"}, "line": 48})
KEY = hashlib.sha256(INPUTS).hexdigest()


@pytest.fixture(scope="module")
def signer() -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def said(
    magic: bytes = b"wasmbuild/entry2",
    inputs: bytes = INPUTS,
    size: int = len(ARTIFACT),
    milliseconds: int = 1000,
    sha256: str = SHA256,
    body: bytes = zstd.compress(ARTIFACT),
) -> bytes:
    """Return an entry that says other things of itself than it should."""
    head = struct.pack(">16sIQI32s", magic, len(inputs), size, milliseconds, bytes.fromhex(sha256))
    return head + inputs + bytes(64) + body


@given(artifact=st.binary(max_size=2000), seconds=st.floats(0, 10**6), inputs=st.binary(max_size=200))
def test_what_is_packed_is_unpacked(artifact: bytes, seconds: float, inputs: bytes) -> None:
    sha256 = hashlib.sha256(artifact).hexdigest()
    found = unpack(pack(artifact, sha256, inputs, seconds, None), hashlib.sha256(inputs).hexdigest(), None)
    assert found == (artifact, sha256, inputs, round(min(seconds, 600) * 1000) / 1000, None)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_where_a_bit_of_a_signed_entry_flips_its_artifact_is_the_same_or_it_is_none(place: int, bit: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    data = bytearray(pack(ARTIFACT, SHA256, INPUTS, 1.5, signer))
    data[place % len(data)] ^= 1 << bit
    try:
        found = unpack(bytes(data), KEY, TrustedKeys((signer.public,)))
    except (NotAnEntryError, NotTrustedError):
        return
    assert (found.artifact, found.sha256) == (ARTIFACT, SHA256)
    assert found.inputs == INPUTS


@given(st.data())
def test_what_is_cut_or_goes_on_is_none(draw: st.DataObject) -> None:
    data = pack(ARTIFACT, SHA256, INPUTS, 1.5, None)
    cut = data[: draw.draw(st.integers(0, len(data) - 1))]
    for other in (cut, data + draw.draw(st.binary(min_size=1, max_size=50))):
        with pytest.raises(NotAnEntryError):
            unpack(other, KEY, None)


@given(st.binary(max_size=200), st.booleans())
def test_other_bytes_are_none(data: bytes, begun: bool) -> None:
    with pytest.raises(NotAnEntryError):
        unpack(b"wasmbuild/entry2" + data if begun else data, KEY, None)


@pytest.mark.parametrize(
    "other",
    [
        {"magic": b"wasmbuild/entry1"},
        {"size": len(ARTIFACT) - 1},
        {"size": len(ARTIFACT) + 1},
        {"size": packed.MAX_BYTES + 1},
        {"size": (1 << 64) - 1},
        {"sha256": "0" * 64},
        {"milliseconds": 600_001},
        {"inputs": INPUTS + b" "},
        {"inputs": b""},
        {"body": ARTIFACT},
        {"body": b""},
    ],
)
def test_what_an_entry_should_not_say(other: dict[str, Any]) -> None:
    unpack(said(), KEY, None)
    with pytest.raises(NotAnEntryError):
        unpack(said(**other), KEY, None)


def test_an_artifact_that_grows_without_end_is_stopped() -> None:
    with pytest.raises(NotAnEntryError):
        unpack(said(size=10, body=zstd.compress(bytes(1 << 28))), KEY, None)


def test_who_signed_it(signer: Signer) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    data = pack(ARTIFACT, SHA256, INPUTS, 1.0, signer)
    assert unpack(data, KEY, TrustedKeys((other.public, signer.public))).signer == signer.public
    assert unpack(data, KEY, None).signer is None
    for refused in (data, pack(ARTIFACT, SHA256, INPUTS, 1.0, None)):
        with pytest.raises(NotTrustedError):
            unpack(refused, KEY, TrustedKeys((other.public,)))
    with pytest.raises(NotAnEntryError):
        unpack(data, "0" * 64, TrustedKeys((signer.public,)))


def test_inputs_without_end_are_not_hashed() -> None:
    inputs = bytes(packed._MAX_INPUTS + 1)
    with pytest.raises(NotAnEntryError):
        unpack(said(inputs=inputs), hashlib.sha256(inputs).hexdigest(), None)


@pytest.mark.parametrize(("seconds", "told"), [(-1.0, 0.0), (float("nan"), 0.0), (1e9, 600.0), (float("inf"), 600.0)])
def test_seconds_that_no_compile_takes(seconds: float, told: float) -> None:
    assert unpack(pack(ARTIFACT, SHA256, INPUTS, seconds, None), KEY, None).seconds == told
