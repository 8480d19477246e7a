from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.formats.component_types import UNKNOWN, FunctionType, ValueType
from wasmbuild.formats.component_values import Exports, absent, problems
from wasmbuild.project.cases import Case

U8, F32, STRING = ValueType("u8"), ValueType("f32"), ValueType("string")
OPTION = ValueType("option", (("none", None), ("some", U8)))
RESULT = ValueType("result", (("ok", U8), ("err", STRING)))
EMPTY = ValueType("result", (("ok", None), ("err", None)))
VARIANT = ValueType("variant", (("a", U8), ("b", None)))
RECORD = ValueType("record", (("x", U8), ("y", OPTION)))
OF_OPTION = ValueType("result", (("ok", OPTION), ("err", STRING)))
FLAGS, ENUM = (ValueType(kind, (("r", None), ("w", None))) for kind in ("flags", "enum"))
LIST, TUPLE = ValueType("list", (("", U8),)), ValueType("tuple", (("", U8), ("", STRING)))
OWN, BORROW, STREAM = ValueType("own"), ValueType("borrow"), ValueType("stream")
OF_RECORD, OF_UNKNOWN, OF_STREAM = (
    ValueType("option", (("none", None), ("some", inner))) for inner in (RECORD, UNKNOWN, STREAM)
)
FIXED = ValueType("fixed-length list", (("", U8),))
OF_MAPS = ValueType("result", (("ok", None), ("err", ValueType("list", (("", ValueType("map")),)))))
MADE = {"call": "[constructor]r"}


def of(*types: ValueType, result: ValueType | None = None) -> FunctionType:
    return FunctionType(types, result)


MAKERS = {
    "[constructor]r": of(result=OWN),
    "a:b/c#of": of(U8, result=ValueType("option", (("none", None), ("some", OWN)))),
    "try": of(U8, STRING, result=ValueType("result", (("ok", OWN), ("err", STRING)))),
    "child": of(BORROW, result=OWN),
    "may": of(result=ValueType("variant", (("made", OWN), ("no", None)))),
    "count": of(result=U8),
    "drop": of(),
    "fails": of(result=ValueType("result", (("ok", None), ("err", OWN)))),
    "later": of(result=OWN)._replace(is_async=True),
    "streams": of(result=ValueType("result", (("ok", OWN), ("err", STREAM)))),
    "unknown": of(result=UNKNOWN),
    "untold": None,
}


def missing(call: str) -> tuple[str, str] | None:
    return ("there is none", "write another") if call == "nope" else absent(call, MAKERS)


EXPORTS = Exports(MAKERS, missing)


def found(value: Any, type_: ValueType) -> list[str]:
    case = Case("f", (value,), traps="x")
    told = problems(case, of(type_), EXPORTS)
    return [f"{'.'.join(map(str, path))}: {problem}; {fix}" for path, problem, fix in told]


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (255, U8), (0.5, F32), ("nan", F32), (1, F32), ("a", STRING), (True, ValueType("bool")),
        ("a", ValueType("char")),
        (1, OPTION), ({"some": 1}, OPTION), ({"none": True}, OPTION),
        (1, RESULT), ({"ok": 1}, RESULT), ({"err": "x"}, RESULT), ({"ok": True}, EMPTY), ({"err": True}, EMPTY),
        ({"a": 1}, VARIANT), ("b", VARIANT), ({"b": True}, VARIANT),
        ({"x": 1}, OF_RECORD), ({"any": 1}, OF_UNKNOWN),
        ({"x": 1}, RECORD), ({"x": 1, "y": 2}, RECORD), ({"x": 1, "y": {"none": True}}, RECORD),
        (["w", "r"], FLAGS), ([], FLAGS), ("r", ENUM), ([1, 2], LIST), ([], LIST), ([1, "a"], TUPLE),
        (MADE, OWN), ({**MADE, "args": []}, BORROW), ({"call": "a:b/c#of", "args": [1]}, OWN),
        ({"call": "try", "args": [1, "a"]}, OWN), ({"call": "child", "args": [MADE]}, OWN), ({"call": "unknown"}, OWN),
        ({"call": "may"}, OWN),
        ({"call": "untold", "args": [1]}, OWN), ([], ValueType("list", (("", STREAM),))),
        ("anything", UNKNOWN), ({"deep": [1]}, UNKNOWN),
    ],
)  # fmt: skip
def test_what_fits_is_right(value: Any, type_: ValueType) -> None:
    assert found(value, type_) == []


