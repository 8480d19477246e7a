"""What a component shows of itself, and what is said of malformed ones."""

from __future__ import annotations

import pytest
from binary import (
    COMPONENT,
    I32,
    MODULE,
    exports,
    func,
    imports,
    name,
    section,
    types,
    vec,
)
from malformed import said

from wasmbuild.errors import FormatError
from wasmbuild.formats import wasm
from wasmbuild.formats.extern import Export


def test_a_component_shows_the_names_and_kinds_of_its_own() -> None:
    nested = COMPONENT + section(10, vec([b"\x00" + name("inner") + b"\x01\x00"]))
    data = (
        COMPONENT
        + section(0, name("x"))
        + section(1, MODULE + exports())
        + section(4, nested)
        + section(
            10,
            vec(
                [
                    b"\x00" + name("a") + b"\x01\x00",
                    b"\x01" + name("wasi:cli/run@0.2.0") + b"\x05\x01",
                    b"\x02" + name("b:c/d") + vec([b"\x00" + name("e:f/g"), b"\x01" + name(".1")]) + b"\x05\x01",
                ]
            ),
        )
        + section(7, b"types are not looked at")
        + section(
            10,
            vec(
                [
                    b"\x00" + name("r") + b"\x03\x01",
                    b"\x00" + name("t") + b"\x03\x00\x09",
                    b"\x00" + name("m") + b"\x00\x11\x00",
                    b"\x00" + name("k") + b"\x04\x00",
                    b"\x00" + name("v") + b"\x02\x73",
                    b"\x00" + name("w") + b"\x02\x00",
                ]
            ),
        )
        + section(
            11,
            vec(
                [
                    b"\x00" + name("f") + b"\x01\x00" + b"\x00",
                    b"\x00" + name("g") + b"\x01\x00" + b"\x01\x01\x00",
                    b"\x01" + name("h") + b"\x00\x11\x00" + b"\x00",
                ]
            ),
        )
        + section(11, vec([b"\x00" + name("i") + b"\x05\x80\x01" + b"\x00"]))
    )
    interface = wasm.interface(data)
    assert [(i.module, i.name, i.kind, i.type) for i in interface.imports] == [
        ("", "a", "func", ""),
        ("", "wasi:cli/run@0.2.0", "instance", ""),
        ("", "b:c/d", "instance", ""),
        ("", "r", "type", ""),
        ("", "t", "type", ""),
        ("", "m", "module", ""),
        ("", "k", "component", ""),
        ("", "v", "value", ""),
        ("", "w", "value", ""),
    ]
    assert interface.exports == (
        Export("f", "func", ""),
        Export("g", "func", ""),
        Export("h", "module", ""),
        Export("i", "instance", ""),
    )


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ([section(13, b"")], "section 13 is of no known kind, at byte 8 of the file"),
        ([section(10, b"\1\3\1a")], "0x03 does not start a name, at byte 11 of the file"),
        ([section(10, b"\1\0\1a\6\0")], "0x06 is no kind of import or export, at byte 14 of the file"),
        (
            [section(10, b"\1\0\1a\0\0\0")],
            "of what is core, a component imports and exports modules only, at byte 15 of the file",
        ),
        ([section(10, b"\1\0\1a\2\x80")], "it ends too early, at byte 16 of the file"),
        ([section(10, b"\1\0\1a\3\2")], "0x02 is no bound of a type, at byte 15 of the file"),
        ([section(10, b"\0\0")], "the import section is longer than what it holds, at byte 11 of the file"),
        (
            [section(11, b"\1\0\1a\1\0\2")],
            "0x02 does not say whether an export has a type of its own, at byte 16 of the file",
        ),
        ([section(11, b"\1\0\1a\1\0")], "it ends too early, at byte 16 of the file"),
    ],
)
def test_what_is_malformed_in_a_component_is_said(sections: list[bytes], problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        wasm.interface(COMPONENT + b"".join(sections))
    assert str(caught.value) == said("component", problem)


def test_a_type_that_takes_too_much_text_with_all_who_share_it_is_refused() -> None:
    many = [(str(index), 0, 0) for index in range(4000)]
    data = MODULE + types(func([I32] * 1000)) + section(3, vec([b"\x00"])) + exports(*many)
    told = r"whose imports and exports take more than 16777216 characters to write down"
    with pytest.raises(FormatError, match=told):
        wasm.interface(data)


@pytest.mark.parametrize("kind", [b"\x7e\x00", b"\x7f\x01\x00"])
def test_compact_imports_are_no_damage(kind: bytes) -> None:
    with pytest.raises(FormatError, match=r"compact imports, which Wasmtime 48, 49 and 50 lack.*--disable-compact"):
        wasm.interface(MODULE + types(func()) + imports(("env", "", kind)))
