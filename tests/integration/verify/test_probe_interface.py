"""What the probe tells that modules and components import and export: all types, and names of any text."""

from __future__ import annotations

from typing import Any

import pytest
from probing import Probing, how

PAGES = {"wasm-custom-page-sizes": True}
SHARED = {"shared-memory": True}


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
@pytest.mark.parametrize(
    ("extern", "told"),
    [
        ("(func)", ["func", "() -> ()"]),
        ("(func (param i32 i64 f32 f64 v128))", ["func", "(i32, i64, f32, f64, v128) -> ()"]),
        ("(func (result i64 v128 f32 i32))", ["func", "() -> (i64, v128, f32, i32)"]),
        (
            "(func (param funcref externref) (result externref funcref))",
            ["func", "(funcref, externref) -> (externref, funcref)"],
        ),
        ("(func (param i32 (ref 0) (ref null 0) (ref func) (ref extern)))", ["func", "(i32, ?, ?, ?, ?) -> ()"]),
        ("(func (param anyref i31ref) (result exnref))", ["func", "(?, ?) -> (?)"]),
        ("(global i32)", ["global", "i32"]),
        ("(global (mut i64))", ["global", "mut i64"]),
        ("(global (mut v128))", ["global", "mut v128"]),
        ("(global externref)", ["global", "externref"]),
        ("(global (mut (ref null 0)))", ["global", "mut ?"]),
        ("(memory 0)", ["memory", "0"]),
        ("(memory 1 1)", ["memory", "1..1"]),
        ("(memory 0 65536)", ["memory", "0..65536"]),
        ("(memory i64 1)", ["memory", "1 i64"]),
        ("(memory i64 1 281474976710656)", ["memory", "1..281474976710656 i64"]),
        ("(table 0 funcref)", ["table", "funcref 0"]),
        ("(table 1 20 externref)", ["table", "externref 1..20"]),
        ("(table 0 0 funcref)", ["table", "funcref 0..0"]),
        ("(table i64 3 4 funcref)", ["table", "funcref 3..4"]),
        ("(table 1 20 (ref null 0))", ["table", "? 1..20"]),
        ("(tag)", ["tag", "()"]),
        ("(tag (param i32 v128 externref))", ["tag", "(i32, v128, externref)"]),
    ],
    ids=str,
)
def test_what_core_modules_import_and_export(
    probing: Probing, triple: str | None, extern: str, told: list[str]
) -> None:
    text = f'(module (type (func)) (import "a" "b" {extern}) (export "c" ({told[0]} 0)))'
    assert probing.load(text, triple=triple) == {"imports": [["a", "b", *told]], "exports": [["c", *told]]}


@pytest.mark.parametrize(
    ("extern", "engine", "told"),
    [
        ("(memory 1 9 shared)", SHARED, "1..9 shared"),
        ("(memory i64 1 9 shared)", SHARED, "1..9 i64 shared"),
        ("(memory 1 (pagesize 1))", PAGES, "1 page-size=1"),
        ("(memory i64 0 9 (pagesize 1))", PAGES, "0..9 i64 page-size=1"),
        ("(memory 2 9 shared (pagesize 1))", {**SHARED, **PAGES}, "2..9 shared page-size=1"),
    ],
)
def test_memories_that_not_every_engine_has(probing: Probing, extern: str, engine: dict[str, Any], told: str) -> None:
    assert probing.load(f'(module (import "a" "b" {extern}))', engine) == {
        "imports": [["a", "b", "memory", told]],
        "exports": [],
    }


def test_sizes_of_tables_that_are_not_asked_for(probing: Probing) -> None:
    large = '(module (import "a" "b" (table i64 1 0x100000000 funcref)) (export "c" (table 0)) (memory (export "d") 1))'
    small = '(module (table (export "t") 1 2 externref))'
    data = [probing.compile(text) for text in (small, large, small)]
    body = {"load": ["module"] * 3, "sizes": list(map(len, data)), "engine": how(), "unsized": [1, 2]}
    assert probing.ask(body, b"".join(data))["loaded"] == [
        {"imports": [], "exports": [["t", "table", "externref 1..2"]]},
        {
            "imports": [["a", "b", "table", "funcref"]],
            "exports": [["c", "table", "funcref"], ["d", "memory", "1"]],
        },
        {"imports": [], "exports": [["t", "table", "externref"]]},
    ]


