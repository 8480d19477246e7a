"""Types in WebAssembly's binary format, as the text that ``wasmbuild.formats.extern`` describes.

Source: WebAssembly core specification 3.0, section 5.3, and the proposals threads, custom page sizes and stack
switching.
"""

from __future__ import annotations

from wasmbuild.formats.cursor import Cursor

_NUMBERS = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128"}
_HEAP = {
    0x68: "cont",
    0x69: "exn",
    0x6A: "array",
    0x6B: "struct",
    0x6C: "i31",
    0x6D: "eq",
    0x6E: "any",
    0x6F: "extern",
    0x70: "func",
    0x71: "none",
    0x72: "noextern",
    0x73: "nofunc",
    0x74: "noexn",
    0x75: "nocont",
}
_REFERENCES = {code: f"{heap}ref" for code, heap in _HEAP.items()} | {
    0x71: "nullref",
    0x72: "nullexternref",
    0x73: "nullfuncref",
    0x74: "nullexnref",
    0x75: "nullcontref",
}
_VALUES = {**_NUMBERS, **_REFERENCES}
_PACKED = {0x78, 0x77}
_ONE_BYTE = bytes(sorted(_VALUES))
_REF, _REF_NULL = 0x64, 0x63
_FUNC, _STRUCT, _ARRAY, _CONT = 0x60, 0x5F, 0x5E, 0x5D
_SUB, _SUB_FINAL, _REC = 0x50, 0x4F, 0x4E


def value_type(cursor: Cursor) -> str:
    """Read a value type."""
    code = cursor.byte()
    text = _VALUES.get(code)
    if text is not None:
        return text
    if code == _REF_NULL:
        # These bytes are another spelling of a reference that has a name of its own.
        if cursor.pos < cursor.end and cursor.data[cursor.pos] in _REFERENCES:
            return _REFERENCES[cursor.byte()]
        return f"(ref null {_heap_type(cursor)})"
    if code != _REF:
        cursor.unknown(f"{code:#04x} is not a type", cursor.pos - 1)
    return f"(ref {_heap_type(cursor)})"


def reference_type(cursor: Cursor) -> str:
    """Read a reference type."""
    at = cursor.pos
    text = value_type(cursor)
    if text in _NUMBERS.values():
        cursor.fail(f"{text} is not a reference type", at)
    return text


def _heap_type(cursor: Cursor) -> str:
    at = cursor.pos
    if at < cursor.end:
        code = cursor.data[at]
        if code in _HEAP:
            cursor.pos += 1
            return _HEAP[code]
    index = cursor.signed(33)
    if index < 0:
        cursor.unknown("this is not a heap type", at)
    return str(index)


def function_type(cursor: Cursor) -> tuple[str, str]:
    """Read a function type after its code and return parameters and results, each in parentheses."""
    return _result_type(cursor), _result_type(cursor)


def _result_type(cursor: Cursor) -> str:
    return f"({', '.join([value_type(cursor) for _ in range(cursor.u32())])})"


def type_section(cursor: Cursor, noted: set[str]) -> list[int | None]:
    """Read a type section; return for each type where its function type starts, None for types that are none.

    Added to ``noted`` are all value types in it, and of ``rec``, ``sub``, ``struct``, ``array``, ``cont`` and
    ``results`` (more than one) what there is.
    """
    types: list[int | None] = []
    for _ in range(cursor.u32()):
        if cursor.pos < cursor.end and cursor.data[cursor.pos] == _REC:
            cursor.pos += 1
            noted.add("rec")
            for _ in range(cursor.u32()):
                types.append(_sub_type(cursor, noted))
        else:
            number = len(types)
            types.append(_sub_type(cursor, noted))
            # What refers to itself is a group of one.
            if not noted.isdisjoint((f"(ref {number})", f"(ref null {number})")):
                noted.add("rec")
    cursor.done("type")
    return types


