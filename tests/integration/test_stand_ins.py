"""Tests of modules that import what no test can give, and of programs that read files: by library and executable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from roundtrips import COUNTERS_CORE
from support import BOTH_LOADERS, Project

PLUGIN = """(module
  (import "host" "log" (func $log (param i32)))
  (func (export "version") (result i32) i32.const 4)
  (func (export "greet") i32.const 1 call $log))"""
WITH_STATE = """(module
  (import "host" "next" (func $next (result i64)))
  (import "host" "state" (global i32))
  (import "host" "memory" (memory 1))
  (func (export "version") (result i32) i32.const 4)
  (func (export "next") (result i64) call $next))"""
HTTP = """(component
  (import "wasi:http/outgoing-handler@0.2.3" (instance $h (export "handle" (func (param "x" u32) (result u32)))))
  (core func $h (canon lower (func $h "handle")))
  (core module $m
    (import "h" "h" (func $h (param i32) (result i32)))
    (func (export "f") (result i32) i32.const 5)
    (func (export "g") (result i32) (call $h (i32.const 1))))
  (core instance $i (instantiate $m (with "h" (instance (export "h" (func $h))))))
  (func (export "f") (result u32) (canon lift (core func $i "f")))
  (func (export "g") (result u32) (canon lift (core func $i "g"))))"""
OF_MODULE = """(component (import "core" (core module))
  (core module $m (func (export "f"))) (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))"""
READER = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "data/in.txt")
  (func (export "_start") (local $e i32)
    (local.set $e (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 11) (i32.const 0) (i64.const 2)
      (i64.const 0) (i32.const 0) (i32.const 8)))
    (if (local.get $e) (then (call $exit (local.get $e))))
    (i32.store (i32.const 32) (i32.const 100))
    (i32.store (i32.const 36) (i32.const 64))
    (drop (call $read (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i32.const 40)))
    (i32.store (i32.const 36) (i32.load (i32.const 40)))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))))"""


def proved(project: Project, text: str, tests: str, *, targets: str = "") -> list[dict[str, Any]]:
    project.write("m.wat", text)
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\n{targets}\ntests = [{tests}]\n')
    project.run("build")
    entries: list[dict[str, Any]] = json.loads(project.run("verify", "--json", "build").stdout)["artifacts"]
    return entries


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        (PLUGIN, '{ call = "version", returns = [4], imports = "trap" }'),
        (PLUGIN, '{ call = "greet", returns = [], imports = "zero" }'),
        (PLUGIN, '{ call = "greet", traps = "unknown import: `host::log`", imports = "trap" }'),
        (WITH_STATE, '{ call = "next", returns = [0], imports = "zero" }'),
        (READER, '{ wasi = { files = { "data/in.txt" = "grüße\\n" } }, stdout = "grüße\\n" }'),
        (READER, "{ wasi = {}, exit = 8 }"),
    ],
    ids=["trap", "zero", "called", "globals and memories", "files", "no files"],
)
def test_what_is_not_given_has_a_stand_in(project: Project, text: str, tests: str) -> None:
    entries = proved(project, text, tests)
    assert [(entry["ok"], entry["level"], entry["message"]) for entry in entries] == [(True, "tested", "")] * 2


@pytest.mark.parametrize(
    ("call", "outcome"), [("f", "returns = [5]"), ("g", 'traps = "unknown import: `wasi:http/outgoing-handler@0.2.3#')]
)
def test_a_component_that_imports_http_is_tested_where_it_does_not_use_it(
    project: Project, call: str, outcome: str
) -> None:
    quote = '"' if "traps" in outcome else ""
    test = f'{{ call = "{call}", {outcome}{quote}, imports = "trap" }}'
    [entry] = proved(project, HTTP, test, targets='targets = ["library"]')
    assert (entry["ok"], entry["level"], entry["message"]) == (True, "tested", "")


