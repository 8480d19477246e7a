"""What the probe tells of functions of core modules that it calls: values of all types, traps, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from probing import Probing

MAX_I64 = (1 << 63) - 1


def identity(type_: str) -> str:
    return f'(module (func (export "f") (param {type_}) (result {type_}) (local.get 0)))'


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize(
    ("type_", "value", "told"),
    [
        ("i32", 0, 0),
        ("i32", -1, -1),
        ("i32", 4294967295, -1),
        ("i32", 2147483648, -2147483648),
        ("i64", -1, -1),
        ("i64", (1 << 64) - 1, -1),
        ("i64", MAX_I64, MAX_I64),
        ("i64", -(1 << 63), -(1 << 63)),
        ("f32", 1.5, 1.5),
        ("f32", 0.1, 0.10000000149011612),
        ("f32", 7, 7.0),
        ("f32", -0.0, -0.0),
        ("f32", "nan", "nan"),
        ("f32", "-inf", "-inf"),
        ("f64", 0.1, 0.1),
        ("f64", 5e-324, 5e-324),
        ("f64", -0.0, -0.0),
        ("f64", "nan", "nan"),
        ("f64", "inf", "inf"),
        ("v128", {"i32x4": [1, -2, 3, 4294967295]}, {"i32x4": [1, -2, 3, -1]}),
        ("v128", {"i8x16": [*range(15), 255]}, {"i8x16": [*range(15), -1]}),
        ("v128", {"i16x8": [*range(7), -1]}, {"i16x8": [*range(7), -1]}),
        ("v128", {"i64x2": [1, (1 << 64) - 1]}, {"i64x2": [1, -1]}),
        ("v128", {"f32x4": [1, "nan", "inf", -0.0]}, {"f32x4": [1.0, "nan", "inf", -0.0]}),
        ("v128", {"f64x2": ["-inf", 0.1]}, {"f64x2": ["-inf", 0.1]}),
    ],
    ids=str,
)
def test_values_go_in_and_come_out(probing: Probing, triple: str | None, type_: str, value: Any, told: Any) -> None:
    case = {"call": "f", "args": [value], "returns": [value]}
    outcome = probing.test(identity(type_), case, triple=triple)
    assert repr(outcome) == repr({"returned": [told], "types": [type_], "expected": [told]})


def test_many_results_of_all_types(probing: Probing) -> None:
    text = """(module (func (export "f") (param i32 i64 f32 f64 v128) (result v128 f64 f32 i64 i32)
      (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0)))"""
    args = [-1, 1 << 40, 0.5, "nan", {"i64x2": [1, 2]}]
    outcome = probing.test(text, {"call": "f", "args": args, "returns": [{"f64x2": [5e-324, 1e-323]}, *args[3::-1]]})
    returned = [{"f64x2": [5e-324, 1e-323]}, "nan", 0.5, 1 << 40, -1]
    assert outcome == {"returned": returned, "expected": returned, "types": ["v128", "f64", "f32", "i64", "i32"]}


def test_what_is_expected_is_told_beside_what_came(probing: Probing) -> None:
    case = {"call": "f", "args": [1], "returns": [(1 << 64) - 1]}
    assert probing.test(identity("i64"), case) == {"returned": [1], "types": ["i64"], "expected": [-1]}


def test_every_nan_is_a_nan(probing: Probing) -> None:
    text = """(module (func (export "f") (result f32 f64 v128)
      (f32.const -nan:0x200000) (f64.const nan:0x1) (v128.const i32x4 0x7fa00000 0xffc00001 0 0x80000000)))"""
    shape = [0, 0, {"f32x4": [0, 0, 0, 0]}]
    outcome = probing.test(text, {"call": "f", "returns": shape})
    assert repr(outcome["returned"]) == repr(["nan", "nan", {"f32x4": ["nan", "nan", 0.0, -0.0]}])


def test_lanes_are_told_in_the_shape_that_is_expected(probing: Probing) -> None:
    text = '(module (func (export "f") (result v128) (v128.const i8x16 1 0 0 0 2 0 0 0 3 0 0 0 255 255 255 255)))'
    for shape, lanes in {
        None: {"i32x4": [1, 2, 3, -1]},
        "i64x2": {"i64x2": [0x2_0000_0001, -0xFFFF_FFFD]},
        "i16x8": {"i16x8": [1, 0, 2, 0, 3, 0, -1, -1]},
    }.items():
        case = {"call": "f"} if shape is None else {"call": "f", "returns": [{shape: [0] * len(lanes[shape])}]}
        assert probing.test(text, case)["returned"] == [lanes]


@pytest.mark.parametrize(
    ("type_", "case", "said"),
    [
        ("i32", {"args": [1.5]}, "1.5 is no i32"),
        ("i32", {"args": [True]}, "true is no i32"),
        ("i32", {"args": [1 << 32]}, "4294967296 does not fit i32"),
        ("i32", {"args": [-(1 << 31) - 1]}, "-2147483649 does not fit i32"),
        ("i32", {"args": ["nan"]}, '"nan" is no i32'),
        ("i64", {"args": [1 << 64]}, "18446744073709551616 does not fit i64"),
        ("f32", {"args": [1e300]}, "1e+300 is beyond f32"),
        ("f32", {"args": ["1"]}, '"1" is no f32'),
        ("f64", {"args": [10**400]}, f"{'1' + '0' * 59} is beyond f64"),
        ("f64", {"args": [None]}, "null is no f64"),
        ("v128", {"args": [1]}, "1 is no v128"),
        ("v128", {"args": [{"i32x4": [1, 2, 3]}]}, '{"i32x4": [1, 2, 3]} is no v128'),
        ("v128", {"args": [{"i8x16": [256] * 16}]}, "256 does not fit i8"),
        ("v128", {"args": [{"i32x8": [1] * 8}]}, '{"i32x8": [1, 1, 1, 1, 1, 1, 1, 1]} is no v128'),
        ("i32", {"args": []}, "it takes 1 values"),
        ("i32", {"args": [1, 2]}, "it takes 1 values"),
        ("i32", {"args": [1], "returns": []}, "it returns 1 values"),
        ("i32", {"args": [1], "returns": [1, 2]}, "it returns 1 values"),
        ("i32", {"args": [1], "returns": ["x"]}, '"x" is no i32'),
        ("externref", {"args": [1]}, "a value of type externref cannot be tested"),
        ("(ref null any)", {"args": [1]}, "a value of type ? cannot be tested"),
        ("i32", {"call": "g", "args": [], "returns": [0]}, "a value of type funcref cannot be tested"),
    ],
)  # fmt: skip
def test_what_cannot_be_called_with_such_values(probing: Probing, type_: str, case: dict[str, Any], said: str) -> None:
    more = '(func (export "g") (result funcref) (ref.null func))'
    assert probing.test(f"{identity(type_)[:-1]} {more})", {"call": "f", **case}) == {"failed": said}


REFERENCES = """(module (type $a (array i32)) (type $s (struct)) (tag $t) (func $g) (elem declare func $g)
  (table 1 externref)
  (func (export "get") (param i32) (result externref) (table.get 0 (local.get 0)))
  (func (export "array") (param i32) (result i32 (ref $a) i64)
    (i32.const 1) (array.new $a (i32.const 1) (local.get 0)) (i64.const 2))
  (func (export "any") (result (ref any) anyref (ref i31) nullref)
    (struct.new $s) (ref.null any) (ref.i31 (i32.const 1)) (ref.null none))
  (func (export "func") (result funcref (ref func)) (ref.null func) (ref.func $g))
  (func (export "exn") (result exnref)
    (block $h (result exnref) (try_table (catch_all_ref $h) (throw $t)) unreachable)))
