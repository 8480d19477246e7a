"""What a module shows of itself, what is said of malformed ones, and that any bytes are read or refused."""

from __future__ import annotations

import struct

import pytest
from binary import (
    COMPONENT,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    MODULE,
    V128,
    exports,
    func,
    imports,
    leb,
    name,
    section,
    types,
    vec,
)
from hypothesis import example, given
from hypothesis import strategies as st
from malformed import said

from wasmbuild.errors import FormatError
from wasmbuild.formats import identify, wasm
from wasmbuild.formats.extern import Export, Import, Interface


def exported(kind: int, before: bytes = b"", after: bytes = b"", index: int = 0) -> str:
    """Return the type of the one export of a module that has these sections."""
    [export] = wasm.interface(MODULE + before + exports(("x", kind, index)) + after).exports
    assert export.name == "x"
    assert export.kind == ("func", "table", "memory", "global", "tag")[kind]
    return export.type


def test_a_module_shows_its_imports_and_exports_in_order() -> None:
    data = (
        MODULE
        + section(0, name("producers") + b"anything")
        + types(func(), func([I32, I64], [F32]), func([V128, FUNCREF], [EXTERNREF, F64]))
        + imports(
            ("env", "log", b"\x00\x01"),
            ("env", "table", b"\x01\x70\x00\x00"),
            ("env", "memory", b"\x02\x03\x01\x0a"),
            ("", "", b"\x03\x7f\x01"),
            ("é", "\x1b", b"\x04\x00\x01"),
        )
        + section(3, vec([b"\x00", b"\x02"]))
        + section(5, vec([b"\x00\x02"]))
        + exports(("run", 0, 2), ("init", 0, 1), ("log", 0, 0), ("memory", 2, 1), ("g", 3, 0), ("t", 1, 0), ("e", 4, 0))
        + section(10, b"this is code and is not looked at")
        + section(11, b"nor is data")
    )
    assert wasm.interface(data) == Interface(
        (
            Import("env", "log", "func", "(i32, i64) -> (f32)"),
            Import("env", "table", "table", "funcref 0"),
            Import("env", "memory", "memory", "1..10 shared"),
            Import("", "", "global", "mut i32"),
            Import("é", "\x1b", "tag", "(i32, i64)"),
        ),
        (
            Export("run", "func", "(v128, funcref) -> (externref, f64)"),
            Export("init", "func", "() -> ()"),
            Export("log", "func", "(i32, i64) -> (f32)"),
            Export("memory", "memory", "2"),
            Export("g", "global", "mut i32"),
            Export("t", "table", "funcref 0"),
            Export("e", "tag", "(i32, i64)"),
        ),
    )


def test_an_empty_module_has_an_empty_interface() -> None:
    assert wasm.interface(MODULE) == Interface((), ())


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"\x7f", "i32"),
        (b"\x7e", "i64"),
        (b"\x7d", "f32"),
        (b"\x7c", "f64"),
        (b"\x7b", "v128"),
        (b"\x70", "funcref"),
        (b"\x6f", "externref"),
        (b"\x6e", "anyref"),
        (b"\x6d", "eqref"),
        (b"\x6c", "i31ref"),
        (b"\x6b", "structref"),
        (b"\x6a", "arrayref"),
        (b"\x69", "exnref"),
        (b"\x68", "contref"),
        (b"\x71", "nullref"),
        (b"\x72", "nullexternref"),
        (b"\x73", "nullfuncref"),
        (b"\x74", "nullexnref"),
        (b"\x75", "nullcontref"),
        (b"\x63\x70", "funcref"),
        (b"\x63\x71", "nullref"),
        (b"\x64\x70", "(ref func)"),
        (b"\x64\x6e", "(ref any)"),
        (b"\x64\x05", "(ref 5)"),
        (b"\x63\x05", "(ref null 5)"),
        (b"\x63\xff\xff\xff\xff\x0f", "(ref null 4294967295)"),
    ],
)
def test_value_types(code: bytes, text: str) -> None:
    sections = types(b"\x60" + vec([code, b"\x7f"]) + vec([code])) + section(3, vec([b"\0"]))
    assert exported(0, sections) == f"({text}, i32) -> ({text})"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"\x00\x00", "0"),
        (b"\x01\x01\x80\x80\x04", "1..65536"),
        (b"\x03\x01\x02", "1..2 shared"),
        (b"\x04\x80\x80\x80\x80\x80\x80\x10", "70368744177664 i64"),
        (b"\x07\x00\x01", "0..1 i64 shared"),
        (b"\x08\x05\x00", "5 page-size=1"),
        (b"\x08\x05\x10", "5"),
        (b"\x0f\x00\x01\x00", "0..1 i64 shared page-size=1"),
    ],
)
def test_memory_types(code: bytes, text: str) -> None:
    assert exported(2, section(5, vec([b"\x00\x63", code])), index=1) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"\x70\x00\x01", "funcref 1"),
        (b"\x6f\x01\x01\x0a", "externref 1..10"),
        (b"\x70\x05\x01\x0a", "funcref 1..10 i64"),
        (b"\x40\x00\x64\x6c\x00\x02\x41\x05\xfb\x1c\x0b", "(ref i31) 2"),
    ],
)
def test_table_types(code: bytes, text: str) -> None:
    assert exported(1, section(4, vec([b"\x40\x00\x70\x00\x01\xd0\x70\x0b", code])), index=1) == text