WASI_3 = """(component
  (import "wasi:cli/exit@0.3.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (core func $e (canon lower (func $exit "exit")))
  (core module $m
    (import "e" "exit" (func $exit (param i32)))
    (func (export "run") (result i32) (call $exit (i32.const 1)) (i32.const 0)))
  (core instance $i (instantiate $m (with "e" (instance (export "exit" (func $e))))))
  (type $t (func async (result (result))))
  (func $run (type $t) (canon lift (core func $i "run")))
  (instance $all (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $all)))"""


# It imports nothing by which to tell that it is one of WASI 0.3, and is async.
WASI_3_ALONE = """(component
  (core module $m
    (import "" "return" (func $return (param i32)))
    (func (export "run") (result i32) (call $return (i32.const 1)) (i32.const 0))
    (func (export "done") (param i32 i32 i32) (result i32) (i32.const 0)))
  (core func $return (canon task.return (result (result))))
  (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
  (type $t (func async (result (result))))
  (func $run (type $t) (canon lift (core func $i "run") async (callback (core func $i "done"))))
  (instance $all (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $all)))"""


@pytest.mark.parametrize("text", [WASI_3, WASI_3_ALONE], ids=["exit", "alone"])
def test_a_program_of_wasi_3_is_tested_by_an_executable(project: Project, text: str) -> None:
    entries = proved(project, text, "{ wasi = {}, exit = 1 }")
    assert [(entry["ok"], entry["level"], entry["message"]) for entry in entries] == [(True, "tested", "")] * 2


def test_a_program_that_is_called_by_its_name_returns_nothing(project: Project) -> None:
    call = 'call = "wasi:cli/run@0.3.0#run", wasi = {}'
    project.write("m.wat", WASI_3)
    project.declare(
        f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{{ {call}, returns = [{{ err = true }}] }}]\n'
    )
    said = project.run("build", status=1).stderr
    assert "which ends with an exit status; write exit = 0 in its place, or 1 for err" in said
    entries = proved(project, WASI_3, f"{{ {call}, exit = 1 }}")
    assert [(entry["ok"], entry["level"]) for entry in entries] == [(True, "tested")] * 2


def test_a_program_of_wasi_3_is_loaded_where_there_is_no_executable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("m.wat", WASI_3)
    project.declare(
        f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntargets = ["library"]\ntests = [{{ wasi = {{}}, exit = 1 }}]\n'
    )
    project.run("build")
    other = project.write("wasmtime", "#!/bin/sh\necho wasmtime 7.0.0\n")
    other.chmod(0o755)
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(other))
    [entry] = json.loads(project.run("verify", "--json", "build").stdout)["artifacts"]
    assert (entry["ok"], entry["level"], entry["lacks"]) == (True, "loaded", "wasmtime")
    assert entry["message"].startswith("was not tested: WASI 0.3 takes an executable of its line; ")
    [entry] = json.loads(project.run("verify", "--json", "--level", "tested", "build", status=1).stdout)["artifacts"]
    assert (entry["outcome"], entry["failed"]) == ("failed", "tested")


