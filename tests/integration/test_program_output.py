"""What programs write, held against what their tests say: by library and executable."""

from __future__ import annotations

import pytest
from support import BOTH_LOADERS, Project

PROGRAM = r"""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "error: no such file\n\nUsage: prog FILE\n")
  (func $write (param $to i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))
    (if (call $fd_write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 9)))))
  (func (export "much") (param $to i32) (param $times i32) (result i32)
    (local $at i32)
    (loop $fill (i32.store16 offset=1000 (local.get $at) (i32.const 0xa9c3))
      (br_if $fill (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 2))) (i32.const 60000))))
    (loop $more (call $write (local.get $to) (i32.const 1000) (i32.const 60000))
      (br_if $more (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (i32.const 7))
  (func (export "misused") (call $write (i32.const 2) (i32.const 64) (i32.const 38)) (call $exit (i32.const 2))))"""


@pytest.mark.parametrize(
    "test",
    [
        '{ call = "misused", wasi = {}, exit = 2, stderr = "error: no such file\\n\\nUsage: prog FILE\\n" }',
        f'{{ call = "much", args = [1, 2], wasi = {{}}, returns = [7], stdout = "{"é" * 60_000}" }}',
        *(
            f'{{ call = "much", args = [{fd}, {times}], wasi = {{}}, returns = [7] }}'
            for fd in (1, 2)
            for times in (20, 99)
        ),
    ],
    ids=["a usage", "120 kB of stdout", "1.2 MB of stdout", "6 MB of stdout", "1.2 MB of stderr", "6 MB of stderr"],
)
def test_what_a_program_writes_is_what_its_test_says(project: Project, test: str) -> None:
    build(project, test)
    entries = project.verdicts()
    assert {id: (entry["level"], entry["message"]) for id, entry in entries.items()} == {
        "m@executable": ("tested", ""), "m@library": ("tested", ""),
    }  # fmt: skip


def build(project: Project, test: str) -> None:
    project.write("m.wat", PROGRAM)
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{test}]\n')
    project.run("build")