@pytest.mark.parametrize(
    "initial",
    [
        b"\x7f\x00\x41\x7f\x0b",
        b"\x7e\x00\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f\x0b",
        b"\x7d\x00\x43\x0b\x0b\x0b\x0b\x0b",
        b"\x7c\x00\x44" + b"\x0b" * 8 + b"\x0b",
        b"\x7b\x00\xfd\x0c" + b"\x0b" * 16 + b"\x0b",
        b"\x7f\x00\x23\x00\x41\x01\x6a\x41\x02\x6b\x41\x03\x6c\x0b",
        b"\x7e\x00\x42\x01\x42\x01\x7c\x42\x02\x7d\x42\x03\x7e\x0b",
        b"\x70\x00\xd2\x0b\x0b",
        b"\x70\x00\xd0\x70\x0b",
        b"\x63\x0b\x00\xd0\x0b\x0b",
        b"\x6e\x00\xfb\x01\x0b\x0b",
        b"\x6e\x00\x41\x01\xfb\x00\x0b\x0b",
        b"\x6e\x00\x41\x01\x41\x01\xfb\x06\x0b\x0b",
        b"\x6e\x00\x41\x01\xfb\x07\x0b\x0b",
        b"\x6e\x00\x41\x01\xfb\x08\x0b\x0b\x0b",
        b"\x6f\x00\xd0\x6e\xfb\x1b\x0b",
        b"\x6e\x00\xd0\x6f\xfb\x1a\x0b",
    ],
)
def test_initial_values_are_passed_over(initial: bytes) -> None:
    assert exported(3, section(6, vec([initial, b"\x7c\x01\x44" + bytes(8) + b"\x0b"])), index=1) == "mut f64"


def test_recursion_groups_subtypes_and_other_types_are_counted() -> None:
    struct_type = b"\x5f" + vec([b"\x78\x01", b"\x77\x00", b"\x63\x01\x00", b"\x7f\x01"])
    sections = types(
        b"\x4e" + vec([struct_type, b"\x5e\x78\x01"]),
        b"\x50" + vec([b"\x00"]) + b"\x5f" + vec([]),
        b"\x4f" + vec([b"\x00", b"\x02"]) + func([I32]),
        b"\x5d\x03",
        b"\x4e\x00",
        func([I64]),
    )
    sections += section(3, vec([b"\x05", b"\x03"]))
    assert exported(0, sections) == "(i64) -> ()"
    assert exported(0, sections, index=1) == "(i32) -> ()"


def test_tags_come_before_globals() -> None:
    sections = types(func([I32])) + section(13, vec([b"\x00\x00"])) + section(6, vec([b"\x7f\x00\x41\x00\x0b"]))
    assert exported(4, sections) == "(i32)"