def test_files_travel_with_the_test_and_nothing_is_left_of_them(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("m.wat", READER)
    test = '{ wasi = { files = { "data/in.txt" = "hello" } }, stdout = "hello" }'
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{test}]\n')
    project.run("build")
    elsewhere = shutil.copytree(project.build, tmp_path / "elsewhere")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    ended = project.run("verify", "--level", "tested", str(elsewhere), cwd=tmp_path)
    assert "2 artifacts verified: 2 tested" in ended.stdout
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "test", "words"),
    [
        (PLUGIN, '{ call = "version", returns = [4] }', 'write imports = "trap" in the test'),
        (WITH_STATE, '{ call = "version", returns = [4] }', 'write imports = "zero" in the test'),
        (WITH_STATE, '{ call = "version", returns = [4], imports = "trap" }', 'write imports = "zero", which gives it'),
        (HTTP, '{ call = "f", returns = [5], imports = "zero" }', 'write imports = "trap"'),
        (OF_MODULE, '{ call = "f", returns = [], imports = "trap" }', '"core", and nothing stands for modules'),
        (OF_MODULE, '{ call = "f", returns = [] }', "no test can give it; test one that imports WASI alone"),
        (PLUGIN, '{ call = "version", returns = [4], imports = "zeros" }', 'write "trap" or "zero", or leave it out'),
        (READER, '{ wasi = { files = { "../x" = "" } } }', 'write a path below the root, such as "data/in.txt"'),
        (
            READER,
            '{ wasi = { files = { "größe" = "" } } }',
            '"data/in.txt": ASCII letters, digits, spaces and _.+@=,- are what',
        ),
        (READER, '{ wasi = { files = { "a" = "", "a/b" = "" } } }', "lies below another file; correct one of them"),
    ],
)
def test_what_cannot_be_given_is_refused_when_it_is_built(project: Project, text: str, test: str, words: str) -> None:
    project.write("m.wat", text)
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{test}]\n')
    process = project.start("build")
    _, err = process.communicate(timeout=60)
    assert process.returncode in (1, 2)
    assert words in err


def test_a_value_of_a_component_that_does_not_fit_is_refused_when_it_is_built(project: Project) -> None:
    project.write("m.wat", HTTP)
    test = '{ call = "f", returns = ["5"], imports = "trap" }'
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntargets = ["library"]\ntests = [{test}]\n')
    for _ in range(2):
        # The second time its types are remembered.
        ended = project.run("build", status=1)
        assert 'modules.m.tests[0].returns[0]: "5" is no u32; write a number from 0 to 4294967295' in ended.stderr


LIKE_SHAPES = """(component
  (core module $m (func (export "f") (param i32) (result i32) local.get 0))
  (core instance $i (instantiate $m))
  (type $r (record (field "u8x4" u32)))
  (export $e "named" (type $r))
  (func (export "f") (param "r" $e) (result $e) (canon lift (core func $i "f"))))"""


def test_a_record_of_a_component_may_have_a_field_that_is_named_like_a_shape(project: Project) -> None:
    test = '{ call = "f", args = [{ u8x4 = 3 }], returns = [{ u8x4 = 3 }] }'
    [entry] = proved(project, LIKE_SHAPES, test, targets='targets = ["library"]')
    assert (entry["level"], entry["message"]) == ("tested", "")


COUNTERS = f"""(component {COUNTERS_CORE}
  (func $make (param "n" u32) (result (own $r)) (canon lift (core func $wi "make")))
  (func $get (param "self" (borrow $r)) (result u32) (canon lift (core func $i "get")))
  (component $shim
    (import "r" (type $r (sub resource)))
    (import "make" (func $make (param "n" u32) (result (own $r))))
    (import "get" (func $get (param "self" (borrow $r)) (result u32)))
    (export $x "counter" (type $r))
    (export "[constructor]counter" (func $make) (func (param "n" u32) (result (own $x))))
    (export "[method]counter.get" (func $get) (func (param "self" (borrow $x)) (result u32))))
  (instance $all (instantiate $shim (with "r" (type $r)) (with "make" (func $make)) (with "get" (func $get))))
  (export "a:b/c" (instance $all)))"""


