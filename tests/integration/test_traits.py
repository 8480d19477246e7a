"""Traits of a source against what the library says of the same module."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import corpus
import pytest

from wasmbuild.formats import wasm_traits
from wasmbuild.inspection import features
from wasmbuild.toolchain import find, search_path
from wasmbuild.toolchain.embedded import Embedded

SMALL = {
    "nothing": "",
    "numbers": '(func (export "f") (result i64) f64.const 1.5 i64.trunc_sat_f64_s i64.extend8_s)',
    "many results": "(func (result i32 i32) i32.const 1 i32.const 2)",
    "a block's parameter": "(func i32.const 1 block (param i32) drop end)",
    "copied memory": "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
    "passive data": '(memory 1) (data "x") (func i32.const 0 i32.const 0 i32.const 0 memory.init 0 data.drop 0)',
    "passive data alone": '(data "x")',
    "passive elements": "(func $f) (elem func $f)",
    "declared elements": "(func $f) (elem declare func $f) (func (drop (ref.func $f)))",
    "elements by expression": "(table 1 funcref) (func $f) (elem (i32.const 0) funcref (ref.func $f))",
    "two tables": "(table 1 funcref) (table 1 funcref) (elem (table 1) (i32.const 0) func)",
    "tables read": "(table 1 funcref) (func (table.set (i32.const 0) (table.get (i32.const 0))))",
    "grown table": "(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 0))))",
    "table of externref": '(table (export "t") 1 externref)',
    "imported externref": '(import "" "" (global externref))',
    "externref parameter": "(func (param externref))",
    "externref local": "(func (local externref))",
    "null": "(func (drop (ref.is_null (ref.null extern))))",
    "typed select": "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))",
    "block of externref": "(func (drop (block (result externref) unreachable)))",
    "vectors": "(func (drop (i32x4.add (v128.const i32x4 1 2 3 4) (i32x4.splat (i32.const 1)))))",
    "vector local": "(func (local v128))",
    "vector global": "(global v128 (v128.const i64x2 0 0))",
    "vectors in memory": "(memory 1) (func i32.const 0 i32.const 0 v128.load v128.load8_lane offset=3 5 drop)",
    "vector block": "(func (drop (block (result v128) unreachable)))",
    "shuffled": "(func (param v128) local.get 0 local.get 0 i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 drop)",
    "late vectors": "(func (param v128) local.get 0 f64x2.convert_low_i32x4_s i32x4.trunc_sat_f64x2_u_zero drop)",
    "relaxed vectors": "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
    "shared memory": "(memory 1 1 shared)",
    "imported shared memory": '(import "" "" (memory 1 1 shared))',
    "atomics": "(memory 1) (func (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 0))) atomic.fence)",
    "waiting": "(memory 1) (func (drop (memory.atomic.notify (i32.const 0) (i32.const 0))))",
    "tail call": "(func $f return_call $f)",
    "indirect tail call": "(table 1 funcref) (func (return_call_indirect (i32.const 0)))",
    "indirect call": "(table 1 funcref) (func (call_indirect (i32.const 0)))",
    "tag": "(tag (param i32))",
    "imported tag": '(import "" "" (tag))',
    "thrown": "(tag $e) (func throw $e)",
    "caught": "(tag $e) (func block try_table (catch $e 0) (catch_all 0) end end)",
    "caught with reference": "(func (drop (block (result exnref) (try_table (catch_all_ref 0)) unreachable)))",
    "call by reference": "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))",
    "tail call by reference": "(type $f (func)) (func (param (ref $f)) (return_call_ref $f (local.get 0)))",
    "not null": "(func (param funcref) (drop (ref.as_non_null (local.get 0))))",
    "branch on null": "(func (param funcref) (block (drop (br_on_null 0 (local.get 0)))))",
    "non-null function": "(func (param (ref func)))",
    "null of a type": "(type $f (func)) (func (drop (ref.null $f)))",
    "block of a typed reference": "(type $f (func)) (func (drop (block (result (ref null $f)) unreachable)))",
    "table with first value": "(func $f) (table 1 (ref func) (ref.func $f))",
    "structure": "(type (struct (field i8) (field (mut i64))))",
    "array": "(type (array (mut i16)))",
    "recursive group": "(rec (type (func)) (type (func)))",
    "subtype": "(type $a (sub (func))) (type (sub final $a (func)))",
    "any": "(func (param anyref))",
    "i31": "(func (drop (i31.get_s (ref.i31 (i32.const 1)))))",
    "new structure": "(type $s (struct (field i32))) (func (drop (struct.get $s 0 (struct.new $s (i32.const 1)))))",
    "new array": '(type $a (array i8)) (data "xy") (func i32.const 0 i32.const 2 array.new_data $a 0 drop)',
    "array in global": "(type $a (array i32)) (global (ref $a) (array.new_fixed $a 1 (i32.const 1)))",
    "casts": "(type $s (struct)) (func (param anyref) local.get 0 ref.cast (ref $s) ref.test (ref null any) drop)",
    "branch on cast": "(type $s (struct)) (func (param eqref) (result eqref) local.get 0 br_on_cast 0 eqref (ref $s))",
    "equal references": "(func (param eqref) (drop (ref.eq (local.get 0) (local.get 0))))",
    "memory of 64 bits": "(memory i64 1) (func (drop (i32.load (i64.const 0))))",
    "table of 64 bits": "(table i64 1 funcref)",
    "two memories": "(memory 1) (memory 1) (func memory.size 1 i32.load 1 drop i32.const 0 i32.load drop)",
    "vectors in two memories": "(memory 1) (memory 1) (func (param i32) local.get 0 v128.load 1 drop)",
    "atomics in two memories": "(memory 1) (memory 1) (func (param i32) local.get 0 i32.atomic.load 1 drop)",
    "filled second memory": "(memory 1) (memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.fill 1)",
    "wide arithmetic": "(func (param i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 0)))",
    "small pages": "(memory 1 (pagesize 1))",
    "pages of a size that is said": "(memory 1 (pagesize 65536))",
    "imported pages of a size that is said": '(import "" "" (memory 1 (pagesize 65536)))',
    "tag with a result": "(tag (result i32))",
    "imported tag with a result": '(import "" "" (tag (result i32)))',
    "global from an imported one": '(import "" "" (global $a i32)) (global i32 (global.get $a))',
    "global from one of its own": "(global $a i32 (i32.const 1)) (global i32 (global.get $a))",
    "place of data from a global of its own":
    '(memory 1) (global $a i32 (i32.const 1)) (data (offset (i32.add (i32.const 1) (global.get $a))) "x")',
    "type of itself": "(type (func)) (type $f (func (param (ref null $f))))",
    "continuations": "(type $f (func)) (type $c (cont $f)) (tag $e) (elem declare func $g) (func $g suspend $e) "
    "(func (block (result (ref $c)) (resume $c (on $e 0) (cont.new $c (ref.func $g))) unreachable) drop)",
    "branches": "(func (param i32) block block (br_table 0 1 0 1 (local.get 0)) end end)",
}  # fmt: skip


# Types by index came with function-references; Wasmtime takes them where gc alone is on, too.
EITHER = {"null of a type", "block of a typed reference", "array in global", "continuations", "type of itself"}


@pytest.mark.parametrize("name", SMALL)
def test_features_are_those_without_which_a_module_is_not_valid(name: str, embedded: Embedded) -> None:
    binary = embedded.translate(f"(module {SMALL[name]})".encode())
    told = features.needed(binary, embedded)
    assert told.features is not None
    assert not told.problem
    found = {f"wasm-{feature}" for feature in wasm_traits.read(binary).features}
    assert found == {*told.features, *(["wasm-function-references"] if name in EITHER else [])}


@pytest.mark.needs("npm")
@pytest.mark.corpus
@pytest.mark.parametrize("name", corpus.names())
def test_features_of_real_modules(name: str, embedded: Embedded) -> None:
    binary = corpus.get(name).read_bytes()
    told = features.needed(binary, embedded)
    assert [f"wasm-{feature}" for feature in wasm_traits.read(binary).features] == list(told.features or ())


COMPONENT = """(component
  (core module $m (tag) (memory (export "m") 1) (func (export "f") (param i32 i32) data.drop 0)
    (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable) (data "x") (data (i32.const 0) "y"))
  (core instance $i (instantiate $m))
  (func $f (param "x" string) (canon lift (core func $i "f") (memory $i "m") (realloc (func $i "r"))))
  %s
)"""
LOWERED = """(component $inner
    (import "f" (func $f (param "x" string)))
    (core module $m (memory (export "m") 1))
    (core instance $i (instantiate $m))
    (core func (canon lower (func $f) (memory $i "m") %s)))
  (instance (instantiate $inner (with "f" (func $f))))"""


OWN = '(core func (canon lower (func $f) (memory $i "m")))'
OF_INSTANCE = '(core func (canon lower (func $e "g") (memory $i "m")))'


@pytest.mark.parametrize(
    ("inside", "passes"),
    [
        ('(export "f" (func $f))', False),
        (LOWERED % "string-encoding=utf16", True),
        (LOWERED % "", True),
        (OWN, True),
        (f'(export $g "f" (func $f)) {OWN.replace("$f", "$g")}', True),
        (f'(instance $e (export "g" (func $f))) {OF_INSTANCE}', True),
        (f'(import "f" (func $g (param "x" string))) {OWN.replace("$f", "$g")}', False),
        (f'(import "e" (instance $e (export "g" (func (param "x" string))))) {OF_INSTANCE}', False),
    ],
)
def test_a_component_has_the_traits_of_its_modules(inside: str, passes: bool, embedded: Embedded) -> None:
    traits = wasm_traits.read(embedded.translate((COMPONENT % inside).encode()))
    assert traits.string_transcoding is passes
    assert traits.features == ("bulk-memory", "component-model", "exceptions")
    assert (traits.tags, traits.odd_tags_with) == (1, ("active-data", "passive-data"))


BOTH = """(component
  (import "h" (func $h (param "x" string)))
  (component $b
    (import "f" (func $g (param "x" string)))
    %s
    (export "f" (func $f)))
  (instance $one (instantiate $b (with "f" (func $h))))
  %%s
  (export "e" (instance $one)))""" % ("\n".join(COMPONENT.splitlines()[1:-2]) + OWN.replace("$f", "$g"))


@pytest.mark.parametrize(
    ("inside", "passes"),
    [
        ("", False),
        ('(instance $two (instantiate $b (with "f" (func $one "f"))))', True),
        ('(instance (instantiate $b (with "f" (func $h)) (with "g" (func $h)) (with "h" (func $h))))', True),
        ('(alias outer 0 $b (component $c)) (instance $two (instantiate $c (with "f" (func $one "f"))))', True),
        (
            '(component $d (import "b" (component $c (import "f" (func (param "x" string))))))'
            '(instance (instantiate $d (with "b" (component $b))))',
            True,
        ),
    ],
)
def test_text_passes_between_two_instances_of_one_component(inside: str, passes: bool, embedded: Embedded) -> None:
    assert wasm_traits.read(embedded.translate((BOTH % inside).encode())).string_transcoding is passes


BUILT_IN = (
    "resource.new $r", "resource.drop $r", "resource.rep $r", "backpressure.inc", "backpressure.dec",
    "context.get i32 0", "context.set i32 0", "task.return (result string) (memory $m)", "task.cancel",
    "subtask.cancel", "subtask.cancel async", "subtask.drop", "waitable-set.new", "waitable-set.wait (memory $m)",
    "waitable-set.poll (memory $m)", "waitable-set.drop", "waitable.join", "thread.index",
    "thread.new-indirect $f (table $t)", "thread.resume-later", "thread.suspend", "thread.yield",
    "thread.suspend-then-resume", "thread.yield-then-resume", "thread.suspend-then-promote",
    "thread.yield-then-promote", "thread.spawn-ref $f", "thread.spawn-indirect $f (table $t)",
    "stream.new $s", "stream.read $s (memory $m)", "stream.write $s async", "stream.cancel-read $s",
    "stream.cancel-write $s async", "stream.drop-readable $s", "stream.drop-writable $s", "future.new $u",
    "future.read $u (memory $m)", "future.write $u", "future.cancel-read $u", "future.cancel-write $u async",
    "future.drop-readable $u", "future.drop-writable $u", "error-context.new (memory $m)",
    "error-context.debug-message (memory $m)", "error-context.drop",
)  # fmt: skip
WITH_BUILT_IN = """(component
  (core type $f (func (param i32))) (type $r (resource (rep i32))) (type $s (stream u8)) (type $u (future u8))
  (core module $c (table (export "t") 4 funcref) (memory (export "m") 1))
  (core instance $i (instantiate $c))
  (alias core export $i "t" (core table $t)) (alias core export $i "m" (core memory $m))
  (core func (canon %s)))"""


@pytest.mark.parametrize("built_in", BUILT_IN)
def test_built_in_functions_are_read_to_their_end(built_in: str, embedded: Embedded) -> None:
    features = wasm_traits.read(embedded.translate((WITH_BUILT_IN % built_in).encode())).features
    assert features[0] == "component-model"
    assert ("component-model-async" in features) is not built_in.startswith("resource")


LOCALS = "(local " + "i32 " * 100 + ")"
WRITTEN = "".join([f"(local.set {local} (i32.load (local.get 0)))" for local in range(1, 100)])
READ = "".join([f"(i32.store (local.get 0) (local.get {local}))" for local in range(1, 100)])
WIDE = "(type $wide (func (param " + "v128 " * 50 + ") (result " + "v128 " * 50 + ")))"
CONSTANTS = "(v128.const i64x2 1 2)" * 50
MANY_VALUES = {
    "loops": "(loop " * 300 + "(br_if 0 (local.get 0))" + ")" * 300,
    "conditions": "(if (local.get 0) (then (local.set 5 (i32.const 1))))" * 300,
    "indirect calls": "(call_indirect (type $none) (local.get 0))" * 300,
    "tables": "(table.set $e (local.get 0) (table.get $e (local.get 0)))" * 300,
    "globals": "(global.set $g (global.get $g))" * 300,
    "wide blocks": CONSTANTS + "(block (type $wide) br 0)" * 300 + "drop " * 50,
    "arithmetic": "(local.set 1 (i32.div_s (i32.load (local.get 1)) (i32.trunc_f64_s (f64.const 7))))" * 300,
}


@pytest.mark.parametrize("name", MANY_VALUES)
def test_a_function_has_no_more_values_than_its_traits_say(name: str, embedded: Embedded, tmp_path: Path) -> None:
    binary = embedded.translate(
        f"""(module (type $none (func)) {WIDE if name == "wide blocks" else ""} (memory 1) (table 1 funcref)
        (table $e 1 externref) (global $g (mut externref) (ref.null extern))
        (func (param i32) {LOCALS} (loop {WRITTEN} {MANY_VALUES[name]} {READ} (br_if 0 (local.get 0)))))""".encode()
    )
    (tmp_path / "m.wasm").write_bytes(binary)
    compiler = find.find("cli", search_path.default_line(), ".")
    options = ["-W", "fuel=1,epoch-interruption=y", "-O", "opt-level=0,signals-based-traps=n", "--emit-clif", "clif"]
    (tmp_path / "clif").mkdir()
    subprocess.run([compiler.path, "compile", *options, "m.wasm"], cwd=tmp_path, check=True, timeout=300)
    function = (tmp_path / "clif" / "wasm[0]--function[0].clif").read_text()
    numbers = map(int, re.findall(r"\bv(\d+)\b", function))
    assert 300 < max(numbers) < wasm_traits.read(binary).function_values
