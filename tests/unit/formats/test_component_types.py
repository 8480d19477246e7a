from __future__ import annotations

import json
from typing import Any

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from roundtrips import CORE

from wasmbuild.formats import component_types
from wasmbuild.formats.component_types import UNKNOWN, FunctionType, ValueType, exported_functions, from_json
from wasmbuild.formats.cursor import Cursor

U32, STRING = ValueType("u32"), ValueType("string")


def binary(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def lifting(type_: str, types: str = "", core: str = "pair") -> bytes:
    return binary(f"""(component {CORE} {types}
      (func $f (param "v" {type_}) (result {type_})
        (canon lift (core func $i "{core}") (memory $i "memory") (realloc (func $i "realloc"))))
      (export "f" (func $f)))""")


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        *((name, ValueType(name)) for name in ("u32", "s32", "char", "u8", "bool")),
        ("string", STRING),
        ("(list u8)", ValueType("list", (("", ValueType("u8")),))),
        ("(tuple u32 s32)", ValueType("tuple", (("", U32), ("", ValueType("s32"))))),
        ("(option u32)", ValueType("option", (("none", None), ("some", U32)))),
        ("(result u32)", ValueType("result", (("ok", U32), ("err", None)))),
        ("(result u32 (error s32))", ValueType("result", (("ok", U32), ("err", ValueType("s32"))))),
        ("(list (option string))", ValueType("list", (("", ValueType("option", (("none", None), ("some", STRING)))),))),
    ],
)
def test_types_are_those_of_the_text(text: str, type_: ValueType) -> None:
    core = "i32" if type_.kind in ("u32", "s32", "char", "u8", "bool") else "pair"
    assert exported_functions(lifting(text, core=core)) == {"f": FunctionType((type_,), type_)}


@pytest.mark.parametrize(
    ("text", "type_", "core"),
    [
        ('(record (field "x" u32) (field "y" u32))', ValueType("record", (("x", U32), ("y", U32))), "pair"),
        ('(variant (case "a" u32) (case "b"))', ValueType("variant", (("a", U32), ("b", None))), "pair"),
        ('(enum "red" "blue")', ValueType("enum", (("red", None), ("blue", None))), "i32"),
        ('(flags "r" "w")', ValueType("flags", (("r", None), ("w", None))), "i32"),
    ],
)
def test_types_with_names_are_followed(text: str, type_: ValueType, core: str) -> None:
    data = lifting("$t", f'(type $own {text}) (export $t "t" (type $own))', core)
    assert exported_functions(data) == {"f": FunctionType((type_,), type_)}


SHIM = """(component {core}
  (type $point (record (field "x" u32) (field "y" u32)))
  (func $f (param "v" $point) (result u32) (canon lift (core func $i "{name}")))
  (component $shim
    (import "import-type-point" (type $p (eq 0)))
    (import "import-func-f" (func $f (param "v" $p) (result u32)))
    (export $q "point" (type $p))
    (export "f" (func $f) (func (param "v" $q) (result u32))))
  (instance $made (instantiate $shim (with "import-func-f" (func $f)) (with "import-type-point" (type $point))))
  (export "demo:shapes/area@1.0.0" (instance $made)))"""


def test_an_instance_of_a_nested_component_has_the_types_of_what_it_is_given() -> None:
    core = """(core module $m (func (export "area") (param i32 i32) (result i32) local.get 0))
      (core instance $i (instantiate $m))"""
    text = (
        SHIM.format(core=core, name="area")
        .replace("(type $p (eq 0))", "(type $p (eq $outer))")
        .replace("(component $shim", '(component $shim (type $outer (record (field "x" u32) (field "y" u32)))')
    )
    point = ValueType("record", (("x", U32), ("y", U32)))
    assert exported_functions(binary(text)) == {"demo:shapes/area@1.0.0#f": FunctionType((point,), U32)}


def test_functions_of_imported_instances_are_followed() -> None:
    data = binary("""(component
      (import "a:b/c" (instance $c (export "f" (func (param "x" (option u32)) (result string)))))
      (export "f" (func $c "f")))""")
    option = ValueType("option", (("none", None), ("some", U32)))
    assert exported_functions(data) == {"f": FunctionType((option,), STRING)}


