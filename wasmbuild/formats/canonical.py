"""Canonical functions, which stand between the values of a component and what its core modules make of them.

Source: ``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1).
"""

from __future__ import annotations

from wasmbuild.formats.cursor import Cursor
from wasmbuild.lean.typing import NamedTuple

LIFT, LOWER = 0x00, 0x01
LAST_OF_RESOURCES = 0x04
"""What has a code above it is of async."""

ERROR_CONTEXT = (0x1C, 0x1D, 0x1E)
LAST_ENCODING, MEMORY, ASYNC = 0x02, 0x03, 0x06
"""Options: codes up to the first one name an encoding of text."""

# What follows an option's code; encodings and async have nothing.
_OPTIONS_WITH_INDEX = (MEMORY, 0x04, 0x05, 0x07, 0x08)
_OPTIONS_ALONE = (*range(LAST_ENCODING + 1), ASYNC, 0x09)

# By code: what follows, one letter each: a number, options, a byte, a result. From 0x05 on all are of async.
# Tools older than Wasmtime 48 gave 0x28 to 0x2C other meanings.
_FOLLOWS = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x07, 0x0E, 0x13, 0x14, 0x15, 0x1A, 0x1B, 0x2E, 0x2F, 0x40), "n"),
    **dict.fromkeys((0x05, 0x08, 0x0D, 0x1E, 0x1F, 0x22, 0x23, 0x24, 0x25, 0x26, 0x28, 0x42), ""),
    **dict.fromkeys((0x06, 0x0C, *range(0x29, 0x2E)), "b"),
    **dict.fromkeys((0x0A, 0x0B, 0x20, 0x21), "bn"),
    **dict.fromkeys((0x0F, 0x10, 0x16, 0x17), "no"),
    **dict.fromkeys((0x11, 0x12, 0x18, 0x19), "nb"),
    **dict.fromkeys((0x1C, 0x1D), "o"),
    **dict.fromkeys((0x27, 0x41), "nn"),
    0x09: "ro",
}


class Canonical(NamedTuple):
    """A canonical function: its code, and the codes of its options.

    ``function`` is the index of what is lifted or lowered, ``type`` that of the type to which it is lifted.
    """

    code: int
    options: frozenset[int]
    function: int = 0
    type: int = 0


def read(cursor: Cursor) -> Canonical:
    """Read a canonical function. Raises FormatError."""
    at = cursor.pos
    code = cursor.byte()
    if code in (LIFT, LOWER):
        cursor.skip(1)
        function = cursor.u32()
        options = _options(cursor)
        return Canonical(code, options, function, cursor.u32() if code == LIFT else 0)
    follows = _FOLLOWS.get(code)
    if follows is None:
        cursor.unknown(f"{code:#04x} is no canonical function", at)
    options = frozenset()
    for what in follows:
        if what == "n":
            cursor.u32()
        elif what == "b":
            cursor.skip(1)
        elif what == "o":
            options = _options(cursor)
        elif cursor.byte() == 0:
            cursor.signed(33)
        else:
            cursor.skip(1)
    return Canonical(code, options)


def _options(cursor: Cursor) -> frozenset[int]:
    options: set[int] = set()
    for _ in range(cursor.u32()):
        at = cursor.pos
        option = cursor.byte()
        options.add(option)
        if option in _OPTIONS_WITH_INDEX:
            cursor.u32()
        elif option not in _OPTIONS_ALONE:
            cursor.unknown(f"{option:#04x} is no canonical option", at)
    return frozenset(options)
