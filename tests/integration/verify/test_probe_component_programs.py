"""Programs that are components, under the probe: what they are given, what they write, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from probing import Probing

RUN = "wasi:cli/run@0.2.6#run"
NO_OUTPUT = {"stdout": "", "stderr": ""}


def program(body: str) -> str:
    """Return a component that runs as a program; ``$exit`` ends it, with 1 as its status where that is given."""
    return f"""(component
      (import "wasi:cli/exit@0.2.6" (instance $exit (export "exit" (func (param "status" (result))))))
      (core func $exit (canon lower (func $exit "exit")))
      (core module $m (import "" "exit" (func $exit (param i32))) (func (export "run") (result i32) {body}))
      (core instance $i (instantiate $m (with "" (instance (export "exit" (func $exit))))))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (instance $all (export "run" (func $run)))
      (export "wasi:cli/run@0.2.6" (instance $all)))"""


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("(i32.const 0)", {"exited": 0}),
        ("(i32.const 1)", {"exited": 1}),
        ("(call $exit (i32.const 0)) unreachable", {"exited": 0}),
        ("(call $exit (i32.const 1)) unreachable", {"exited": 1}),
        ("unreachable", {"trapped": "wasm `unreachable` instruction executed"}),
    ],
)
@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
def test_how_a_program_ends(probing: Probing, triple: str | None, body: str, outcome: dict[str, Any]) -> None:
    case = {"call": RUN, "wasi": {"argv": ["a"]}, "exit": 0}
    assert probing.test(program(body), case, triple=triple) == {**outcome, **NO_OUTPUT}


def test_a_program_without_wasi_is_not_instantiated(probing: Probing) -> None:
    told = probing.test(program("(i32.const 0)"), {"call": RUN, "exit": 0})
    assert told.keys() == {"failed"}
    assert told["failed"].startswith("it cannot be instantiated: component imports instance `wasi:cli/exit@0.2.6`")


# It writes all its arguments but the first, then the values of its variables.
WRITES = """(component
  (import "wasi:io/error@0.2.6" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.6" (instance $streams
    (alias outer 1 $error (type $e)) (export "error" (type $failure (eq $e)))
    (export "output-stream" (type $out (sub resource)))
    (type $variant (variant (case "last-operation-failed" (own $failure)) (case "closed")))
    (export "stream-error" (type $stream_error (eq $variant)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $stream_error)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/STREAM@0.2.6" (instance $std
    (alias outer 1 $output (type $o)) (export "output-stream" (type $out (eq $o)))
    (export "get-STREAM" (func (result (own $out))))))
  (import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))))
  (core module $memory
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3))) (local.get $at)))
  (core instance $mem (instantiate $memory))
  (alias core export $mem "memory" (core memory $m))
  (alias core export $mem "realloc" (core func $realloc))
  (core func $get (canon lower (func $std "get-STREAM")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $m)))
  (core func $arguments (canon lower (func $environment "get-arguments") (memory $m) (realloc $realloc)))
  (core func $variables (canon lower (func $environment "get-environment") (memory $m) (realloc $realloc)))
  (core module $program
    (import "m" "memory" (memory 1))
    (import "w" "get" (func $get (result i32)))
    (import "w" "write" (func $write (param i32 i32 i32 i32)))
    (import "w" "arguments" (func $arguments (param i32)))
    (import "w" "variables" (func $variables (param i32)))
    (func $each (param $at i32) (param $step i32) (param $end i32) (param $out i32)
      (block $done (loop $more
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (call $write (local.get $out) (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)) (i32.const 64))
        (if (i32.load8_u (i32.const 64)) (then unreachable))
        (local.set $at (i32.add (local.get $at) (local.get $step))) (br $more))))
    (func (export "run") (result i32) (local $out i32)
      (local.set $out (call $get))
      (call $arguments (i32.const 0))
      (call $each (i32.add (i32.load (i32.const 0)) (i32.const 8)) (i32.const 8)
        (i32.add (i32.load (i32.const 0)) (i32.mul (i32.load (i32.const 4)) (i32.const 8))) (local.get $out))
      (call $variables (i32.const 0))
      (call $each (i32.add (i32.load (i32.const 0)) (i32.const 8)) (i32.const 16)
        (i32.add (i32.load (i32.const 0)) (i32.mul (i32.load (i32.const 4)) (i32.const 16))) (local.get $out))
      (i32.const 0)))
  (core instance $i (instantiate $program (with "m" (instance $mem)) (with "w" (instance
    (export "get" (func $get)) (export "write" (func $write)) (export "arguments" (func $arguments))
    (export "variables" (func $variables))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $all (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $all)))"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_a_program_is_given_and_what_it_writes(probing: Probing, stream: str) -> None:
    given = {"argv": ["a", "größe", "", " 🦀"], "env": {"LANG": " C", "EMPTY": ""}}
    told = probing.test(WRITES.replace("STREAM", stream), {"call": RUN, "wasi": given, "exit": 0})
    assert told == {"exited": 0, **NO_OUTPUT, stream: "größe 🦀 C"}
    told = probing.test(WRITES.replace("STREAM", stream), {"call": RUN, "wasi": {"argv": ["a"]}, "exit": 0})
    assert told == {"exited": 0, **NO_OUTPUT}
