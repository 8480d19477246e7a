"""The names that a component imports and exports, with their kinds.

Only the outermost component's own imports and exports are read; what is nested is passed over by its size. Source:
``design/mvp/Binary.md`` of the WebAssembly component model (version 13, layer 1), but for the types of values, which
stand there without the bound that it has before them: so ``wasm-tools`` writes them, and so Wasmtime reads them.
"""

from __future__ import annotations

from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.extern import COMPONENT_KINDS, Export, Import, Interface

_WHAT = "component"
_IMPORT, _EXPORT, _LAST = 10, 11, 12
_CORE_MODULE = 0x11


def interface(data: bytes) -> Interface:
    """Return imports and exports of a binary component, whose preamble was checked. Raises FormatError."""
    cursor = Cursor(data, 8, len(data), _WHAT)
    imports: list[Import] = []
    exports: list[Export] = []
    for at, number, start, end in cursor.sections():
        section = Cursor(data, start, end, _WHAT)
        if number == _IMPORT:
            imports.extend([_import(section) for _ in range(section.u32())])
            section.done("import")
        elif number == _EXPORT:
            exports.extend([_export(section) for _ in range(section.u32())])
            section.done("export")
        elif number > _LAST:
            cursor.unknown(f"section {number} is of no known kind", at)
    return Interface(tuple(imports), tuple(exports))


def _import(cursor: Cursor) -> Import:
    name = read_name(cursor)
    return Import("", name, read_type(cursor), "")


def _export(cursor: Cursor) -> Export:
    name, kind, _ = read_export(cursor)
    return Export(name, kind, "")


def read_export(cursor: Cursor) -> tuple[str, str, int]:
    """Read an export and return its name, its kind, and the index of what is exported."""
    name = read_name(cursor)
    kind = _sort(cursor)
    index = cursor.u32()
    ascribed = cursor.byte()
    if ascribed == 1:
        read_type(cursor)
    elif ascribed:
        cursor.unknown(f"{ascribed:#04x} does not say whether an export has a type of its own", cursor.pos - 1)
    return name, kind, index


def read_name(cursor: Cursor) -> str:
    """Read a name. 0 and 1 spell the same; after 2 comes a list of attributes, each a code and text."""
    form = cursor.byte()
    if form > 2:
        cursor.unknown(f"{form:#04x} does not start a name", cursor.pos - 1)
    name = cursor.name()
    if form == 2:
        for _ in range(cursor.u32()):
            cursor.byte()
            cursor.name()
    return name


def _sort(cursor: Cursor) -> str:
    code = cursor.byte()
    if code >= len(COMPONENT_KINDS):
        cursor.unknown(f"{code:#04x} is no kind of import or export", cursor.pos - 1)
    if code == 0 and cursor.byte() != _CORE_MODULE:
        cursor.fail("of what is core, a component imports and exports modules only", cursor.pos - 1)
    return COMPONENT_KINDS[code]


def read_type(cursor: Cursor) -> str:
    """Read the type of an import or export and return its kind."""
    kind = _sort(cursor)
    if kind == "type":
        # Equal to another, by index, or else a resource.
        bound = cursor.byte()
        if bound == 0:
            cursor.u32()
        elif bound != 1:
            cursor.unknown(f"{bound:#04x} is no bound of a type", cursor.pos - 1)
    elif kind == "value":
        cursor.signed(33)
    else:
        cursor.u32()
    return kind
