"""The part of the probe that calls functions of components, in this process: round trips of their values, and ends.

Each type, and what does not fit it, is tested in ``tests/integration/verify``, through the child.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roundtrips import CORE
from wasmtime import component as model

from wasmbuild.verify import probe_interface, probe_outcomes, values

Execute = Callable[..., dict[str, Any]]
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

INTEGERS = {f"{sign}{bits}": (sign == "s", bits) for sign in "su" for bits in (8, 16, 32, 64)}
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=50)


def identity(type_: str, core: str) -> str:
    return f"""(component {CORE}
      (type $point (record (field "x" u32) (field "the-y" s32))) (export $p "point" (type $point))
      (type $colour (enum "red" "light-green")) (export $c "colour" (type $colour))
      (func $f (param "v" {type_}) (result {type_})
        (canon lift (core func $i "{core}") (memory $i "memory") (realloc (func $i "realloc"))))
      (export "f" (func $f)))"""


def program(status: int | None) -> str:
    """Return a program that returns, or traps where there is no status."""
    body = "unreachable" if status is None else f"(i32.const {status})"
    return f"""(component
      (core module $m (func (export "run") (result i32) {body}))
      (core instance $i (instantiate $m))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (instance $all (export "run" (func $run))) (export "wasi:cli/run@0.2.6" (instance $all)))"""


RUN = "wasi:cli/run@0.2.6#run"


@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Execute a case on a component with the files of the child, which import each other by their plain names."""
    alone = {"values": values, "probe_outcomes": probe_outcomes, "probe_interface": probe_interface}
    for name, module in alone.items():
        monkeypatch.setitem(sys.modules, name, module)
    from wasmbuild.verify import probe_stand_ins

    monkeypatch.setitem(sys.modules, "probe_stand_ins", probe_stand_ins)
    from wasmbuild.verify import probe_cases, probe_components

    monkeypatch.setitem(sys.modules, "probe_components", probe_components)
    variants: Any = model._types.VariantLikeType
    # Other tests of this process see the library as it is.
    monkeypatch.setattr(variants, "_tagged", variants._tagged)
    engine = wasmtime.Engine()
    compiled: dict[str, model.Component] = {}

    def execute(text: str, **case: Any) -> dict[str, Any]:
        if text not in compiled:
            compiled[text] = model.Component(engine, text)
        request = {"test": {"call": "f", "args": [], **case}, "fuel": None, "epoch": False}
        return probe_cases.execute("component", engine, compiled[text], {}, request)

    return execute


def comes_back(execute: Execute, text: str, written: Any) -> None:
    told = execute(text, args=[written], returns=[written])
    # Through JSON, as the probe tells it.
    assert values.same(json.loads(json.dumps(told)), {"returned": [written], "expected": [written]})


@pytest.mark.parametrize(("type_", "signed", "bits"), [(type_, *rest) for type_, rest in INTEGERS.items()])
@many
@given(data=st.data())
def test_integers_come_back(execute: Execute, type_: str, signed: bool, bits: int, data: st.DataObject) -> None:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    comes_back(execute, identity(type_, "i64" if bits == 64 else "i32"), data.draw(st.integers(low, high)))


@pytest.mark.parametrize("bits", [32, 64])
@many
@given(data=st.data())
def test_floats_come_back(execute: Execute, bits: Any, data: st.DataObject) -> None:
    comes_back(execute, identity(f"f{bits}", f"f{bits}"), values.number(data.draw(st.floats(width=bits))))


@many
@given(texts, characters, st.lists(st.integers(0, 255)), st.lists(st.integers(-(1 << 15), (1 << 15) - 1)))
def test_text_and_lists_come_back(execute: Execute, text: str, character: str, data: Any, numbers: Any) -> None:
    comes_back(execute, identity("string", "pair"), text)
    comes_back(execute, identity("char", "i32"), character)
    comes_back(execute, identity("(list u8)", "pair"), data)
    comes_back(execute, identity("(list s16)", "pair"), numbers)


@many
@given(st.integers(0, (1 << 32) - 1), st.integers(-128, 127), st.booleans(), st.sampled_from(["red", "light-green"]))
def test_what_has_parts_comes_back(execute: Execute, one: int, other: int, truth: bool, colour: str) -> None:
    comes_back(execute, identity("(tuple u32 s8)", "pair"), [one, other])
    comes_back(execute, identity("bool", "i32"), truth)
    comes_back(execute, identity("$c", "i32"), colour)
    comes_back(execute, identity("$p", "pair"), {"x": one, "the-y": -other})
    comes_back(execute, identity("(list (tuple u32 $c))", "pair"), [[one, colour]] * (other & 3))
    comes_back(execute, identity("(option u32)", "pair"), {"some": one} if truth else {"none": True})
    comes_back(execute, identity("(result u32)", "pair"), {"ok": one} if truth else {"err": True})
    comes_back(execute, identity("(list (option $p))", "pair"), [{"none": True}, {"some": {"x": one, "the-y": other}}])
    comes_back(execute, identity("(list (result string (error string)))", "pair"), [{"ok": colour}, {"err": colour}])
    comes_back(execute, identity("(list (option (option u8)))", "pair"), [{"some": {"none": True}}, {"none": True}])


def test_half_of_a_character_is_no_text(execute: Execute) -> None:
    told = execute(identity("string", "pair"), args=["\ud800"])
    assert told.keys() == {"failed"}
    assert told["failed"].startswith("the library cannot call it: 'utf-8' codec can't encode")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, {"exited": 0}), (1, {"exited": 1}), (None, {"trapped": "wasm `unreachable` instruction executed"})],
)
@pytest.mark.parametrize("case", [{"exit": 0}, {"exit": 1}, {"traps": "unreachable"}, {"returns": []}], ids=str)
def test_a_program_ends_with_its_status_whatever_is_expected(
    execute: Execute, status: int | None, outcome: dict[str, Any], case: dict[str, Any]
) -> None:
    assert execute(program(status), call=RUN, **case) == outcome
