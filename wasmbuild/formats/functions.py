"""Which function of a module lies at an offset of the file, and what its name section calls it."""

from __future__ import annotations

from wasmbuild.errors import FormatError
from wasmbuild.formats.component_parts import parts
from wasmbuild.formats.cursor import Cursor
from wasmbuild.formats.identify import identify
from wasmbuild.formats.wasm import CoreModule
from wasmbuild.lean.typing import NamedTuple

_CODE = 10
_WHAT = "module"
_FUNCTION_NAMES = 1


class Function(NamedTuple):
    """A function by its index (``number``), imported ones counted; ``name`` is empty where it has none."""

    number: int
    name: str


def at(data: bytes, offset: int) -> Function | None:
    """Return the function whose code is at an offset of a module, or of a module in a component; None elsewhere."""
    try:
        ranges = parts(data).modules if identify(data).kind == "component" else [(0, len(data))]
        for start, end in ranges:
            if start <= offset < end:
                return _in_module(CoreModule(data, start, end), offset)
    except FormatError:
        pass
    return None


def _in_module(module: CoreModule, offset: int) -> Function | None:
    if _CODE not in module.sections:
        return None
    module.imports()
    imported = len(module.imported["func"])
    cursor = module.cursor(_CODE)
    for number in range(cursor.u32()):
        start = cursor.pos
        cursor.skip(cursor.u32())
        if start <= offset < cursor.pos:
            return Function(imported + number, _names(module).get(imported + number, ""))
    return None


def _names(module: CoreModule) -> dict[int, str]:
    """Return what the name section calls functions; nothing where that cannot be read."""
    try:
        cursor = module.custom("name")
        while cursor is not None and cursor.pos < cursor.end:
            number, start, end = cursor.section()
            if number == _FUNCTION_NAMES:
                names = Cursor(module.data, start, end, _WHAT)
                return {names.u32(): names.name() for _ in range(names.u32())}
    except FormatError:
        pass
    return {}
