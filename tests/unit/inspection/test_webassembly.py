from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.errors import FormatError
from wasmbuild.formats import identify
from wasmbuild.formats.extern import Export, Import
from wasmbuild.inspection.webassembly import describe


def section(number: int, body: bytes) -> bytes:
    return bytes([number, len(body)]) + body


# (type (func (param i32))) (import "e" "f" (func (type 0))) (memory 1 3) (memory i64 2) (export "g" (func 0)) (start 0)
MODULE = (
    b"\0asm\1\0\0\0"
    + section(1, b"\1\x60\1\x7f\0")
    + section(2, b"\1\1e\1f\0\0")
    + section(5, b"\2\1\1\3\4\2")
    + section(7, b"\1\1g\0\0")
    + section(8, b"\0")
    + section(0, b"\4nameabc")
    + section(0, b"\x0b.debug_infoxy")
)
COMPONENT = b"\0asm\x0d\0\1\0" + section(1, MODULE) + section(1, MODULE) + section(11, b"\1\0\1r\1\0\0")


def test_a_module() -> None:
    described = describe(MODULE, "module", None)
    assert described.imports == (Import("e", "f", "func", "(i32) -> ()"),)
    assert described.exports == (Export("g", "func", "(i32) -> ()"),)
    assert described.memories == ("1..3", "2 i64")
    assert described.starts
    assert [(s.name, s.size, s.role) for s in described.sections] == [
        ("type", 5, "interface"),
        ("import", 7, "interface"),
        ("memory", 6, "interface"),
        ("export", 5, "interface"),
        ("start", 1, "other"),
        ("name", 8, "names"),
        (".debug_info", 14, "debug"),
    ]
    assert (described.line, described.features) == (None, None)
    assert described.problem == "there is no library of Wasmtime here"


def test_a_component() -> None:
    described = describe(COMPONENT, "component", None)
    assert described.exports == (Export("r", "func", ""),)
    assert [section.name for section in described.sections] == ["core module", "core module", "export"]
    assert described.memories == ()
    assert not described.starts


def test_why_it_is_not_told_what_a_module_uses() -> None:
    bodies = {"legacy exceptions": b"\x06\x40\x19\x0b\x0b", "there is no instruction ff 0b": b"\xff\x0b"}
    for said, code in bodies.items():
        body = section(10, bytes([1, len(code) + 1, 0]) + code)
        described = describe(b"\0asm\1\0\0\0" + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + body, "module", None)
        assert described.traits is None
        assert said in described.untold
    assert describe(MODULE, "module", None).untold == ""


@given(
    base=st.sampled_from([MODULE, COMPONENT]),
    at=st.integers(8, 200),
    patch=st.binary(max_size=6),
    cut=st.integers(8, 400),
)
def test_damage_is_described_or_a_format_error(base: bytes, at: int, patch: bytes, cut: int) -> None:
    data = (base[:at] + patch + base[at + len(patch) :])[:cut]
    kind = identify.identify(data).kind
    if kind in ("module", "component"):
        with suppress(FormatError):
            assert describe(data, kind, None).kind == kind


@pytest.mark.parametrize("body", [b"\x05ab", b"", b"\x02\xff\xfe"])
def test_a_custom_section_without_a_name_is_malformed(body: bytes) -> None:
    with pytest.raises(FormatError, match=r"a malformed module: |cut off or damaged"):
        describe(b"\0asm\1\0\0\0" + section(0, body), "module", None)