def _sub_type(cursor: Cursor, noted: set[str]) -> int | None:
    code = cursor.byte()
    if code in (_SUB, _SUB_FINAL):
        noted.add("sub")
        for _ in range(cursor.u32()):
            cursor.u32()
        code = cursor.byte()
    if code == _FUNC:
        start = cursor.pos
        _skip_values(cursor, noted)
        if _skip_values(cursor, noted) > 1:
            noted.add("results")
        return start
    if code == _STRUCT:
        noted.add("struct")
        for _ in range(cursor.u32()):
            _skip_field(cursor, noted)
    elif code == _ARRAY:
        noted.add("array")
        _skip_field(cursor, noted)
    elif code == _CONT:
        noted.add("cont")
        cursor.signed(33)
    else:
        cursor.unknown(f"{code:#04x} does not start a type", cursor.pos - 1)
    return None


def _skip_values(cursor: Cursor, noted: set[str]) -> int:
    count = cursor.u32()
    # Nearly all value types are single bytes.
    codes = cursor.data[cursor.pos : min(cursor.pos + count, cursor.end)]
    if not codes.translate(None, _ONE_BYTE):
        cursor.skip(count)
        noted.update([_VALUES[code] for code in set(codes)])
    else:
        noted.update([value_type(cursor) for _ in range(count)])
    return count


def _skip_field(cursor: Cursor, noted: set[str]) -> None:
    if cursor.pos < cursor.end and cursor.data[cursor.pos] in _PACKED:
        cursor.pos += 1
    else:
        noted.add(value_type(cursor))
    _mutability(cursor)


def _mutability(cursor: Cursor) -> bool:
    code = cursor.byte()
    if code > 1:
        cursor.unknown(f"{code:#04x} does not say whether something can be set", cursor.pos - 1)
    return code == 1


def global_type(cursor: Cursor) -> str:
    """Read a global's type."""
    text = value_type(cursor)
    return f"mut {text}" if _mutability(cursor) else text


def memory_type(cursor: Cursor, noted: set[str]) -> str:
    """Read a memory's type. Added to ``noted`` is ``page-size`` where it is said, be it the usual one."""
    text, flags = _limits(cursor, 0x0F)
    if flags & 8:
        noted.add("page-size")
        power = cursor.u32()
        if power > 64:
            cursor.fail(f"a page of 2^{power} bytes")
        if power != 16:
            text += f" page-size={1 << power}"
    return text


def table_type(cursor: Cursor) -> str:
    """Read a table's type."""
    element = reference_type(cursor)
    return f"{element} {_limits(cursor, 0x05)[0]}"


def _limits(cursor: Cursor, known: int) -> tuple[str, int]:
    flags = cursor.byte()
    if flags & ~known:
        cursor.unknown(f"limits have unknown flags {flags:#04x}", cursor.pos - 1)
    bits = 64 if flags & 4 else 32
    text = str(cursor.unsigned(bits))
    if flags & 1:
        text += f"..{cursor.unsigned(bits)}"
    return text + (" i64" if flags & 4 else "") + (" shared" if flags & 2 else ""), flags


def skip_constant_expression(cursor: Cursor) -> None:
    """Pass over the initial value of a global or table (core specification 3.0, section 3.4.13)."""
    while True:
        at = cursor.pos
        code = cursor.byte()
        if code == 0x0B:
            return
        if code in (0x23, 0xD2):
            cursor.u32()
        elif code == 0x41:
            cursor.signed(32)
        elif code == 0x42:
            cursor.signed(64)
        elif code == 0x43:
            cursor.skip(4)
        elif code == 0x44:
            cursor.skip(8)
        elif code == 0xD0:
            _heap_type(cursor)
        elif code == 0xFD and cursor.u32() == 12:
            cursor.skip(16)
        elif code == 0xFB:
            _skip_gc(cursor, at)
        elif code not in _ARITHMETIC:
            cursor.unknown(f"instruction {code:#04x} has no place in an initial value", at)


_ARITHMETIC = {0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E}
# By number: how many indices or counts follow. struct.new, array.new, array.new_fixed, conversions, ref.i31.
_GC_IMMEDIATES = {0: 1, 1: 1, 6: 1, 7: 1, 8: 2, 26: 0, 27: 0, 28: 0}


def _skip_gc(cursor: Cursor, at: int) -> None:
    number = cursor.u32()
    if number not in _GC_IMMEDIATES:
        cursor.unknown(f"instruction 0xfb {number} has no place in an initial value", at)
    for _ in range(_GC_IMMEDIATES[number]):
        cursor.u32()