"""


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize(
    ("call", "args", "outcome"),
    [
        ("get", [0], {"returned": ["reference"], "types": ["externref"]}),
        ("get", [1], {"trapped": "undefined element: out of bounds table access"}),
        ("array", [1000], {"returned": [1, "reference", 2], "types": ["i32", "?", "i64"]}),
        ("array", [-1], {"trapped": "allocation size too large"}),
        ("any", [], {"returned": ["reference"] * 4}),
        ("func", [], {"returned": ["reference"] * 2}),
        ("exn", [], {"returned": ["reference"]}),
    ],
)
def test_what_returns_references_is_called_where_none_is_expected(
    probing: Probing, triple: str | None, call: str, args: list[int], outcome: dict[str, Any]
) -> None:
    told = probing.test(REFERENCES, {"call": call, "args": args}, triple=triple)
    assert {**told, **outcome} == told


@pytest.mark.parametrize("call", ["g", "", "m", "f ", "f\0", "F"])
def test_what_is_no_function_is_not_called(probing: Probing, call: str) -> None:
    text = '(module (memory (export "m") 1) (func (export "f")))'
    assert probing.test(text, {"call": call}) == {"failed": "there is no such function"}


@pytest.mark.parametrize("name", ["", "größe", "名前 🦀", 'a "b" (c) -> (d), e', "x" * 5000])
def test_functions_of_any_name_are_called(probing: Probing, name: str) -> None:
    written = name.replace('"', '\\"')
    text = f'(module (func (export "{written}") (result i32) (i32.const 7)))'
    assert probing.test(text, {"call": name})["returned"] == [7]


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("unreachable", "wasm `unreachable` instruction executed"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "invalid conversion to integer"),
        ("(drop (i32.load (i32.const -1)))", "out of bounds memory access"),
        ("(call_indirect (type 0) (i32.const 0))", "uninitialized element"),
        ("(call_indirect (type 0) (i32.const 9))", "undefined element: out of bounds table access"),
        ("(call 0)", "call stack exhausted"),
        ("(throw 0)", "thrown Wasm exception"),
    ],
)
def test_traps_in_words_without_the_backtrace(probing: Probing, triple: str | None, body: str, words: str) -> None:
    text = f'(module (type (func)) (memory 1) (tag) (table 1 funcref) (func $unreachable_ (export "f") {body}))'
    assert probing.test(text, {"call": "f"}, triple=triple) == {"trapped": words}


TRAPS = "(func $traps unreachable)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('(import "" "x" (func))', "it cannot be instantiated: unknown import: `::x` has not been defined"),
        (f"{TRAPS} (start $traps)", "it cannot be instantiated: wasm `unreachable` instruction executed"),
        ('(memory 1) (data (i32.const 65536) "x")', "it cannot be instantiated: out of bounds memory access"),
        (
            '(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))',
            "it cannot be instantiated: unknown import: `wasi_snapshot_preview1::sched_yield` has not been defined",
        ),
        (f'{TRAPS} (export "_initialize" (func 0))', "its _initialize fails: wasm `unreachable` instruction executed"),
    ],
)
def test_what_goes_wrong_before_the_call_is_no_outcome_of_it(probing: Probing, text: str, said: str) -> None:
    assert probing.test(f'(module {text} (func (export "f")))', {"call": "f"}) == {"failed": said}


@pytest.mark.parametrize(("start", "returned"), [("", 5), ('(func (export "_start"))', 0)], ids=["reactor", "command"])
def test_a_reactor_is_initialized_before_the_call(probing: Probing, start: str, returned: int) -> None:
    text = f"""(module (global $set (mut i32) (i32.const 0)) {start}
      (func (export "_initialize") (global.set $set (i32.const 5))) (func (export "f") (result i32) global.get $set))"""
    assert probing.test(text, {"call": "f"})["returned"] == [returned]


def test_every_case_has_an_instance_of_its_own(probing: Probing) -> None:
    text = """(module (global $n (mut i32) (i32.const 0))
      (func (export "f") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"""
    probing.load(text, keep=True)
    request = {"test": {"call": "f", "args": []}, "fuel": None, "epoch": False}
    assert [probing.ask(request)["returned"] for _ in range(3)] == [[1]] * 3


# --- what an engine counts --------------------------------------------------------------------------------------------

FUEL, EPOCH = {"consume-fuel": True}, {"epoch-interruption": True}
LOOP = '(module (func (export "f") (loop (br 0))))'
COUNT = """(module (func (export "f") (param i32) (result i32) (loop
  (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0))) (local.get 0)))"""


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize("fuel", [1, 100_000])
def test_an_endless_loop_ends_with_its_fuel(probing: Probing, triple: str | None, fuel: int) -> None:
    told = probing.test(LOOP, {"call": "f"}, FUEL, triple, fuel=fuel)
    assert told == {"trapped": "all fuel consumed by WebAssembly"}


@pytest.mark.parametrize("fuel", [1_000_000, MAX_I64])
def test_what_has_enough_fuel_returns(probing: Probing, fuel: int) -> None:
    assert probing.test(COUNT, {"call": "f", "args": [1000]}, FUEL, fuel=fuel)["returned"] == [0]


def test_fuel_is_for_the_call_and_not_for_what_comes_before(probing: Probing) -> None:
    text = f"""(module {COUNT[8:-1].replace('"f"', '"count"')}
      (func $slow (drop (call 0 (i32.const 10000)))) (start $slow) (func (export "_initialize") (call $slow))
      (func (export "f")))"""
    assert probing.test(text, {"call": "f"}, FUEL, fuel=10) == {"returned": [], "types": []}
    told = probing.test(text, {"call": "count", "args": [10000]}, FUEL, fuel=10)
    assert told == {"trapped": "all fuel consumed by WebAssembly"}


def test_an_engine_that_interrupts_by_epochs_is_given_time(probing: Probing) -> None:
    case = {"call": "f", "args": [1000]}
    assert probing.test(COUNT, case, EPOCH, epoch=True)["returned"] == [0]
    assert probing.test(COUNT, case, EPOCH, epoch=False) == {"trapped": "interrupt"}
    assert probing.test(COUNT, case, {**EPOCH, **FUEL}, fuel=1_000_000, epoch=True)["returned"] == [0]
