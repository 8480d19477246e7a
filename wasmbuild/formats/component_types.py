"""The types of the functions that a component exports, told from its binary.

Where a component lifts a function says its type; nested components are followed through what they are instantiated
with. Source: ``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wasmbuild.errors import FormatError
from wasmbuild.formats import canonical
from wasmbuild.formats.cursor import Cursor
from wasmbuild.lean.typing import Any, NamedTuple

_WHAT = "component"
_COMPONENT, _INSTANCE, _ALIAS, _TYPE, _CANONICAL, _IMPORT, _EXPORT = 4, 5, 6, 7, 8, 10, 11
_CORE, _FUNC, _VALUE, _TYPES, _COMPONENTS, _INSTANCES = range(6)
_DEEPEST = 30
# A type that repeats others grows with each definition; those of interfaces have some dozens of parts.
_LARGEST = 5000
# Wasmtime refuses types that are nested deeper, and neither they nor their JSON may exhaust the interpreter's stack.
_DEEPEST_TYPE = 100
# What small files can multiply: components by instantiating them, parts of types by repeating them, at every place.
_MOST_STEPS = 2_000_000
_INSTANTIATION = 200
_MOST_EXPORTED = 200_000
_PRIMITIVES = {
    0x7F: "bool", 0x7E: "s8", 0x7D: "u8", 0x7C: "s16", 0x7B: "u16", 0x7A: "s32", 0x79: "u32", 0x78: "s64", 0x77: "u64",
    0x76: "f32", 0x75: "f64", 0x74: "char", 0x73: "string", 0x64: "error-context",
}  # fmt: skip


class ValueType(NamedTuple):
    """A type of values: ``kind`` is its name in WIT.

    ``cases`` are names with types, or None for one that holds nothing: fields of a record, elements of a tuple or a
    list (without names), cases of a variant, an option, a result or an enum, flags; what a stream, a future or a map is
    of is left out. A list of a fixed length is a ``fixed-length list``.
    """

    kind: str
    cases: tuple[tuple[str, ValueType | None], ...] = ()


class FunctionType(NamedTuple):
    """The types of parameters, and of the result, None for none.

    ``is_async`` says that it is lifted so, not only of such a type: it goes on after it returned to its caller.
    """

    parameters: tuple[ValueType, ...]
    result: ValueType | None
    is_async: bool = False


UNKNOWN = ValueType("unknown")
"""A type that is not followed here; any value may be one of it."""

Item = tuple[int, Any]
"""What an index stands for: its sort and, as far as it is known, what it is."""


def from_json(functions: Mapping[str, Any]) -> dict[str, FunctionType | None]:
    """Return what ``exported_functions`` returned, from the lists that JSON makes of it."""
    return {name: None if function is None else _function_of_json(*function) for name, function in functions.items()}


def _function_of_json(parameters: Sequence[Any], result: Sequence[Any] | None, is_async: bool) -> FunctionType:
    return FunctionType(tuple(map(_of_json, parameters)), None if result is None else _of_json(result), is_async)


def _of_json(type_: Sequence[Any]) -> ValueType:
    kind, cases = type_
    return ValueType(kind, tuple([(name, None if inner is None else _of_json(inner)) for name, inner in cases]))


def exported_functions(data: bytes) -> dict[str, FunctionType | None]:
    """Return the functions that a binary component exports, by name, and ``INSTANCE#NAME`` for one of an instance.

    None are those whose types are not followed here. Of an instance all are told, or none.
    """
    try:
        exports = _Scope(data, None, {}, 0, _StepsLeft()).read(8, len(data))
    except (FormatError, LookupError, TypeError, ValueError, RecursionError):
        return {}
    found: dict[str, FunctionType | None] = {}
    # Functions and instances are shared here, and in JSON each name has a copy of its own.
    room = _MOST_EXPORTED
    for name, (sort, item) in exports.items():
        told: dict[str, FunctionType | None] = {}
        for inner, (kind, of) in _within(name, sort, item):
            room = _left(_whole(of), room) if isinstance(of, FunctionType) else room - 1
            if room < 0:
                return found
            if kind == _FUNC:
                told[inner] = of if isinstance(of, FunctionType) else None
        found |= told
    return found


def _within(name: str, sort: int, item: Any) -> Iterator[tuple[str, Item]]:
    """Return an export, or what is in it where it is an instance."""
    if sort == _INSTANCES and isinstance(item, dict):
        yield from ((f"{name}#{inner}", of) for inner, of in item.items())
    else:
        yield name, (sort, item)


class _StepsLeft:
    """What is left of the steps that reading one file may take."""

    def __init__(self) -> None:
        self._steps = _MOST_STEPS

    def take(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise ValueError("a small file that takes too long")


class _Scope:
    """The index spaces of one component, or of one type of instances."""

    def __init__(
        self, data: bytes, outer: _Scope | None, arguments: dict[str, Item], depth: int, steps: _StepsLeft
    ) -> None:
        if depth > _DEEPEST:
            raise ValueError("components are nested too deeply")
        self._data = data
        self._outer = outer
        self._arguments = arguments
        self._depth = depth
        self._steps_left = steps
        self._spaces: dict[int, list[Any]] = {sort: [] for sort in range(1, 6)}

    def read(self, start: int, end: int) -> dict[str, Item]:
        """Read a component's sections, and return what it exports."""
        exports: dict[str, Item] = {}
        for _, number, at, stop in Cursor(self._data, start, end, _WHAT).sections():
            # A file of any size is read once at its outermost level.
            if self._depth:
                self._steps_left.take(1 + (stop - at if number == _EXPORT or number in _READERS else 0))
            if number == _COMPONENT:
                self._spaces[_COMPONENTS].append((self, at, stop))
                continue
            cursor = Cursor(self._data, at, stop, _WHAT)
            if number == _EXPORT:
                for _ in range(cursor.u32()):
                    name, item = self._export(cursor)
                    exports[name] = item
            elif number in _READERS:
                for _ in range(cursor.u32()):
                    _READERS[number](self, cursor)
        return exports

    def _add(self, item: Item) -> None:
        if item[0] in self._spaces:
            self._spaces[item[0]].append(item[1])

    def _item(self, cursor: Cursor) -> Item:
        sort = cursor.byte()
        if sort == _CORE:
            cursor.byte()
        index = cursor.u32()
        return sort, self._spaces[sort][index] if sort in self._spaces else None

    def _instance(self, cursor: Cursor) -> None:
        if cursor.byte() == 0:
            made = self._spaces[_COMPONENTS][cursor.u32()]
            arguments = {cursor.name(): self._item(cursor) for _ in range(cursor.u32())}
            if made is None:
                self._add((_INSTANCES, None))
                return
            scope, start, end = made
            self._steps_left.take(_INSTANTIATION)
            inner = _Scope(self._data, scope, arguments, self._depth + 1, self._steps_left)
            self._add((_INSTANCES, inner.read(start + 8, end)))
        else:
            self._add((_INSTANCES, {_name(cursor): self._item(cursor) for _ in range(cursor.u32())}))

    def _alias(self, cursor: Cursor) -> None:
        sort = cursor.byte()
        if sort == _CORE:
            cursor.byte()
        target = cursor.byte()
        if target == 2:
            scope: _Scope | None = self
            for _ in range(min(cursor.u32(), _DEEPEST + 1)):
                scope = None if scope is None else scope._outer
            index = cursor.u32()
            self._add((sort, None if scope is None or sort == _CORE else scope._spaces[sort][index]))
            return
        index, name = cursor.u32(), cursor.name()
        instance = self._spaces[_INSTANCES][index] if target == 0 else None
        self._add((sort, instance[name][1] if isinstance(instance, dict) and name in instance else None))

    def _canonical(self, cursor: Cursor) -> None:
        made = canonical.read(cursor)
        # All others are core functions.
        if made.code == canonical.LIFT:
            type_ = self._spaces[_TYPES][made.type]
            if canonical.ASYNC in made.options and isinstance(type_, FunctionType):
                type_ = type_._replace(is_async=True)
            self._add((_FUNC, type_))

    def _import(self, cursor: Cursor) -> None:
        name = _name(cursor)
        item = self._extern(cursor)
        self._add(self._arguments.get(name, item))

    def _export(self, cursor: Cursor) -> tuple[str, Item]:
        name = _name(cursor)
        item = self._item(cursor)
        if cursor.byte() == 1:
            ascribed = self._extern(cursor)
            item = ascribed if item[1] is None else item
        self._add(item)
        return name, item

    def _extern(self, cursor: Cursor) -> Item:
        sort = cursor.byte()
        if sort == _CORE:
            cursor.byte()
        if sort in (_TYPES, _VALUE):
            if cursor.byte() == 0:
                index = cursor.u32()
                return sort, self._spaces[sort][index]
            return sort, ValueType("resource") if sort == _TYPES else self._value(cursor)
        index = cursor.u32()
        return sort, self._spaces[_TYPES][index] if sort in (_FUNC, _INSTANCES) else None

    # --- types --------------------------------------------------------------------------------------------------------

    def _type(self, cursor: Cursor) -> None:
        code = cursor.byte()
        if code in (0x40, 0x43):
            parameters = tuple([(cursor.name(), self._value(cursor))[1] for _ in range(cursor.u32())])
            result = self._value(cursor) if cursor.byte() == 0 else None
            if result is None:
                cursor.byte()
            function = FunctionType(parameters, result)
            self._add((_TYPES, function if self._fits(_whole(function)) else None))
        elif code in (0x41, 0x42):
            exports = _Scope(self._data, self, {}, self._depth + 1, self._steps_left)._declarations(cursor)
            self._add((_TYPES, exports if code == 0x42 else None))
        elif code == 0x3F:
            cursor.byte()
            if cursor.byte() == 1:
                cursor.u32()
            self._add((_TYPES, ValueType("resource")))
        else:
            defined = self._defined(cursor, code)
            self._add((_TYPES, defined if self._fits(defined) else UNKNOWN))

    def _fits(self, type_: ValueType) -> bool:
        left = _left(type_, _LARGEST)
        self._steps_left.take(_LARGEST - max(left, 0))
        return left >= 0

    def _declarations(self, cursor: Cursor) -> dict[str, Item]:
        exports: dict[str, Item] = {}
        for _ in range(cursor.u32()):
            code = cursor.byte()
            if code == 1:
                self._type(cursor)
            elif code == 2:
                self._alias(cursor)
            elif code in (3, 4):
                name = _name(cursor)
                item = self._extern(cursor)
                self._add(item)
                if code == 4:
                    exports[name] = item
            else:
                raise ValueError("a declaration that is not followed")
        return exports

    def _defined(self, cursor: Cursor, code: int) -> ValueType:
        if code in _PRIMITIVES:
            return ValueType(_PRIMITIVES[code])
        if code in (0x72, 0x71):
            cases = []
            for _ in range(cursor.u32()):
                name = cursor.name()
                cases.append((name, self._value(cursor) if code == 0x72 else self._optional(cursor)))
                if code == 0x71:
                    cursor.byte()
            return ValueType("record" if code == 0x72 else "variant", tuple(cases))
        if code in (0x70, 0x6B):
            held = self._value(cursor)
            return (
                ValueType("list", (("", held),))
                if code == 0x70
                else ValueType("option", (("none", None), ("some", held)))
            )
        if code == 0x6F:
            return ValueType("tuple", tuple([("", self._value(cursor)) for _ in range(cursor.u32())]))
        if code in (0x6E, 0x6D):
            names = tuple([(cursor.name(), None) for _ in range(cursor.u32())])
            return ValueType("flags" if code == 0x6E else "enum", names)
        if code == 0x6A:
            return ValueType("result", (("ok", self._optional(cursor)), ("err", self._optional(cursor))))
        if code in (0x69, 0x68):
            cursor.u32()
            return ValueType("own" if code == 0x69 else "borrow")
        if code in (0x66, 0x65):
            self._optional(cursor)
            return ValueType("stream" if code == 0x66 else "future")
        if code == 0x63:
            self._value(cursor)
            self._value(cursor)
            return ValueType("map")
        if code == 0x67:
            held = self._value(cursor)
            cursor.u32()
            return ValueType("fixed-length list", (("", held),))
        raise ValueError("a type that is not followed")

    def _optional(self, cursor: Cursor) -> ValueType | None:
        return self._value(cursor) if cursor.byte() == 1 else None

    def _value(self, cursor: Cursor) -> ValueType:
        number = cursor.signed(33)
        if number < 0:
            return ValueType(_PRIMITIVES[number & 0x7F])
        found = self._spaces[_TYPES][number]
        return found if isinstance(found, ValueType) else UNKNOWN


_READERS = {
    _INSTANCE: _Scope._instance,
    _ALIAS: _Scope._alias,
    _TYPE: _Scope._type,
    _CANONICAL: _Scope._canonical,
    _IMPORT: _Scope._import,
}


def _whole(function: FunctionType) -> ValueType:
    """Return parameters and result as one type, to measure them."""
    return ValueType("function", tuple([("", type_) for type_ in (*function.parameters, function.result)]))


def _left(type_: ValueType, room: int, depth: int = 0) -> int:
    """Return how many more parts than a type has there is room for; below zero where there is not, or too deep."""
    if depth > _DEEPEST_TYPE:
        return -1
    room -= 1
    for _, inner in type_.cases:
        if room < 0:
            break
        room = room - 1 if inner is None else _left(inner, room, depth + 1)
    return room


def _name(cursor: Cursor) -> str:
    form = cursor.byte()
    name = cursor.name()
    if form == 2:
        for _ in range(cursor.u32()):
            cursor.byte()
            cursor.name()
    return name
