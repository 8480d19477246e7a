"""Functions of components that are async, which the library cannot call, beside those that it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wasmbuild.engine import host
from wasmbuild.project.cases import Case
from wasmbuild.verify import Verdict, verify

HERE = host.triple() or ""
# `typed` has the type of an async function, and is lifted as any other.
ASYNC = """(component
  (core module $m
    (import "" "return" (func $return (param i32)))
    (func (export "f") (result i32) (call $return (i32.const 7)) (i32.const 0))
    (func (export "done") (param i32 i32 i32) (result i32) (i32.const 0))
    (func (export "seven") (result i32) (i32.const 7)))
  (core func $return (canon task.return (result u32)))
  (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
  (func (export "lifted") async (result u32)
    (canon lift (core func $i "f") async (callback (core func $i "done"))))
  (func (export "typed") async (result u32) (canon lift (core func $i "seven")))
  (func (export "sync") (result u32) (canon lift (core func $i "seven"))))"""
NOT_TRIED = (
    "m.cwasm: test {} of {}, lifted() cannot be executed: the function is async, and the library calls none that is; "
    "remove the test"
)


def proved(tmp_path: Path, workshop: Any, *cases: Case, level: str | None = None) -> Verdict:
    manifest = workshop.ship(tmp_path, "host", HERE, {"m": ASYNC})
    [artifact] = manifest.artifacts
    workshop.write(tmp_path, manifest._replace(artifacts=(artifact._replace(tests=cases),)))
    [verdict] = verify([tmp_path / "host"], level=level).artifacts
    return verdict


def test_an_async_function_is_not_tested_which_is_no_fault(tmp_path: Path, workshop: Any) -> None:
    lifted, sync = Case("lifted", returns=(7,)), Case("sync", returns=(7,))
    told = proved(tmp_path, workshop, lifted)
    assert told == Verdict("m@host", True, "loaded", None, "loaded", NOT_TRIED.format(1, 1), lacks="calls")
    assert proved(tmp_path, workshop, sync, lifted).message == NOT_TRIED.format(2, 2)
    wrong = proved(tmp_path, workshop, sync._replace(returns=(8,)), lifted)
    assert (wrong.outcome, wrong.level) == ("failed", "loaded")
    assert "test 1 of 2, sync() returned 7 instead of 8" in wrong.message
    demanded = proved(tmp_path, workshop, lifted, level="tested")
    assert (demanded.outcome, demanded.failed) == ("failed", "tested")
    assert demanded.message == f"{NOT_TRIED.format(1, 1)}; this verification demands the level tested"


@pytest.mark.parametrize("call", ["typed", "sync"])
def test_a_function_that_is_not_lifted_so_is_tested(tmp_path: Path, workshop: Any, call: str) -> None:
    told = proved(tmp_path, workshop, Case(call, returns=(7,)))
    assert told == Verdict("m@host", True, "tested", None, "tested", "")
