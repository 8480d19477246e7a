"""What a component holds: its core modules, and what its canonical functions say of it.

Source: ``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1).
"""

from __future__ import annotations

from wasmbuild.formats.cursor import Cursor
from wasmbuild.lean.typing import NamedTuple

_WHAT = "component"
_CORE_MODULE, _COMPONENT, _CANONICAL = 1, 4, 8
_LIFT, _LOWER = 0x00, 0x01
_LAST_ENCODING, _MEMORY, _ASYNC = 0x02, 0x03, 0x06
_DEEPEST = 100
_LAST_OF_RESOURCES = 0x04
# What follows an option's code; encodings and async have nothing.
_OPTIONS_WITH_INDEX = (_MEMORY, 0x04, 0x05, 0x07, 0x08)
_OPTIONS_ALONE = (*range(_LAST_ENCODING + 1), _ASYNC, 0x09)

# By code: what follows, one letter each: a number, options, a byte, a result. From 0x05 on all are of async.
_FOLLOWS = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x07, 0x0E, 0x13, 0x14, 0x15, 0x1A, 0x1B, 0x40), "n"),
    **dict.fromkeys((0x05, 0x08, 0x0D, 0x1E, 0x1F, 0x22, 0x23, 0x24, 0x25, 0x26, 0x2A, 0x42), ""),
    **dict.fromkeys((0x06, 0x0C, 0x28, 0x29, 0x2B), "b"),
    **dict.fromkeys((0x0A, 0x0B, 0x20, 0x21), "bn"),
    **dict.fromkeys((0x0F, 0x10, 0x16, 0x17), "no"),
    **dict.fromkeys((0x11, 0x12, 0x18, 0x19), "nb"),
    **dict.fromkeys((0x1C, 0x1D), "o"),
    **dict.fromkeys((0x27, 0x41), "nn"),
    0x09: "ro",
}
_ERROR_CONTEXT = (0x1C, 0x1D, 0x1E)


class Parts(NamedTuple):
    """Where the core modules of a component and of those nested in it start and end, the features that it uses besides
    theirs, and whether text may pass from a function that one component in it lifts to one that another lowers."""

    modules: list[tuple[int, int]]
    features: set[str]
    string_transcoding: bool


def parts(data: bytes) -> Parts:
    """Take a binary component apart. Raises FormatError."""
    modules: list[tuple[int, int]] = []
    features = {"component-model"}
    lifting: set[int] = set()
    lowering: set[int] = set()
    waiting = [(Cursor(data, 8, len(data), _WHAT), 0)]
    number = 0
    while waiting:
        cursor, depth = waiting.pop()
        number += 1
        for _, section, start, end in cursor.sections():
            if section == _CORE_MODULE:
                modules.append((start, end))
            elif section == _COMPONENT:
                if depth == _DEEPEST:
                    cursor.fail(f"components are nested more than {_DEEPEST} deep", start)
                waiting.append((_nested(data, start, end), depth + 1))
            elif section == _CANONICAL:
                inside = Cursor(data, start, end, _WHAT)
                for _ in range(inside.u32()):
                    code, text = _canonical(inside, features)
                    if text:
                        (lifting if code == _LIFT else lowering).add(number)
                inside.done("canonical function")
    joined = any(one != other for one in lifting for other in lowering)
    return Parts(modules, features, joined)


def _nested(data: bytes, start: int, end: int) -> Cursor:
    cursor = Cursor(data, start, end, _WHAT)
    cursor.skip(8)
    return cursor


def _canonical(cursor: Cursor, features: set[str]) -> tuple[int, bool]:
    """Read a canonical function; return its code, and whether text may pass through it."""
    at = cursor.pos
    code = cursor.byte()
    if code in (_LIFT, _LOWER):
        cursor.skip(1)
        cursor.u32()
        text = _options(cursor, features)
        if code == _LIFT:
            cursor.u32()
        return code, text
    follows = _FOLLOWS.get(code)
    if follows is None:
        cursor.unknown(f"{code:#04x} is no canonical function", at)
    if code > _LAST_OF_RESOURCES:
        features.add("component-model-async")
    if code in _ERROR_CONTEXT:
        features.add("component-model-error-context")
    for what in follows:
        if what == "n":
            cursor.u32()
        elif what == "b":
            cursor.skip(1)
        elif what == "o":
            _options(cursor, features)
        elif cursor.byte() == 0:
            cursor.signed(33)
        else:
            cursor.skip(1)
    return code, False


def _options(cursor: Cursor, features: set[str]) -> bool:
    """Read canonical options; tell whether text may pass: tools name an encoding, or none where it is UTF-8."""
    named = memory = False
    for _ in range(cursor.u32()):
        at = cursor.pos
        option = cursor.byte()
        if option in _OPTIONS_WITH_INDEX:
            cursor.u32()
            memory = memory or option == _MEMORY
        elif option in _OPTIONS_ALONE:
            named = named or option <= _LAST_ENCODING
        else:
            cursor.unknown(f"{option:#04x} is no canonical option", at)
        if option == _ASYNC:
            features.add("component-model-async")
    return named or memory