@pytest.mark.parametrize(
    ("method", "constructor", "said"),
    [
        ("counter.get", "counter", ""),
        (
            "counter.gte", "counter",
            'tests[0].call: "a:b/c" has no function "[method]counter.gte"; did you mean "a:b/c#[method]counter.get"?',
        ),
        (
            "counter.get", "conter",
            'tests[0].args[0].call: "a:b/c" has no function "[constructor]conter"; did you mean "a:b/c#[constructor]'
            'counter"?',
        ),
    ],
    ids=["right", "called", "made"],
)  # fmt: skip
def test_a_function_that_an_instance_does_not_have_is_refused_when_it_is_built(
    project: Project, method: str, constructor: str, said: str
) -> None:
    made = f'{{ call = "a:b/c#[constructor]{constructor}", args = [3] }}'
    test = f'{{ call = "a:b/c#[method]{method}", args = [{made}], returns = [3] }}'
    project.write("m.wat", COUNTERS)
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntargets = ["library"]\ntests = [{test}]\n')
    assert said in project.run("build", status=1 if said else 0).stderr
    if not said:
        assert project.verdicts()["m@library"]["level"] == "tested"


@pytest.mark.parametrize("status", [0, 3])
def test_a_program_that_ends_itself_is_told_to_be_tested_by_its_exit_status(project: Project, status: int) -> None:
    """As one of Go does in its ``_start``, whatever came of it."""
    project.write(
        "m.wat",
        '(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))\n'
        f'  (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const {status}))))',
    )
    head = '[project]\nname = "p"\n[targets.portable]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'

    def declare(outcome: str) -> None:
        project.declare(f'{head}tests = [{{ call = "_start"{outcome} }}]\n')

    declare("")
    said = project.run("build", status=2).stderr
    assert said.endswith('; write returns = […], or traps = "…"; or, of a program of WASI, exit = 0 and wasi = {}\n')
    declare(", returns = [], wasi = {}")
    project.run("build")
    said = project.run("verify", "build", status=1).stdout
    instead = f"write exit = {status} instead of returns"
    fix = f"correct the source, or, if it is to end so, {instead}" if status else instead
    assert f"ended with exit status {status} instead of returning nothing; {fix}" in said
    declare(f", exit = {status}, wasi = {{}}")
    project.run("build")
    project.run("verify", "build")


ASYNC = """(component
  (core module $m (import "" "a" (func)) (func (export "f") (result i32) unreachable)
    (func (export "done") (param i32 i32 i32) (result i32) unreachable))
  (core func $a (canon task.return))
  (core instance $i (instantiate $m (with "" (instance (export "a" (func $a))))))
  (type $s (stream u8))
  (func (export "later") async (canon lift (core func $i "f") async (callback (core func $i "done"))))
  (func (export "stream") (result $s) (canon lift (core func $i "f")))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("later", "the function is async, and nothing that verifies calls it; remove the test"),
        ("stream", "the function returns a value of type stream, which cannot be tested; remove the test"),
        ("f", ""),
    ],
)
def test_what_nothing_calls_is_refused_when_it_is_built(project: Project, call: str, said: str) -> None:
    project.write("m.wat", ASYNC)
    test = f'{{ call = "{call}", traps = "unreachable" }}'
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntargets = ["library"]\ntests = [{test}]\n')
    told = f"tests[0].call: {said}" if said else ""
    assert told in project.run("build", status=1 if said else 0).stderr
    if not said:
        assert project.verdicts()["m@library"]["level"] == "tested"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ('call = "nope", args = [3]', 'args[0].call: there is no export "nope"; '),
        ('call = "x:y/z#[constructor]counter"', 'args[0].call: there is no export "x:y/z"; exported are "a:b/c"'),
        ('call = "a:b/c#[constructor]counter", args = [-1]', "args[0].args[0]: -1 is no u32; write a number from 0 to"),
        ('call = "a:b/c#[constructor]counter", arg = [3]', "args[0].arg: is no key of a call; did you mean args?"),
    ],
)
def test_a_call_that_makes_no_resource_is_refused_when_it_is_built(project: Project, made: str, said: str) -> None:
    project.write("m.wat", COUNTERS)
    test = f'{{ call = "a:b/c#[method]counter.get", args = [{{ {made} }}], returns = [3] }}'
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntargets = ["library"]\ntests = [{test}]\n')
    assert f"tests[0].{said}" in project.run("build", status=1).stderr