def test_resources_are_told_from_values() -> None:
    data = binary("""(component
      (import "a:b/c" (instance $c
        (export "r" (type $r (sub resource)))
        (export "[constructor]r" (func (result (own $r))))
        (export "[method]r.get" (func (param "self" (borrow $r)) (result u32)))))
      (export "i" (instance $c)))""")
    assert exported_functions(data) == {
        "i#[constructor]r": FunctionType((), ValueType("own")),
        "i#[method]r.get": FunctionType((ValueType("borrow"),), U32),
    }


ASYNC = """(component {types}
  (core module $m (import "" "a" (func)) (func (export "f") (param i32) (result i32) unreachable)
    (func (export "done") (param i32 i32 i32) (result i32) unreachable))
  {functions}
  (core func $a (canon backpressure.inc))
  (core instance $i (instantiate $m (with "" (instance (export "a" (func $a))))))
  (func $f async (param "x" {type}) (result u32)
    (canon lift (core func $i "f") async (callback (core func $i "done"))))
  (func $sync async (param "x" {type}) (result u32) (canon lift (core func $i "f")))
  (instance $all (export "f" (func $f)) (export "sync" (func $sync)))
  (export "a:b/c" (instance $all)) (export "f" (func $f)))"""
BUILT_IN = """
  (core func (canon task.return)) (core func (canon task.return (result u32))) (core func (canon task.cancel))
  (core func (canon subtask.drop)) (core func (canon subtask.cancel async)) (core func (canon context.get i32 0))
  (core func (canon thread.yield)) (core func (canon waitable-set.new)) (core func (canon waitable.join))
  (core func (canon stream.new $s)) (core func (canon stream.cancel-read $s async))
  (core func (canon future.drop-readable $f))"""


@pytest.mark.parametrize(
    ("types", "type_", "kind"),
    [
        ("", "u32", "u32"),
        ("(type $s (stream u8))", "$s", "stream"),
        ("(type $s (stream))", "$s", "stream"),
        ("(type $s (future u8))", "$s", "future"),
        ("(type $s (future))", "$s", "future"),
        ("", "error-context", "error-context"),
        ("(type $s (stream u8)) (type $f (future u8)) BUILT-IN", "$s", "stream"),
    ],
)
def test_what_is_lifted_async_is_told_from_what_has_such_a_type(types: str, type_: str, kind: str) -> None:
    types, built_in, _ = types.partition("BUILT-IN")
    text = ASYNC.format(types=types, type=type_, functions=BUILT_IN if built_in else "")
    lifted = FunctionType((ValueType(kind),), U32, is_async=True)
    functions = exported_functions(binary(text))
    assert functions == {"a:b/c#f": lifted, "a:b/c#sync": lifted._replace(is_async=False), "f": lifted}
    assert from_json(json.loads(json.dumps(functions))) == functions


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("(map string u8)", ValueType("map")),
        ("(list u32 2)", ValueType("fixed-length list", (("", U32),))),
    ],
)
def test_types_that_few_engines_have_are_followed(text: str, type_: ValueType) -> None:
    data = binary(f"""(component {CORE} (type $t {text})
      (func (export "f") (param "x" $t) (result u32)
        (canon lift (core func $i "pair") (memory $i "memory") (realloc (func $i "realloc")))))""")
    assert exported_functions(data) == {"f": FunctionType((type_,), U32)}


def test_a_type_that_grows_without_end_is_not_followed() -> None:
    doubled = "".join(f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))" for n in range(1, 40))
    data = binary(f"""(component (type $t0 (tuple u8)) {doubled}
      (import "f" (func $f (param "v" $t39))) (export "g" (func $f)))""")
    (found,) = exported_functions(data).values()
    assert len(json.dumps(found)) < 200_000


