"""Programs of WASI under the probe: what they are given, what they write, how they end, and what they cannot have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from probing import Probing

EBADF = 8
NO_OUTPUT = {"stdout": "", "stderr": ""}


def wasi(body: str, *, more: str = "") -> str:
    """Return a program; ``$write`` writes to a descriptor the bytes at an address, ``$exit`` ends it."""
    return f"""(module
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
      (memory (export "memory") 20)
      (func $write (param $fd i32) (param $at i32) (param $size i32) (result i32)
        (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))
        (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      {more}
      (func (export "_start") {body}))"""


def run(
    probing: Probing, text: str, given: Mapping[str, Any] | None = None, case: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return probing.test(text, {"call": "_start", "wasi": {"argv": ["program"], **(given or {})}, **(case or {})})


HELLO = wasi(
    '(drop (call $write (i32.const 1) (i32.const 100) (i32.const 6)))'
    '(drop (call $write (i32.const 2) (i32.const 200) (i32.const 4)))',
    more='(data (i32.const 100) "Hello\\n") (data (i32.const 200) "\\e2\\82\\acx")',
)  # fmt: skip
ECHO = wasi(
    """(loop $more
      (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 1000))
      (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (drop (call $write (i32.const 1) (i32.const 100) (i32.load (i32.const 8)))) (br $more))))"""
)
# Both write what the program has, each text ended by a NUL.
ARGUMENTS = wasi(
    """(drop (call $args_sizes (i32.const 16) (i32.const 20))) (drop (call $args (i32.const 100) (i32.const 10000)))
    (drop (call $write (i32.const 1) (i32.const 10000) (i32.load (i32.const 20))))"""
)
ENVIRONMENT = ARGUMENTS.replace("(call $args", "(call $environ")


@pytest.mark.parametrize("triple", [None, "pulley64"], ids=["here", "pulley64"])
def test_what_a_program_writes(probing: Probing, triple: str | None) -> None:
    case = {"call": "_start", "wasi": {"argv": ["hello"]}, "exit": 0}
    told = probing.test(HELLO, case, triple=triple)
    assert told == {"returned": [], "types": [], "stdout": "Hello\n", "stderr": "€x"}


def test_output_that_is_no_text_keeps_its_bytes(probing: Probing) -> None:
    text = HELLO.replace("Hello\\n", "a\\ff\\00\\c3\\1bz")
    assert run(probing, text)["stdout"].encode("utf-8", "surrogateescape") == b"a\xff\0\xc3\x1bz"


@pytest.mark.parametrize("status", [0, 1, 7, 125])
def test_the_status_with_which_a_program_ends_itself(probing: Probing, status: int) -> None:
    told = run(probing, HELLO[: -len("))")] + f" (call $exit (i32.const {status})) unreachable))")
    assert told == {"exited": status, "stdout": "Hello\n", "stderr": "€x"}


@pytest.mark.parametrize("status", [126, 255, -1])
def test_a_status_that_no_program_can_have(probing: Probing, status: int) -> None:
    told = run(probing, wasi(f"(call $exit (i32.const {status}))"))
    assert told.keys() == {"failed", "stdout", "stderr"}
    assert told["failed"].strip().endswith("exit with invalid exit status outside of [0..126)")


def test_what_was_written_before_a_trap_is_told(probing: Probing) -> None:
    told = run(probing, HELLO[: -len("))")] + " unreachable))")
    assert told == {"trapped": "wasm `unreachable` instruction executed", "stdout": "Hello\n", "stderr": "€x"}


@pytest.mark.parametrize("stdin", ["", "a line\n", "größe 🦀\0", "x" * 5000], ids=len)
def test_what_a_program_reads_from_stdin(probing: Probing, stdin: str) -> None:
    assert run(probing, ECHO, {"stdin": stdin})["stdout"] == stdin


def test_stdin_without_any_is_at_its_end(probing: Probing) -> None:
    assert run(probing, ECHO) == {"returned": [], "types": [], **NO_OUTPUT}


@pytest.mark.parametrize("argv", [["program"], ["a", "", "b c", "größe 🦀", "--x=1"], ["x" * 1000]], ids=len)
def test_the_arguments_of_a_program(probing: Probing, argv: list[str]) -> None:
    assert run(probing, ARGUMENTS, {"argv": argv})["stdout"] == "".join(f"{item}\0" for item in argv)


@pytest.mark.parametrize("env", [{}, {"LANG": "C"}, {"A": "", "B": "x=y", "GRÖSSE": "🦀"}], ids=len)
def test_the_environment_of_a_program_and_nothing_of_this_one(probing: Probing, env: dict[str, str]) -> None:
    told = run(probing, ENVIRONMENT, {"env": env})
    assert told["stdout"] == "".join(f"{name}={value}\0" for name, value in env.items())


def test_no_directory_is_given(probing: Probing) -> None:
    told = run(probing, wasi("(call $exit (call $prestat (i32.const 3) (i32.const 0)))"))
    assert told == {"exited": EBADF, **NO_OUTPUT}


def writes(times: int, fd: int) -> str:
    """Return a program that writes 64 KiB so many times, and ends itself with status 99 where that fails."""
    return wasi(
        f"""(local $count i32)
        (memory.fill (i32.const 100) (i32.const 120) (i32.const 65536))
        (loop $more
          (if (call $write (i32.const {fd}) (i32.const 100) (i32.const 65536)) (then (call $exit (i32.const 99))))
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $count) (i32.const {times}))))"""
    )


@pytest.mark.parametrize(("fd", "name"), [(1, "stdout"), (2, "stderr")])
@pytest.mark.parametrize("times", [16, 1000])
def test_a_program_may_write_more_than_is_kept(probing: Probing, fd: int, name: str, times: int) -> None:
    assert run(probing, writes(times, fd)) == {"returned": [], "types": [], **NO_OUTPUT, name: "x" * (1 << 20)}


def test_every_run_begins_without_output(probing: Probing) -> None:
    probing.load(HELLO, keep=True)
    request = {"test": {"call": "_start", "args": [], "wasi": {"argv": ["a"]}}, "fuel": None, "epoch": False}
    assert [probing.ask(request)["stdout"] for _ in range(3)] == ["Hello\n"] * 3


def test_functions_of_a_reactor_have_wasi_too(probing: Probing) -> None:
    text = HELLO.replace("_start", "_initialize")[:-1] + '(func (export "f") (param i32) (call $exit (local.get 0))))'
    case = {"call": "f", "args": [3], "wasi": {"argv": ["a"]}}
    assert probing.test(text, case) == {"exited": 3, "stdout": "Hello\n", "stderr": "€x"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("(call $exit (i32.const 4))", {"exited": 4}),
        ("unreachable", {"failed": "it cannot be instantiated: wasm `unreachable` instruction executed"}),
    ],
)
def test_a_program_that_ends_in_its_start_function(probing: Probing, body: str, told: dict[str, Any]) -> None:
    assert run(probing, wasi("", more=f"(func $s {body}) (start $s)")) == {**told, **NO_OUTPUT}


def test_a_program_without_wasi_is_not_instantiated(probing: Probing) -> None:
    told = probing.test(HELLO, {"call": "_start"})
    assert told.keys() == {"failed"}
    assert told["failed"].startswith("it cannot be instantiated: unknown import: `wasi_snapshot_preview1::")


def test_an_import_that_is_not_of_wasi_is_not_there(probing: Probing) -> None:
    told = run(probing, '(module (import "env" "log" (func)) (func (export "_start")))')
    assert told == {"failed": "it cannot be instantiated: unknown import: `env::log` has not been defined", **NO_OUTPUT}
