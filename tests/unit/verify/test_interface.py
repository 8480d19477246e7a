from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats.extern import Export, Import
from wasmbuild.verify.interface import as_reported, difference, has_untold_sizes

TOLD = ("i32", "i64", "f32", "f64", "v128", "funcref", "externref")
UNTOLD = ("anyref", "exnref", "i31ref", "(ref null 7)", "(ref func)", "(ref null (shared any))", "(ref i31)")
VALUES = st.lists(st.sampled_from((*TOLD, *UNTOLD)), max_size=5)


def spelled(values: list[str]) -> str:
    return f"({', '.join(values)})"


@given(VALUES, VALUES)
def test_value_types_that_the_library_keeps_to_itself_are_question_marks(left: list[str], right: list[str]) -> None:
    told = [[value if value in TOLD else "?" for value in values] for values in (left, right)]
    assert as_reported("func", f"{spelled(left)} -> {spelled(right)}") == f"{spelled(told[0])} -> {spelled(told[1])}"
    assert as_reported("tag", spelled(left)) == spelled(told[0])


@pytest.mark.parametrize(
    ("kind", "declared", "told"),
    [
        ("memory", "1..10 i64 shared page-size=1", "1..10 i64 shared page-size=1"),
        ("global", "mut i32", "mut i32"),
        ("global", "mut (ref null 3)", "mut ?"),
        ("table", "funcref 1..10", "funcref 1..10"),
        ("table", "funcref 1..10 i64", "funcref 1..10"),
        ("table", "anyref 1..10 i64 shared", "? 1..10"),
        ("table", "externref 0..4294967295", "externref 0"),
        ("table", "(ref null 3) 1", "? 1"),
        ("func", "", ""),
    ],
)
def test_types_as_the_probe_tells_them(kind: str, declared: str, told: str) -> None:
    assert as_reported(kind, declared) == told


@pytest.mark.parametrize(
    ("declared", "untold", "told"),
    [
        ("funcref 1..4294967296 i64", True, "funcref"),
        ("(ref null 3) 4294967296 i64 shared", True, "?"),
        ("externref 1..18446744073709551615 i64", True, "externref"),
        ("funcref 1..4294967295 i64", False, "funcref"),
        (f"funcref 1..{'9' * 10_000}", True, "funcref"),
    ],
)
def test_sizes_that_the_library_has_no_room_for(maker: Any, declared: str, untold: bool, told: str) -> None:
    artifact = maker.entry(b"", exports=(Export("t", "table", declared), Export("s", "table", "funcref 1..2")))
    assert has_untold_sizes(artifact) == untold
    assert as_reported("table", declared, sizes=False) == told
    if untold:
        assert difference(artifact, [], [["s", "table", "funcref"], ["t", "table", told]]) == ""


def test_equal_interfaces_do_not_differ(maker: Any) -> None:
    imports = (Import("env", "log", "func", "(anyref) -> ()"), Import("env", "log", "func", "(i32) -> ()"))
    exports = (Export("memory", "memory", "1"), Export("f", "func", "(i32) -> (i32)"))
    artifact = maker.entry(b"", imports=imports, exports=exports)
    told = [["env", "log", "func", "(?) -> ()"], ["env", "log", "func", "(i32) -> ()"]]
    assert difference(artifact, told, [list(export) for export in exports]) == ""
    assert difference(artifact, told[::-1], [list(export) for export in exports[::-1]]) == ""


def test_differences_are_named(maker: Any) -> None:
    artifact = maker.entry(
        b"",
        imports=(Import("env", "log", "func", "(i32) -> ()"),),
        exports=(Export("f", "func", "(i32) -> (i32)"), Export("g", "func", "() -> ()"), Export("m", "memory", "1")),
    )
    exports = [["f", "func", "(i64) -> (i32)"], ["h", "func", "() -> ()"], ["m", "table", "funcref 1"]]
    assert difference(artifact, [], exports) == (
        'its imports are not those of its manifest: "env.log" is missing; its exports are not those of its manifest: '
        '"f" is func (i64) -> (i32) instead of func (i32) -> (i32), "g" is missing, '
        '"m" is table funcref 1 instead of memory 1 and 1 more'
    )
    assert difference(artifact, [["env", "log", "func", "(i32) -> ()"], ["a", "b", "func", ""]], []).startswith(
        'its imports are not those of its manifest: "a.b" is not in the manifest; its exports'
    )


def test_the_same_name_twice_is_not_the_same_as_once(maker: Any) -> None:
    once = (Import("env", "log", "func", "() -> ()"),)
    artifact = maker.entry(b"", imports=once)
    assert '"env.log" is not in the manifest' in difference(artifact, [list(once[0])] * 2, [])


def test_names_are_shown_without_terminal_escapes(maker: Any) -> None:
    artifact = maker.entry(b"", exports=(Export("\x1b[31m\u202e", "func", "() -> ()"),))
    assert difference(artifact, [], []).isprintable()
