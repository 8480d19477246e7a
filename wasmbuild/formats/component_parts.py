"""What a component holds: its core modules, and what its canonical functions say of it.

Source: ``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1).
"""

from __future__ import annotations

from wasmbuild.formats.component import read_export, read_name, read_type
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.extern import COMPONENT_KINDS
from wasmbuild.lean.typing import NamedTuple

_WHAT = "component"
_CORE_MODULE, _COMPONENT, _INSTANCE, _ALIAS, _CANONICAL, _IMPORT, _EXPORT = 1, 4, 5, 6, 8, 10, 11
_OUTER = 2
_LIFT, _LOWER = 0x00, 0x01
_LAST_ENCODING, _MEMORY, _ASYNC = 0x02, 0x03, 0x06
_DEEPEST = 100
_LAST_OF_RESOURCES = 0x04
# What follows an option's code; encodings and async have nothing.
_OPTIONS_WITH_INDEX = (_MEMORY, 0x04, 0x05, 0x07, 0x08)
_OPTIONS_ALONE = (*range(_LAST_ENCODING + 1), _ASYNC, 0x09)

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
_ERROR_CONTEXT = (0x1C, 0x1D, 0x1E)


class Parts(NamedTuple):
    """Where the core modules of a component and of those nested in it start and end, the features that it uses besides
    theirs, and whether text may pass from a function that an instance in it lifts to one that an instance lowers."""

    modules: list[tuple[int, int]]
    features: set[str]
    string_transcoding: bool


def parts(data: bytes) -> Parts:
    """Take a binary component apart. Raises FormatError."""
    modules: list[tuple[int, int]] = []
    features = {"component-model"}
    lifting: set[int] = set()
    lowering: set[int] = set()
    lowering_own: set[int] = set()
    several = False
    waiting = [(Cursor(data, 8, len(data), _WHAT), 0)]
    number = 0
    while waiting:
        cursor, depth = waiting.pop()
        number += 1
        spaces = _Spaces()
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
                    code, index, text = _canonical(inside, features)
                    if code == _LIFT:
                        spaces.add("func", True)
                    elif text and spaces.is_own("func", index):
                        lowering_own.add(number)
                    if text:
                        (lifting if code == _LIFT else lowering).add(number)
                inside.done("canonical function")
            elif section in (_INSTANCE, _ALIAS, _IMPORT, _EXPORT):
                spaces.read(section, Cursor(data, start, end, _WHAT))
        several = several or spaces.several
    # Nothing in the file makes instances of the outermost component, which is the first.
    alone = lowering_own if not several else lowering_own | (lowering - {1})
    joined = any(one != other or one in alone for one in lifting for other in lowering)
    return Parts(modules, features, joined)


class _Spaces:
    """The functions and instances of a component by index: whether each is its own, or comes from outside.

    ``several`` says whether more than one instance may be made of a component in it.
    """

    def __init__(self) -> None:
        self._own: dict[str, list[bool]] = {"func": [], "instance": []}
        self._instantiated: set[int] = set()
        self.several = False

    def is_own(self, kind: str, index: int) -> bool:
        own = self._own.get(kind, [])
        return index >= len(own) or own[index]

    def add(self, kind: str, own: bool) -> None:
        if kind in self._own:
            self._own[kind].append(own)
        # Under another index, or elsewhere, another instance may be made of it.
        self.several = self.several or kind == "component"

    def read(self, section: int, cursor: Cursor) -> None:
        for _ in range(cursor.u32()):
            if section == _INSTANCE:
                self._instance(cursor)
            elif section == _ALIAS:
                self._alias(cursor)
            elif section == _IMPORT:
                read_name(cursor)
                self.add(read_type(cursor), False)
            else:
                _, kind, index = read_export(cursor)
                self.add(kind, self.is_own(kind, index))

    def _instance(self, cursor: Cursor) -> None:
        inline = cursor.byte()
        if not inline:
            index = cursor.u32()
            self.several = self.several or index in self._instantiated
            self._instantiated.add(index)
        for _ in range(cursor.u32()):
            if inline:
                read_name(cursor)
            else:
                cursor.name()
            given = _sort(cursor)
            cursor.u32()
            self.several = self.several or given == "component"
        self.add("instance", True)

    def _alias(self, cursor: Cursor) -> None:
        kind, target, index = _sort(cursor), cursor.byte(), cursor.u32()
        if target == _OUTER:
            cursor.u32()
        else:
            cursor.name()
        self.add(kind, self.is_own("instance", index))


def _sort(cursor: Cursor) -> str:
    at = cursor.pos
    code = cursor.byte()
    if code >= len(COMPONENT_KINDS):
        cursor.unknown(f"{code:#04x} is no kind of what a component has", at)
    if not code:
        cursor.skip(1)
    return COMPONENT_KINDS[code]


def _nested(data: bytes, start: int, end: int) -> Cursor:
    cursor = Cursor(data, start, end, _WHAT)
    cursor.skip(8)
    return cursor


def _canonical(cursor: Cursor, features: set[str]) -> tuple[int, int, bool]:
    """Read a canonical function; return its code, of which function it is, and whether text may pass through it."""
    at = cursor.pos
    code = cursor.byte()
    if code in (_LIFT, _LOWER):
        cursor.skip(1)
        index = cursor.u32()
        text = _options(cursor, features)
        if code == _LIFT:
            cursor.u32()
        return code, index, text
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
    return code, 0, False


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
