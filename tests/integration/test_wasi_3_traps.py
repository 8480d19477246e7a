"""Traps of programs of WASI 0.3: an executable words alike what comes of the call and what comes before it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import BOTH_LOADERS, Project

PROGRAM = """(component
  (import "wasi:cli/environment@0.3.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  {imports}
  (core module $m {module})
  (core instance $i (instantiate $m {given}))
  (type $t (func async (result (result))))
  (func $run (type $t) (canon lift (core func $i "run")))
  (instance $all (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $all)))"""
ENDS_WELL = '(func (export "run") (result i32) i32.const 0)'
UNREACHABLE = '(func (export "run") (result i32) unreachable)'
OF_DATA = f'(memory 1) (data (i32.const 65536) "x") {ENDS_WELL}'
OF_START = f"(func $start unreachable) (start $start) {ENDS_WELL}"
LOOPS = '(func (export "run") (result i32) (loop (br 0)) unreachable)'
HOST = '(import "host" (func $host)) (core func $lowered (canon lower (func $host)))'
GIVEN = '(with "" (instance (export "f" (func $lowered))))'
CALLS_HOST = '(import "" "f" (func $f)) (func (export "run") (result i32) call $f i32.const 0)'
RANDOM = """(import "wasi:random/random@0.3.0" (instance $random
    (export "get-random-u64" (func (result u64)))))
  (core func $lowered (canon lower (func $random "get-random-u64")))"""
USES_RANDOM = '(import "" "f" (func $f (result i64))) (start $start) (func $start (drop (call $f)) '
STARTS_WITH_HOST = f'(import "" "f" (func $f)) (start $f) {ENDS_WELL}'


def verified(project: Project, text: str, test: str, *, engine: str = "", status: int = 0) -> list[dict[str, Any]]:
    project.write("m.wat", text)
    project.declare(f'{BOTH_LOADERS}{engine}[modules.m]\nsource = "m.wat"\ntests = [{test}]\n')
    project.run("build")
    report = json.loads(project.run("verify", "--json", "build", status=status).stdout)
    entries: list[dict[str, Any]] = report["artifacts"]
    return entries


@pytest.mark.parametrize(
    ("module", "imports", "given", "test", "engine"),
    [
        (UNREACHABLE, "", "", '{ wasi = {}, traps = "unreachable" }', ""),
        (LOOPS, "", "", '{ wasi = {}, traps = "fuel", fuel = 1000 }', "[engine]\nconsume-fuel = true\n"),
        (CALLS_HOST, HOST, GIVEN, '{ wasi = {}, traps = "unknown import: `host`", imports = "trap" }', ""),
    ],
    ids=["unreachable", "fuel", "import"],
)
def test_a_program_that_should_trap_does(
    project: Project, module: str, imports: str, given: str, test: str, engine: str
) -> None:
    text = PROGRAM.format(module=module, imports=imports, given=given)
    entries = verified(project, text, test, engine=engine)
    assert [(entry["ok"], entry["level"], entry["message"]) for entry in entries] == [(True, "tested", "")] * 2


def test_a_program_that_traps_in_place_of_ending_well_is_told_so(project: Project) -> None:
    text = PROGRAM.format(module=UNREACHABLE, imports="", given="")
    for entry in verified(project, text, "{ wasi = {} }", status=1):
        assert "trapped (wasm `unreachable` instruction executed) instead of" in entry["message"]


@pytest.mark.parametrize(
    ("module", "imports", "given", "test"),
    [
        (OF_START, "", "", '{ wasi = {}, traps = "unreachable" }'),
        (OF_DATA, "", "", '{ wasi = {}, traps = "out of bounds" }'),
        (STARTS_WITH_HOST, HOST, GIVEN, '{ wasi = {}, traps = "unknown import", imports = "trap" }'),
    ],
    ids=["start", "data", "import"],
)
def test_a_trap_before_the_call_is_no_outcome_of_it(
    project: Project, module: str, imports: str, given: str, test: str
) -> None:
    entries = verified(project, PROGRAM.format(module=module, imports=imports, given=given), test, status=1)
    for entry in entries:
        assert entry["failed"] == "tested"
        assert "cannot be executed: Error: failed to run main module" in entry["message"]


@pytest.mark.parametrize("module", [f"{USES_RANDOM} unreachable) {ENDS_WELL}", f"{USES_RANDOM}) {UNREACHABLE}"])
def test_a_trap_of_a_program_that_uses_wasi_before_the_call_proves_nothing(project: Project, module: str) -> None:
    text = PROGRAM.format(module=module, imports=RANDOM, given=GIVEN)
    for entry in verified(project, text, '{ wasi = {}, traps = "unreachable" }', status=3):
        assert not entry["ok"]
        assert entry["message"].endswith(
            "trapped, in the call or before it: of a program that uses WASI 0.3 before its call, that is not told "
            "(wasm `unreachable` instruction executed); use WASI in the call alone, or remove the test"
        )
