"""What a component holds: its core modules, and what its canonical functions say of it.

Source: ``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1).
"""

from __future__ import annotations

from wasmbuild.formats import canonical
from wasmbuild.formats.canonical import Canonical
from wasmbuild.formats.component import read_export, read_name, read_type
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.extern import COMPONENT_KINDS
from wasmbuild.lean.typing import NamedTuple

_WHAT = "component"
_CORE_MODULE, _COMPONENT, _INSTANCE, _ALIAS, _CANONICAL, _IMPORT, _EXPORT = 1, 4, 5, 6, 8, 10, 11
_OUTER = 2
_DEEPEST = 100


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
                    function = canonical.read(inside)
                    features.update(_features(function))
                    lifts, text = function.code == canonical.LIFT, _may_pass_text(function)
                    if lifts:
                        spaces.add("func", True)
                    elif text and spaces.is_own("func", function.function):
                        lowering_own.add(number)
                    if text:
                        (lifting if lifts else lowering).add(number)
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


def _features(function: Canonical) -> set[str]:
    features = set()
    if function.code > canonical.LAST_OF_RESOURCES or canonical.ASYNC in function.options:
        features.add("component-model-async")
    if function.code in canonical.ERROR_CONTEXT:
        features.add("component-model-error-context")
    return features


def _may_pass_text(function: Canonical) -> bool:
    """Tell whether text may pass through it: tools name an encoding, or none where it is UTF-8, in memory."""
    if function.code not in (canonical.LIFT, canonical.LOWER):
        return False
    return any(option <= canonical.LAST_ENCODING or option == canonical.MEMORY for option in function.options)