@pytest.mark.parametrize(
    ("value", "type_", "problem"),
    [
        (256, U8, "args.0: 256 is no u8; write a number from 0 to 255"),
        (True, U8, "args.0: true is no u8; write a number from 0 to 255"),
        ("x", F32, 'args.0: "x" is no number; write a number, or one of "nan", "inf", "-inf"'),
        (1, STRING, "args.0: 1 is no string; write text"),
        ({"some": 256}, OPTION, "args.0.some: 256 is no u8; write a number from 0 to 255"),
        ({"none": 1}, OPTION, "args.0.none: none holds nothing; write { none = true }"),
        ({"err": 1}, RESULT, "args.0.err: 1 is no string; write text"),
        (1, EMPTY, "args.0: 1 is no result; write one of { ok = true }, { err = true }"),
        ("a", VARIANT, 'args.0: "a" is no variant; write one of { a = … }, { b = true }'),
        ({"y": 1}, RECORD, "args.0: a table is not its record; write { x = …, y = … }"),
        ({"x": 1, "z": 1}, RECORD, "args.0: a table is not its record; write { x = …, y = … }"),
        ({"nome": True}, OPTION, "args.0: a table is no option; write one of { none = true }, { some = … }"),
        ({"error": 1}, RESULT, "args.0: a table is no result; write one of { ok = … }, { err = … }"),
        ("no", RESULT, 'args.0: "no" is no result; write a number from 0 to 255, or one of { ok = … }, { err = … }'),
        (
            256,
            OPTION,
            "args.0: 256 is no option; write a number from 0 to 255, or one of { none = true }, { some = … }",
        ),
        ({"error": "x"}, OF_OPTION, "args.0: a table is no result; write one of { ok = … }, { err = … }"),
        ("none", OF_OPTION, 'args.0: "none" is no result; write one of { ok = … }, { err = … }'),
        ({"some": 256}, OF_OPTION, "args.0.some: 256 is no u8; write a number from 0 to 255"),
        (
            {"z": 1},
            OF_RECORD,
            "args.0: a table is no option; write { x = …, y = … }, or one of { none = true }, { some = … }",
        ),
        (1, OF_STREAM, "args.0: a value of type stream cannot be tested; remove the test"),
        (["r", "x"], FLAGS, 'args.0: "x" is none of its flags; write a list of "r", "w"'),
        ("r", FLAGS, 'args.0: "r" is no list of its flags; write a list of "r", "w"'),
        ("x", ENUM, 'args.0: "x" is no name of the enum; write one of "r", "w"'),
        (1, LIST, "args.0: 1 is not a list; write [ … ]"),
        ([1, 256], LIST, "args.0.1: 256 is no u8; write a number from 0 to 255"),
        ([1], TUPLE, "args.0: an array is not a tuple of 2; write [ … ]"),
        (1, OWN, 'args.0: 1 is no resource; write { call = "…", args = […] }, the call that makes one'),
        (1, STREAM, "args.0: a value of type stream cannot be tested; remove the test"),
        ([1], ValueType("list", (("", STREAM),)), "args.0.0: a value of type stream cannot be tested; remove the test"),
        ([1], FIXED, "args.0: a value of type fixed-length list cannot be tested; remove the test"),
        ({"call": "nope"}, OWN, "args.0.call: there is none; write another"),
        ({"call": "a:b/c#off"}, OWN, 'args.0.call: "a:b/c" has no function "off"; did you mean "a:b/c#of"?'),
        ({**MADE, "arg": [3]}, OWN, "args.0.arg: is no key of a call; did you mean args?"),
        ({**MADE, "with": [3]}, OWN, 'args.0.with: is no key of a call; write { call = "…", args = […] }'),
        ({**MADE, "args": 3}, OWN, "args.0.args: 3 is no list of arguments; write [ … ]"),
        ({**MADE, "args": [3]}, OWN, "args.0.args: has 1 value, and the function takes 0; write 0 values"),
        ({"call": "try", "args": [-1, "a"]}, OWN, "args.0.args.0: -1 is no u8; write a number from 0 to 255"),
        ({"call": "child", "args": [{"call": "nope"}]}, OWN, "args.0.args.0.call: there is none; write another"),
    ],
)
def test_what_does_not_is_told_with_what_to_write(value: Any, type_: ValueType, problem: str) -> None:
    assert found(value, type_) == [problem]


def test_numbers_of_values_and_results() -> None:
    assert list(problems(Case("f", (1,), returns=("resource",)), of(U8, result=OWN), EXPORTS)) == []
    assert list(problems(Case("f", (1,), returns=(3,)), of(U8, result=OWN), EXPORTS)) == [
        (("returns", 0), "3 is no resource", 'write "resource", which is all that can be said of it')
    ]
    assert list(problems(Case("f", (), returns=(3,)), of(U8), EXPORTS)) == [
        (("args",), "has 0 values, and the function takes 1", "write 1 value"),
        (("returns",), "has 1 value, and the function returns nothing", "write nothing"),
    ]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("count", "makes no resource: it returns a value of type u8; name one that makes it"),
        ("drop", "makes no resource: it returns nothing; name one that makes it"),
        ("fails", "makes no resource: it returns a value of type result; name one that makes it"),
        ("later", "is async, and nothing that verifies calls it; name another that makes it"),
        ("streams", "returns a value of type stream, which cannot be tested; name another that makes it"),
    ],
)
def test_what_makes_no_resource_is_refused(call: str, what: str) -> None:
    assert found({"call": call}, OWN) == [f"args.0.call: the function {what}"]


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (of(result=STREAM), "the function returns a value of type stream, which cannot be tested"),
        (of(result=OF_MAPS), "the function returns a value of type map, which cannot be tested"),
        (of(U8)._replace(is_async=True), "the function is async, and nothing that verifies calls it"),
    ],
)
def test_a_function_that_nothing_can_call_is_not_tested(function: FunctionType, what: str) -> None:
    assert list(problems(Case("f", (1,), traps="x"), function, EXPORTS)) == [(("call",), what, "remove the test")]
