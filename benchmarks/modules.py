"""Tiny modules, each unlike the others, as binary WebAssembly."""

from __future__ import annotations

from collections.abc import Iterator

_HEADER = b"\0asm" + (1).to_bytes(4, "little")
_TYPE, _FUNCTION, _EXPORT, _CODE = 1, 3, 7, 10
_I32, _FUNCTION_TYPE, _I32_CONST, _END = 0x7F, 0x60, 0x41, 0x0B


def _signed_leb128(value: int) -> bytes:
    encoded = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        # The sign is bit 6 of the last byte.
        if value == (-1 if byte & 0x40 else 0):
            encoded.append(byte)
            return bytes(encoded)
        encoded.append(byte | 0x80)


def _sized(content: bytes) -> bytes:
    assert len(content) < 0x80, "one byte of LEB128 holds it"
    return bytes([len(content)]) + content


def tiny_module(number: int) -> bytes:
    """Return ``(module (func (export "answer") (result i32) (i32.const NUMBER)))``."""
    body = _sized(bytes([0, _I32_CONST]) + _signed_leb128(number) + bytes([_END]))
    sections = (
        (_TYPE, bytes([1, _FUNCTION_TYPE, 0, 1, _I32])),
        (_FUNCTION, bytes([1, 0])),
        (_EXPORT, bytes([1]) + _sized(b"answer") + bytes([0, 0])),
        (_CODE, bytes([1]) + body),
    )
    return _HEADER + b"".join(bytes([identifier]) + _sized(content) for identifier, content in sections)


def tiny_modules(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield the file names and bytes of ``count`` modules."""
    for number in range(count):
        yield f"m{number:04}.wasm", tiny_module(number)