def test_tags_of_one_type_share_its_text() -> None:
    imported = imports(("m", "a", b"\4\0\0"), ("m", "b", b"\4\0\1"), ("m", "c", b"\4\0\0"))
    declared = section(13, vec([b"\0\0"])) + exports(("d", 4, 3))
    found = wasm.interface(MODULE + types(func([I32] * 100), func([I64])) + imported + declared)
    one, other, same = (item.type for item in found.imports)
    assert (one, other) == (f"({', '.join(['i32'] * 100)})", "(i64)")
    assert one is same
    assert one is found.exports[0].type


@pytest.mark.parametrize("kind", [b"\0\0", b"\4\0\0"])
def test_imports_that_take_too_much_text_are_not_read_to_the_end(kind: bytes) -> None:
    many = imports(*[("m", str(index), kind) for index in range(4000)], ("m", "broken", b"\x09"))
    with pytest.raises(FormatError, match=r"a module whose imports and exports take more than 16777216 characters"):
        wasm.interface(MODULE + types(func([I32] * 1000)) + many)


def test_of_many_functions_those_that_are_exported_are_found() -> None:
    short = types(func(), func([I32])) + section(3, vec([b"\x00"] * 50_000 + [b"\x01"]))
    assert exported(0, short, index=50_000) == "(i32) -> ()"
    many = types(*[func()] * 200, func([I64])) + section(
        3, vec([leb(200)] + [b"\x00"] * 300 + [leb(200)] + [b"\x00"] * 9)
    )
    assert exported(0, many, index=301) == "(i64) -> ()"
    assert exported(0, many, index=300) == "() -> ()"


