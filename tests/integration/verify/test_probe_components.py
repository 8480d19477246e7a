"""What the probe tells of functions of components that it calls: values by their types, traps, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from probing import Probing
from roundtrips import CORE, COUNTERS_CORE

FUEL, EPOCH = {"consume-fuel": True}, {"epoch-interruption": True}


def lift(core: str, signature: str = "", types: str = "") -> str:
    """Return a component that exports a function of the core module as ``f``."""
    return f"""(component {CORE} {types}
      (func $f {signature} (canon lift (core func $i "{core}") (memory $i "memory") (realloc (func $i "realloc"))))
      (export "f" (func $f)))"""


def identity(core: str, type_: str, types: str = "") -> str:
    return lift(core, f'(param "x" {type_}) (result {type_})', types)


POINT = '(type $r (record (field "left-side" u32) (field "b" s32))) (export $point "point" (type $r))'
COLOUR = '(type $e (enum "red" "light-green")) (export $colour "colour" (type $e))'
FLAGS = '(type $f (flags "a" "b")) (export $flags "flags" (type $f))'
VARIANT = '(type $v (variant (case "a" u32) (case "b" s32))) (export $variant "variant" (type $v))'
MIXED = '(type $m (variant (case "a" u32) (case "b" bool))) (export $mixed "mixed" (type $m))'


SMALL: dict[str, list[Any]] = {
    "bool": [True, False],
    "u8": [0, 255],
    "s8": [-128, 127],
    "u16": [0, 65535],
    "s16": [-32768, 32767],
    "u32": [0, (1 << 32) - 1],
    "s32": [-(1 << 31), (1 << 31) - 1],
    "char": ["a", "é", "🦀", "\0"],
}


@pytest.mark.parametrize(
    ("core", "type_", "types", "value"),
    [
        *[("i32", type_, "", value) for type_, values in SMALL.items() for value in values],
        *[("i64", "u64", "", value) for value in (0, (1 << 64) - 1)],
        *[("i64", "s64", "", value) for value in (-(1 << 63), (1 << 63) - 1)],
        *[(type_, type_, "", value) for type_ in ("f32", "f64") for value in (1.5, -0.0, "nan", "inf", "-inf")],
        *[("pair", "string", "", value) for value in ("", "größe 🦀", "a\0b", "x" * 5000)],
        *[("pair", "(list u8)", "", value) for value in ([], [0, 1, 255])],
        ("pair", "(list s8)", "", [-128, 127]),
        ("pair", "(list f64)", "", ["nan", -0.0, 5e-324]),
        ("pair", "(list string)", "", ["a", "", "größe"]),
        ("pair", "(list (list u8))", "", [[], [1], [2, 3]]),
        ("pair", "(list (tuple u8 string))", "", [[1, "a"], [2, ""]]),
        ("pair", "(tuple u32 s32)", "", [1, -2]),
        ("pair", "$point", POINT, {"left-side": 1, "b": -2}),
        ("pair", "(list $point)", POINT, [{"left-side": 1, "b": -2}]),
        ("i32", "$colour", COLOUR, "light-green"),
        ("pair", "(list $colour)", COLOUR, ["light-green", "red"]),
    ],
)  # fmt: skip
def test_values_go_in_and_come_out(probing: Probing, core: str, type_: str, types: str, value: Any) -> None:
    told = probing.test(identity(core, type_, types), {"call": "f", "args": [value], "returns": [value]})
    assert repr(told) == repr({"returned": [value], "expected": [value]})


def test_what_is_expected_is_told_beside_what_came(probing: Probing) -> None:
    case = {"call": "f", "args": [{"left-side": 1, "b": 2}], "returns": [{"b": 3, "left-side": 4}]}
    told = probing.test(identity("pair", "$point", POINT), case)
    assert told == {"returned": [{"left-side": 1, "b": 2}], "expected": [{"left-side": 4, "b": 3}]}


@pytest.mark.parametrize(("value", "told"), [(0.1, 0.10000000149011612), (7, 7.0)])
def test_floats_are_rounded_to_their_type(probing: Probing, value: float, told: float) -> None:
    outcome = probing.test(identity("f32", "f32"), {"call": "f", "args": [value], "returns": [value]})
    assert repr(outcome) == repr({"returned": [told], "expected": [told]})


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
def test_several_parameters(probing: Probing, triple: str | None) -> None:
    text = lift("pair", '(param "a" u32) (param "b" u32) (result (tuple u32 u32))')
    assert probing.test(text, {"call": "f", "args": [1, 2]}, triple=triple) == {"returned": [[1, 2]]}


def test_a_function_without_a_result(probing: Probing) -> None:
    assert probing.test(lift("none"), {"call": "f"}) == {"returned": []}
    assert probing.test(lift("none"), {"call": "f", "returns": []}) == {"returned": [], "expected": []}


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("u8", 256, "256 is no u8, a number from 0 to 255"),
        ("u8", -1, "-1 is no u8, a number from 0 to 255"),
        ("s8", 128, "128 is no s8, a number from -128 to 127"),
        ("s16", -32769, "-32769 is no s16, a number from -32768 to 32767"),
        ("u32", 1.0, "1.0 is no u32, a number from 0 to 4294967295"),
        ("u32", True, "true is no u32, a number from 0 to 4294967295"),
        ("u32", "1", '"1" is no u32, a number from 0 to 4294967295'),
        ("bool", 1, "1 is no bool, true or false"),
        ("char", "", '"" is no char, a text of one character'),
        ("char", "ab", '"ab" is no char, a text of one character'),
        ("char", 97, "97 is no char, a text of one character"),
        ("$colour", "blue", '"blue" is no name of the enum; it has red, light-green'),
        ("$colour", 0, "0 is no name of the enum; it has red, light-green"),
        ("$colour", ["red"], '["red"] is no name of the enum; it has red, light-green'),
        ("$flags", "a", '"a" is no list of flags; there are a, b'),
        ("$flags", ["z"], '["z"] is no list of flags; there are a, b'),
    ],
)
def test_small_values_of_another_type_are_refused(probing: Probing, type_: str, value: Any, said: str) -> None:
    types = {"$colour": COLOUR, "$flags": FLAGS}.get(type_, "")
    assert probing.test(identity("i32", type_, types), {"call": "f", "args": [value]}) == {
        "failed": said,
        "unfit": True,
    }


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("string", 1, "1 is no string"),
        ("string", ["a"], '["a"] is no string'),
        ("(list u8)", "abc", '"abc" is no list'),
        ("(list u8)", [1, 256], "256 is no u8, a number from 0 to 255"),
        ("(list u8)", {"0": 1}, '{"0": 1} is no list'),
        ("(tuple u32 u32)", [1], "[1] is no tuple of 2 values"),
        ("(tuple u32 u32)", [1, -1], "-1 is no u32, a number from 0 to 4294967295"),
        ("(tuple u32 u32)", 1, "1 is no tuple of 2 values"),
        ("$point", {"b": 1}, '{"b": 1} is no record of left-side, b'),
        ("$point", {"b": 1, "left-side": 1, "c": 1}, '{"b": 1, "c": 1, "left-side": 1} is no record of left-side, b'),
        ("$point", [1, 2], "[1, 2] is no record of left-side, b"),
        ("(option u32)", {"none": 1}, '{"none": 1} is no case none, which holds nothing; write { none = true }'),
        ("(option u32)", -1, "-1 is no u32, a number from 0 to 4294967295"),
        ("(result u32)", {"err": 1}, '{"err": 1} is no case err, which holds nothing; write { err = true }'),
        ("$variant", 1, "1 is no variant; write one of { a = … }, { b = … }"),
        ("$variant", {"c": 1}, '{"c": 1} is no variant; write one of { a = … }, { b = … }'),
    ],
)
def test_larger_values_of_another_type_are_refused(probing: Probing, type_: str, value: Any, said: str) -> None:
    types = {"$point": POINT, "$variant": VARIANT}.get(type_, "")
    assert probing.test(identity("pair", type_, types), {"call": "f", "args": [value]}) == {
        "failed": said,
        "unfit": True,
    }


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"args": []}, "it takes 1 values"),
        ({"args": [1, 2]}, "it takes 1 values"),
        ({"args": [1], "returns": []}, "it returns one value"),
        ({"args": [1], "returns": [1, 2]}, "it returns one value"),
        ({"args": [1], "returns": [-1]}, "-1 is no u32, a number from 0 to 4294967295"),
        ({"args": [1 << 70]}, "1180591620717411303424 is no u32, a number from 0 to 4294967295"),
    ],
)
def test_another_number_of_values_is_refused(probing: Probing, case: dict[str, Any], said: str) -> None:
    assert probing.test(identity("i32", "u32"), {"call": "f", **case}) == {"failed": said, "unfit": True}


def test_no_value_is_expected_of_a_function_without_a_result(probing: Probing) -> None:
    told = probing.test(lift("none"), {"call": "f", "returns": [1]})
    assert told == {"failed": "it returns no value", "unfit": True}


def test_a_value_that_no_test_can_hold_is_refused(probing: Probing) -> None:
    future = '(type $f (future u32)) (export $future "future" (type $f))'
    said = {"failed": "a value of the component's type future cannot be tested", "unfit": True}
    assert probing.test(lift("i32", '(param "x" $future) (result u32)', future), {"call": "f", "args": [1]}) == said
    for result in (
        "$future",
        "(option $future)",
        "(tuple u8 $future)",
        "(list $future)",
        "(result u8 (error $future))",
    ):
        # The library would end the process over it.
        assert probing.test(lift("number", f"(result {result})", future), {"call": "f", "traps": "x"}) == said


@pytest.mark.parametrize(
    ("core", "signature"),
    [
        ("pair", '(param "x" $map) (result u32)'),
        ("pair", '(param "x" (list $map)) (result u32)'),
        ("number", "(result $map)"),
        ("number", "(result (option (tuple u8 $map)))"),
    ],
)
def test_a_type_that_the_library_does_not_know_is_refused(probing: Probing, core: str, signature: str) -> None:
    text = lift(core, signature, '(type $m (map string u8)) (export $map "m" (type $m))')
    case = {"call": "f", "args": [[]] if core == "pair" else [], "traps": "x"}
    said = "a value of a type that the library does not know, such as a map, cannot be tested"
    assert probing.test(text, case, {"wasm-component-model-map": True}) == {"failed": said, "unfit": True}


@pytest.mark.parametrize(
    ("type_", "value", "outcome"),
    [
        ("(option u32)", 5, {"some": 5}),
        ("(option u32)", {"some": 5}, {"some": 5}),
        ("(option u32)", {"none": True}, {"none": True}),
        ("(result u32)", 5, {"ok": 5}),
        ("(result u32)", {"err": True}, {"err": True}),
        ("(result u32 (error s32))", {"err": -5}, {"err": -5}),
        ("$variant", {"a": 5}, {"a": 5}),
        ("$variant", {"b": -5}, {"b": -5}),
        # Of one class in Python, or of a class of classes.
        ("$mixed", {"a": 1}, {"a": 1}),
        ("$mixed", {"b": True}, {"b": True}),
        ("(result u32 (error bool))", {"err": True}, {"err": True}),
        (
            "(list (result (option u32) (error string)))",
            [{"err": "hi"}, {"ok": 1}, {"ok": {"none": True}}],
            [{"err": "hi"}, {"ok": {"some": 1}}, {"ok": {"none": True}}],
        ),
    ],
)
def test_cases_are_told_by_name_and_taken_by_name_or_bare(
    probing: Probing, type_: str, value: Any, outcome: Any
) -> None:
    types = {"$variant": VARIANT, "$mixed": MIXED}.get(type_, "")
    told = probing.test(identity("pair", type_, types), {"call": "f", "args": [value], "returns": [value]})
    assert told == {"returned": [outcome], "expected": [outcome]}


RESOURCE = f"""(component {COUNTERS_CORE}
  (core module $t (import "" "new" (func $new (param i32) (result i32))) (memory (export "memory") 1)
    (func (export "make") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 13)) (then unreachable)) (call $new (local.get 0)))
    (func (export "same") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "drop")) (func (export "name") (param i32 i32))
    (func (export "try") (param i32) (result i32)
      (i32.store (i32.const 0) (i32.eqz (local.get 0)))
      (i32.store (i32.const 4) (if (result i32) (local.get 0)
        (then (call $new (local.get 0))) (else (i32.const 7)))) (i32.const 0)))
  (core instance $ti (instantiate $t (with "" (instance (export "new" (func $new))))))
  (export $re "counter" (type $r))
  (func (export "[static]counter.try") (param "n" u32) (result (result (own $re) (error u32)))
    (canon lift (core func $ti "try") (memory $ti "memory")))
  (type $v (variant (case "made" (own $re)) (case "no"))) (export $ve "maybe" (type $v))
  (func (export "may") (param "n" u32) (result $ve) (canon lift (core func $ti "try") (memory $ti "memory")))
  (func (export "[static]counter.same") (param "of" (borrow $re)) (result (own $re))
    (canon lift (core func $ti "same")))
  (func (export "drop") (canon lift (core func $ti "drop")))
  (func (export "name") (param "n" string)
    (canon lift (core func $ti "name") (memory $ti "memory") (realloc (func $ti "realloc"))))
  (func (export "[constructor]counter") (param "n" u32) (result (own $re)) (canon lift (core func $ti "make")))
  (func (export "[method]counter.get") (param "self" (borrow $re)) (result u32) (canon lift (core func $i "get"))))"""


def test_a_resource_is_made_by_a_call_and_given_to_another(probing: Probing) -> None:
    made = {"call": "[constructor]counter", "args": [3]}
    for maker in (made, {**made, "call": "[static]counter.try"}, {**made, "call": "may"}):
        told = probing.test(RESOURCE, {"call": "[method]counter.get", "args": [maker], "returns": [3]})
        assert told == {"returned": [3], "expected": [3]}
    told = probing.test(RESOURCE, {**made, "returns": ["resource"]})
    assert told == {"returned": ["resource"], "expected": ["resource"]}
    told = probing.test(RESOURCE, {"call": "[method]counter.get", "args": [3]})
    assert told == {"failed": '3 is no resource; write { call = "…", args = […] }, what makes one', "unfit": True}
    again = {"call": "[static]counter.same", "args": [made]}
    told = probing.test(RESOURCE, {"call": "[method]counter.get", "args": [again], "returns": [3]})
    assert told == {"returned": [3], "expected": [3]}


@pytest.mark.parametrize(
    ("call", "args", "said"),
    [
        ("[static]counter.try", [0], 'makes no resource: it returned {"err": 7}'),
        ("may", [0], 'makes no resource: it returned {"no": true}'),
        ("[method]counter.get", [{"call": "[constructor]counter", "args": [3]}], "makes no resource: it returned 3"),
        ("[constructor]counter", [13], "makes no resource: wasm `unreachable` instruction executed"),
        ("drop", [], "makes no resource: it returned nothing"),
        ("name", ["\ud800"], "the library cannot call it: 'utf-8' codec can't encode"),
        ("nope", [], "there is no such function"),
    ],
)
def test_a_call_that_makes_no_resource(probing: Probing, call: str, args: list[Any], said: str) -> None:
    told = probing.test(RESOURCE, {"call": "[method]counter.get", "args": [{"call": call, "args": args}]})
    assert told.keys() == {"failed"}
    assert told["failed"].removeprefix(f"{call} ").startswith(said)


# --- where functions are ----------------------------------------------------------------------------------------------

NESTED = f"""(component {CORE}
  (func $f (result u32) (canon lift (core func $i "number")))
  (instance $all (export "f" (func $f)))
  (export "a:b/c@1.0.0" (instance $all))
  (export "f" (func $f)))"""


@pytest.mark.parametrize("call", ["f", "a:b/c@1.0.0#f"])
def test_functions_at_the_root_and_in_instances(probing: Probing, call: str) -> None:
    assert probing.test(NESTED, {"call": call}) == {"returned": [7]}


@pytest.mark.parametrize(
    "call", ["g", "", "#", "#f", "f#", "f#f", "a:b/c@1.0.0", "a:b/c@1.0.0#", "a:b/c@1.0.0#g", "a:b/c@2.0.0#f"]
)
def test_what_is_no_function_is_not_called(probing: Probing, call: str) -> None:
    assert probing.test(NESTED, {"call": call}) == {"failed": "there is no such function"}


# --- how calls end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize(
    ("core", "words"), [("trap", "wasm `unreachable` instruction executed"), ("throw", "thrown Wasm exception")]
)
def test_traps_in_words_without_the_backtrace(probing: Probing, triple: str | None, core: str, words: str) -> None:
    assert probing.test(lift(core), {"call": "f"}, triple=triple) == {"trapped": words}


def test_what_goes_wrong_before_the_call_is_no_outcome_of_it(probing: Probing) -> None:
    text = """(component (core module $m (func $s unreachable) (start $s) (func (export "f")))
      (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))"""
    said = "it cannot be instantiated: wasm `unreachable` instruction executed"
    assert probing.test(text, {"call": "f"}) == {"failed": said}


def test_a_component_that_imports_is_not_instantiated(probing: Probing) -> None:
    told = probing.test('(component (import "log" (func)))', {"call": "f"})
    assert told.keys() == {"failed"}
    assert told["failed"].startswith("it cannot be instantiated: component imports function `log`")
    imports = '(component (import "core" (core module)) (import "log" (func)))'
    told = probing.test(imports, {"call": "f", "imports": "trap"})
    assert told == {"failed": "it cannot be instantiated: unable to define core module imports as traps"}


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
def test_an_endless_loop_ends_with_its_fuel(probing: Probing, triple: str | None) -> None:
    told = probing.test(lift("forever"), {"call": "f"}, FUEL, triple, fuel=10_000)
    assert told == {"trapped": "all fuel consumed by WebAssembly"}
    assert probing.test(lift("none"), {"call": "f"}, FUEL, triple, fuel=10_000) == {"returned": []}


def test_fuel_is_for_the_call_and_not_for_what_comes_before(probing: Probing) -> None:
    text = """(component (core module $m (func $s (local i32) (local.set 0 (i32.const 10000))
        (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0)))) (start $s)
        (func (export "f"))) (core instance $i (instantiate $m))
      (func (export "f") (canon lift (core func $i "f"))))"""
    assert probing.test(text, {"call": "f"}, FUEL, fuel=10) == {"returned": []}


def test_an_engine_that_interrupts_by_epochs_is_given_time(probing: Probing) -> None:
    assert probing.test(lift("none"), {"call": "f"}, EPOCH, epoch=True) == {"returned": []}
    assert probing.test(lift("none"), {"call": "f"}, EPOCH, epoch=False) == {"trapped": "interrupt"}
