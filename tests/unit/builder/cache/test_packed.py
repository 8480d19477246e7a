"""What a remote cache keeps: whole and for its key, or nothing."""

from __future__ import annotations

import hashlib
import json
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
INPUTS = {"wasm": "a", "flags": {"opt": "speed"}, "line": 48}
KEY = key.digest(INPUTS)


@pytest.fixture(scope="module")
def signer() -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def said(**other: Any) -> bytes:
    """Return an entry that says other things of itself than it should."""
    document = {"encoding": "zstd", "inputs": INPUTS, "key": KEY, "seconds": 1, "sha256": SHA256, "size": len(ARTIFACT)}
    data = json.dumps({**document, **other}).encode()
    return struct.pack(">16sI", b"wasmbuild/entry1", len(data)) + data + bytes(64) + zstd.compress(ARTIFACT)


@given(artifact=st.binary(max_size=2000), seconds=st.floats(0, 10**6), inputs=st.dictionaries(st.text(), st.integers()))
def test_what_is_packed_is_unpacked(artifact: bytes, seconds: float, inputs: dict[str, Any]) -> None:
    sha256 = hashlib.sha256(artifact).hexdigest()
    found = unpack(pack(key.digest(inputs), artifact, sha256, inputs, seconds, None), key.digest(inputs), None)
    assert found == (artifact, sha256, inputs, round(min(seconds, 600.0), 3), None)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_where_a_bit_of_a_signed_entry_flips_its_artifact_is_the_same_or_it_is_none(place: int, bit: int) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    data = bytearray(pack(KEY, ARTIFACT, SHA256, INPUTS, 1.5, signer))
    data[place % len(data)] ^= 1 << bit
    try:
        found = unpack(bytes(data), KEY, TrustedKeys((signer.public,)))
    except (NotAnEntryError, NotTrustedError):
        return
    assert (found.artifact, found.sha256) == (ARTIFACT, SHA256)
    assert found.inputs == INPUTS


@given(st.data())
def test_what_is_cut_or_goes_on_is_none(draw: st.DataObject) -> None:
    data = pack(KEY, ARTIFACT, SHA256, INPUTS, 1.5, None)
    cut = data[: draw.draw(st.integers(0, len(data) - 1))]
    for other in (cut, data + draw.draw(st.binary(min_size=1, max_size=50))):
        with pytest.raises(NotAnEntryError):
            unpack(other, KEY, None)


@given(st.binary(max_size=200), st.booleans())
def test_other_bytes_are_none(data: bytes, begun: bool) -> None:
    with pytest.raises(NotAnEntryError):
        unpack(b"wasmbuild/entry1" + data if begun else data, KEY, None)


@pytest.mark.parametrize(
    "other",
    [
        {"size": len(ARTIFACT) - 1},
        {"size": len(ARTIFACT) + 1},
        {"size": -1},
        {"size": 1 << 40},
        {"size": True},
        {"size": "1"},
        {"sha256": "0"},
        {"sha256": "0" * 64},
        {"sha256": "z" * 64},
        {"sha256": None},
        {"seconds": -1},
        {"seconds": float("nan")},
        {"seconds": 10**9},
        {"seconds": "1"},
        {"encoding": "raw"},
        {"key": "0" * 64},
        {"key": None},
        {"inputs": {**INPUTS, "line": 49}},
        {"inputs": {"x": float("inf")}},
        {"inputs": []},
    ],
)
def test_what_an_entry_should_not_say(other: dict[str, Any]) -> None:
    unpack(said(), KEY, None)
    with pytest.raises(NotAnEntryError):
        unpack(said(**other), KEY, None)


def test_an_artifact_that_grows_without_end_is_stopped() -> None:
    bomb = zstd.compress(bytes(1 << 28))
    whole = said(size=10)
    head = whole[: whole.index(zstd.compress(ARTIFACT))]
    with pytest.raises(NotAnEntryError):
        unpack(head + bomb, KEY, None)


def test_who_signed_it(signer: Signer) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    data = pack(KEY, ARTIFACT, SHA256, INPUTS, 1.0, signer)
    assert unpack(data, KEY, TrustedKeys((other.public, signer.public))).signer == signer.public
    assert unpack(data, KEY, None).signer is None
    for refused in (data, pack(KEY, ARTIFACT, SHA256, INPUTS, 1.0, None)):
        with pytest.raises(NotTrustedError):
            unpack(refused, KEY, TrustedKeys((other.public,)))
    with pytest.raises(NotAnEntryError):
        unpack(data, "0" * 64, TrustedKeys((signer.public,)))


def test_a_document_without_end_is_not_read() -> None:
    data = struct.pack(">16sI", b"wasmbuild/entry1", packed._MAX_DOCUMENT + 1) + bytes(packed._MAX_DOCUMENT + 200)
    with pytest.raises(NotAnEntryError):
        unpack(data, KEY, None)
