"""The part of the probe that executes a case, in this process: round trips through machine code, and words for ends.

What programs are given and how they end is tested in ``tests/integration/verify``, through the child.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable
from typing import Any

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasmbuild.verify import probe_outcomes, values

Execute = Callable[..., dict[str, Any]]

# One function for each type gives back what it takes; ``bits`` makes a float of any bits.
IDENTITIES = "".join(
    f'(func (export "{type_}") (param {type_}) (result {type_}) (local.get 0))'
    for type_ in ("i32", "i64", "f32", "f64", "v128")
)
BITS = """(func (export "bits32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "bits64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))"""
FUNCTIONS = {
    **{type_: f"({type_}) -> ({type_})" for type_ in ("i32", "i64", "f32", "f64", "v128")},
    "bits32": "(i32) -> (f32)",
    "bits64": "(i64) -> (f64)",
}
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def probe_cases(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the file of the child, which imports those beside it by their plain names."""
    for name, module in (("values", values), ("probe_outcomes", probe_outcomes)):
        monkeypatch.setitem(sys.modules, name, module)
    from wasmbuild.verify import probe_cases

    return probe_cases


@pytest.fixture
def execute(probe_cases: Any) -> Execute:
    compiled: dict[str, Any] = {}
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)

    def execute(text: str, functions: dict[str, str], *, fuel: int | None = None, **case: Any) -> dict[str, Any]:
        if text not in compiled:
            compiled[text] = wasmtime.Module(engine, f"(module {text})")
        request = {"test": {"args": [], **case}, "fuel": probe_cases.PLENTY if fuel is None else fuel, "epoch": False}
        told: dict[str, Any] = probe_cases.execute("module", engine, compiled[text], functions, request)
        return told

    return execute


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "bits"), [("i32", 32), ("i64", 64)])
@many
@given(data=st.data())
def test_an_integer_comes_back_the_same_in_both_spellings(
    execute: Execute, type_: str, bits: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
    for written, expected in ((number, number % (1 << bits)), (number % (1 << bits), number)):
        told = execute(IDENTITIES, FUNCTIONS, call=type_, args=[written], returns=[expected])
        assert told == {"returned": [number], "expected": [number], "types": [type_]}


@many
@given(st.floats())
def test_an_f64_comes_back_with_its_bits(execute: Execute, number: float) -> None:
    written = values.number(number)
    told = execute(IDENTITIES, FUNCTIONS, call="f64", args=[written], returns=[written])
    assert repr(told) == repr({"returned": [written], "types": ["f64"], "expected": [written]})


@many
@given(st.floats(width=32))
def test_an_f32_comes_back_with_its_bits(execute: Execute, number: float) -> None:
    written = values.number(number)
    told = execute(IDENTITIES, FUNCTIONS, call="f32", args=[written], returns=[written])
    assert repr(told) == repr({"returned": [written], "types": ["f32"], "expected": [written]})


@many
@given(st.integers(0, (1 << 64) - 1) | st.integers(0x7FF0 << 48, (0x7FF0 << 48) + 10))
def test_whatever_bits_a_float_has_json_can_hold_it(execute: Execute, bits: int) -> None:
    [number] = struct.unpack("<d", bits.to_bytes(8, "little"))
    [returned] = execute(IDENTITIES + BITS, FUNCTIONS, call="bits64", args=[bits])["returned"]
    assert values.same(returned, values.number(number))
    [small] = struct.unpack("<f", (bits >> 32).to_bytes(4, "little"))
    [returned] = execute(IDENTITIES + BITS, FUNCTIONS, call="bits32", args=[bits >> 32])["returned"]
    assert values.same(returned, values.number(small))
    assert (returned == "nan") == math.isnan(small)


@pytest.mark.parametrize("shape", values.SHAPES)
@many
@given(raw=st.binary(min_size=16, max_size=16))
def test_sixteen_bytes_come_back_in_every_shape(execute: Execute, shape: str, raw: bytes) -> None:
    written = values.canonical(raw, "v128", shape)
    told = execute(IDENTITIES, FUNCTIONS, call="v128", args=[written], returns=[written])
    assert values.same(told, {"returned": [written], "types": ["v128"], "expected": [written]})


# --- how a call ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wasm trap: integer divide by zero", "integer divide by zero"),
        ("error while executing at wasm backtrace:\n    0: 0x1 - f\n\nCaused by:\n    wasm trap: no\n", "no"),
        ("error\n    0: 0x1 - wasm trap: a name\n\nCaused by:\n    wasm trap: the trap\n", "the trap"),
        ("error\n    0: 0x1 - thrown Wasm exception\n    wasm trap: the trap", "the trap"),
        ("error\n\nCaused by:\n    thrown Wasm exception\n", "thrown Wasm exception"),
        ("wasm trap: " + "x" * 5000, "x" * 2000),
    ],
)
def test_of_what_wasmtime_says_the_trap_is_kept(probe_cases: Any, text: str, words: str) -> None:
    said = probe_cases.said(text)
    assert type(said) is probe_cases.Trapped
    assert str(said) == words


@pytest.mark.parametrize(
    "text", ["unknown import", "wasm trap", "it is a thrown Wasm exception, or not", "", "x" * 5000]
)
def test_what_tells_of_no_trap_is_a_failure(probe_cases: Any, text: str) -> None:
    said = probe_cases.said(text)
    assert type(said) is probe_cases.FailedError
    assert str(said) == text[:2000]


def test_a_failure_is_told_in_so_many_words_and_no_more(execute: Execute) -> None:
    text = f'(import "m" "{"x" * 9000}" (func)) (func (export "f"))'
    told = execute(text, {"f": "() -> ()"}, call="f")
    assert told.keys() == {"failed"}
    assert told["failed"].startswith("it cannot be instantiated: unknown import: `m::xxx")
    assert len(told["failed"]) == 2000