def test_imports_and_exports_in_the_order_of_the_file(probing: Probing) -> None:
    told = probing.load(
        """(module
          (import "env" "t" (table 1 2 funcref)) (import "env" "f" (func (param f64)))
          (import "env" "t" (global f32)) (import "other" "f" (func (result i32)))
          (memory (export "m") 3) (func (export "z")) (tag (export "t") (param i64))
          (global (export "g") (mut f64) (f64.const 0)) (export "f" (func 1)) (export "a" (func 0)))"""
    )
    assert told == {
        "imports": [
            ["env", "t", "table", "funcref 1..2"],
            ["env", "f", "func", "(f64) -> ()"],
            ["env", "t", "global", "f32"],
            ["other", "f", "func", "() -> (i32)"],
        ],
        "exports": [
            ["m", "memory", "3"],
            ["z", "func", "() -> ()"],
            ["t", "tag", "(i64)"],
            ["g", "global", "mut f64"],
            ["f", "func", "() -> (i32)"],
            ["a", "func", "(f64) -> ()"],
        ],
    }


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", ""),
        ("größe", "größe"),
        ("名前 🦀", "名前 🦀"),
        ("a\tb\n\x1b[31m\0c", r"a\tb\n\1b[31m\00c"),
        ('"quoted" \\ \u202e', r"\"quoted\" \\ \u{202e}"),
        ("x" * 5000, "x" * 5000),
    ],
    ids=ascii,
)
def test_names_of_any_text(probing: Probing, name: str, written: str) -> None:
    told = probing.load(f'(module (import "{written}" "{written}." (func)) (export "{written}" (func 0)))')
    assert told == {
        "imports": [[name, f"{name}.", "func", "() -> ()"]],
        "exports": [[name, "func", "() -> ()"]],
    }


def test_a_module_of_many_functions(probing: Probing) -> None:
    types = ["i32", "i64", "f32", "f64", "v128", "funcref", "externref"]
    functions = [(f"f{i}", types[i % 7], types[i // 7 % 7]) for i in range(2000)]
    text = "".join(f'(func (export "{name}") (param {a}) (result {b}) unreachable)' for name, a, b in functions)
    told = probing.load(f"(module {text})")
    assert told["exports"] == [[name, "func", f"({a}) -> ({b})"] for name, a, b in functions]


@pytest.mark.parametrize("text", ["(module)", "(component)"])
def test_nothing_imported_and_nothing_exported(probing: Probing, text: str) -> None:
    assert probing.load(text) == {"imports": [], "exports": []}


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
def test_what_components_import_and_export(probing: Probing, triple: str | None) -> None:
    told = probing.load(
        """(component
          (import "log" (func (param "text" string)))
          (import "wasi:cli/environment@0.2.0" (instance (export "get" (func (result string)))))
          (import "core" (core module (import "" "" (func))))
          (import "handle" (type (sub resource)))
          (core module $m (func (export "run")))
          (core instance $i (instantiate $m))
          (func $run (canon lift (core func $i "run")))
          (instance $all (export "run" (func $run)))
          (type $record (record (field "x" u8)))
          (export "a:b/c@1.0.0" (instance $all))
          (export "point" (type $record))
          (export "run" (func $run))
          (export "module" (core module $m)))""",
        triple=triple,
    )
    assert told == {
        "imports": [
            ["", "log", "func", ""],
            ["", "wasi:cli/environment@0.2.0", "instance", ""],
            ["", "core", "module", ""],
            ["", "handle", "type", ""],
        ],
        "exports": [
            ["a:b/c@1.0.0", "instance", ""],
            ["point", "type", ""],
            ["run", "func", ""],
            ["module", "module", ""],
        ],
    }
