"""Binary modules and components, put together by hand."""

from __future__ import annotations

from collections.abc import Iterable

MODULE = b"\0asm\1\0\0\0"
COMPONENT = b"\0asm\x0d\0\1\0"
I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F


def leb(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def vec(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return leb(len(items)) + b"".join(items)


def name(text: str) -> bytes:
    return leb(len(text.encode())) + text.encode()


def section(number: int, body: bytes) -> bytes:
    return bytes([number]) + leb(len(body)) + body


def func(parameters: Iterable[int] = (), results: Iterable[int] = ()) -> bytes:
    return b"\x60" + vec(bytes([t]) for t in parameters) + vec(bytes([t]) for t in results)


def types(*entries: bytes) -> bytes:
    return section(1, vec(entries))


def imports(*entries: tuple[str, str, bytes]) -> bytes:
    return section(2, vec(name(module) + name(field) + desc for module, field, desc in entries))


def exports(*entries: tuple[str, int, int]) -> bytes:
    return section(7, vec(name(field) + bytes([kind]) + leb(index) for field, kind, index in entries))