@pytest.mark.parametrize("depth", [110, 400, 2000])
def test_a_type_that_is_nested_too_deeply_is_not_followed(depth: int) -> None:
    options = "".join(f"(type $t{n} (option $t{n - 1}))" for n in range(1, depth))
    data = binary(f"""(component (type $t0 (option u8)) {options}
      (import "f" (func $f (param "v" $t{depth - 1}))) (export "g" (func $f)))""")
    functions = exported_functions(data)
    assert from_json(json.loads(json.dumps(functions))) == functions
    ((type_,), *_) = functions["g"]
    levels = 0
    while type_.cases:
        type_, levels = type_.cases[1][1] or UNKNOWN, levels + 1
    assert (type_, levels < 102) == (UNKNOWN, True)


def instantiating(levels: int) -> bytes:
    """Return a component whose every level instantiates the one below it twice, and which exports a function."""
    nested = "(component)"
    for _ in range(levels):
        nested = f"(component {nested} (instance (instantiate 0)) (instance (instantiate 0)))"
    return binary(f"""(component {nested} (instance (instantiate 0))
      (import "f" (func $f)) (export "g" (func $f)))""")


def test_components_that_are_instantiated_without_end_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def read(self: Any, start: int, end: int) -> dict[str, Any]:
        nonlocal made
        made += 1
        assert made < 10_100
        return original(self, start, end)

    original = component_types._Scope.read
    monkeypatch.setattr(component_types._Scope, "read", read)
    assert exported_functions(instantiating(6)) == {"g": FunctionType((), None)}
    assert made == 1 + 127
    made = 0
    assert exported_functions(instantiating(20)) == {}
    assert made > 5000


def test_what_instances_repeat_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    names = " ".join(f'"a{n:0>50}"' for n in range(2000))
    nested = f"(component $c (type (enum {names})))" + "(instance (instantiate $c))" * 100
    read = 0

    def type_(self: Any, cursor: Cursor) -> None:
        nonlocal read
        read += 1
        original(self, cursor)

    original = component_types._Scope._type
    monkeypatch.setitem(component_types._READERS, 7, type_)
    assert exported_functions(binary(f"(component {nested})")) == {}
    assert 0 < read < 30


def test_functions_of_many_large_types_are_not_all_told() -> None:
    large = "(tuple " + "u8 " * 900 + ")"
    parameters = "".join(f'(param "p{n}" $t)' for n in range(4))
    exports = "".join(f'(export "g{n}" (func $f))' for n in range(200))
    data = binary(f'(component (type $t {large}) (import "f" (func $f {parameters})) {exports})')
    assert 40 < len(exported_functions(data)) < 60


def test_functions_of_an_instance_that_is_exported_many_times_are_not_all_told() -> None:
    functions = "".join(f'(export "f{n}" (func))' for n in range(900))
    exports = "".join(f'(export "i{n}" (instance $i))' for n in range(300))
    data = binary(f'(component (import "a:b/c" (instance $i {functions})) {exports})')
    assert 50_000 < len(exported_functions(data)) <= 100_000


def test_a_function_of_too_many_parts_is_known_by_name_alone() -> None:
    large = "(tuple " + "u8 " * 900 + ")"
    parameters = "".join(f'(param "p{n}" $t)' for n in range(9))
    data = binary(f"""(component (type $t {large}) (import "f" (func $f {parameters})) (import "h" (func $h))
      (export "g" (func $f)) (export "i" (func $h)))""")
    assert exported_functions(data) == {"g": None, "i": FunctionType((), None)}


def test_json_brings_them_back() -> None:
    functions = exported_functions(lifting("(result u32)"))
    assert from_json(json.loads(json.dumps(functions))) == functions
    assert UNKNOWN.kind == "unknown"


COMPONENT = lifting("$t", '(type $own (variant (case "a" u32) (case "b"))) (export $t "t" (type $own))')


@given(st.integers(0, len(COMPONENT) - 1), st.integers(0, 255), st.booleans())
def test_damage_is_no_error(position: int, byte: int, cut: bool) -> None:
    damaged = COMPONENT[:position] if cut else COMPONENT[:position] + bytes([byte]) + COMPONENT[position + 1 :]
    assert isinstance(exported_functions(damaged), dict)