def broken(*sections: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        wasm.interface(MODULE + b"".join(sections))
    return str(caught.value)


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ([section(14, b"")], "section 14 is of no known kind, at byte 8 of the file"),
        ([types(), types()], "section 1 comes twice or too late, at byte 11 of the file"),
        ([exports(), types()], "section 1 comes twice or too late, at byte 11 of the file"),
        ([exports(("a", 0, 0))], "func 0 is exported, but there is none, at byte 10 of the file"),
        ([exports(("a", 2, 7))], "memory 7 is exported, but there is none, at byte 10 of the file"),
        ([exports(("a", 5, 0))], "0x05 is no kind of import or export, at byte 13 of the file"),
        (
            [types(func()), section(3, b"\1\0"), exports(("a", 0, 0), ("a", 0, 0))],
            "a name is exported twice, at byte 25 of the file",
        ),
        ([imports(("a", "b", b"\x00\x00"))], "type 0 is not a function type, at byte 17 of the file"),
        (
            [types(b"\x5f\x00"), imports(("a", "b", b"\x00\x00"))],
            "type 0 is not a function type, at byte 22 of the file",
        ),
        ([section(2, b"\1\1\xff\0\0\0")], "a name is not UTF-8, at byte 12 of the file"),
        ([section(2, b"\1\x09a")], "it ends too early, at byte 13 of the file"),
        ([section(2, b"\1")], "it ends too early, at byte 11 of the file"),
        ([section(2, b"\0\0")], "the import section is longer than what it holds, at byte 11 of the file"),
        (
            [section(2, b"\xff\xff\xff\xff\x1f")],
            "a number has more than 32 bits, at byte 10 of the file",
        ),
        (
            [section(2, b"\x80\x80\x80\x80\x80\x00")],
            "a number takes more bytes than one of 32 bits can, at byte 10 of the file",
        ),
        ([imports(("a", "b", b"\x02\x10\x00"))], "limits have unknown flags 0x10, at byte 16 of the file"),
        ([imports(("a", "b", b"\x02\x08\x00\x41"))], "a page of 2^65 bytes, at byte 19 of the file"),
        (
            [imports(("a", "b", b"\x03\x7f\x02"))],
            "0x02 does not say whether something can be set, at byte 17 of the file",
        ),
        ([imports(("a", "b", b"\x03\x40\x00"))], "0x40 is not a type, at byte 16 of the file"),
        ([imports(("a", "b", b"\x03\x64\x40\x00"))], "this is not a heap type, at byte 17 of the file"),
        ([imports(("a", "b", b"\x01\x7f\x00\x00"))], "i32 is not a reference type, at byte 16 of the file"),
        ([imports(("a", "b", b"\x04\x01\x00"))], "a tag has the unknown attribute 0x01, at byte 16 of the file"),
        (
            [types(b"\x61"), imports(("a", "b", b"\x00\x00"))],
            "0x61 does not start a type, at byte 11 of the file",
        ),
        (
            [section(6, b"\1\x7f\x00\x45\x0b"), exports(("a", 3, 0))],
            "instruction 0x45 has no place in an initial value, at byte 13 of the file",
        ),
        (
            [section(6, b"\1\x7f\x00\xfb\x02\x0b"), exports(("a", 3, 0))],
            "instruction 0xfb 2 has no place in an initial value, at byte 13 of the file",
        ),
    ],
)
def test_what_is_malformed_is_said_with_its_offset(sections: list[bytes], problem: str) -> None:
    assert broken(*sections) == said("module", problem)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"(module)",
            "not a binary module or component, but WebAssembly text",
        ),
        (
            MODULE + section(10, b"code")[:-1],
            "not a binary module or component, but a core WebAssembly module that was cut off or damaged "
            "(it has 13 bytes): make it again, or copy it again from where it was made",
        ),
    ],
)
def test_other_files_have_no_interface(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        wasm.interface(data)
    assert str(caught.value) == message


def rich() -> bytes:
    """Return a module that uses every section and most encodings."""
    return (
        MODULE
        + types(func([I32], [F64]), b"\x4e" + vec([b"\x50\x00\x5f" + vec([b"\x63\x01\x01"]), b"\x5e\x77\x00"]))
        + imports(
            ("m", "f", b"\x00\x00"),
            ("m", "g", b"\x03\x64\x6c\x01"),
            ("m", "n", b"\x02\x07\x01\x0a"),
            ("m", "e", b"\x04\x00\x00"),
        )
        + section(3, vec([b"\x00", b"\x00"]))
        + section(4, vec([b"\x40\x00\x70\x00\x01\xd0\x70\x0b", b"\x6f\x05\x00\x09"]))
        + section(5, vec([b"\x0b\x01\x02\x00"]))
        + section(13, vec([b"\x00\x00"]))
        + section(6, vec([b"\x7c\x00\x44" + struct.pack("<d", 1.5) + b"\x0b", b"\x7e\x01\x42\x7f\x0b"]))
        + exports(("f", 0, 2), ("t", 1, 1), ("n", 2, 1), ("g", 3, 2), ("e", 4, 1), ("i", 3, 0))
        + section(10, b"\x00" * 20)
    )


def read_or_refuse(data: bytes) -> None:
    identity = identify.identify(data)
    assert str(identity).isprintable()
    try:
        wasm.interface(data)
    except FormatError as error:
        assert str(error).isprintable()  # noqa: PT017


@given(st.binary(max_size=200), st.sampled_from([b"", MODULE, COMPONENT, b"\0asm", b"\x7fELF", b"(", b"(;", b";;"]))
@example(b"\x07\x05\xff\xff\xff\xff\x0f", MODULE)
def test_random_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    read_or_refuse(start + data)


@given(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 13]), st.binary(max_size=60))
def test_random_sections_are_read_or_refused(number: int, body: bytes) -> None:
    read_or_refuse(MODULE + section(number, body) + (b"" if number >= 7 and number != 13 else exports(("a", 0, 0))))


@given(st.data())
def test_changed_modules_are_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(rich())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(8, len(changed) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(changed))


def test_truncation_at_any_byte_leaves_no_module() -> None:
    whole = rich()
    edges = {8}
    while (at := max(edges)) < len(whole):
        edges.add(at + 2 + whole[at + 1])
    assert wasm.interface(whole).exports[0] == Export("f", "func", "(i32) -> (f64)")
    for size in set(range(len(whole))) - edges:
        with pytest.raises(FormatError):
            wasm.interface(whole[:size])
