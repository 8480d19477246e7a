"""Tests of artifacts under an emulator that keeps memory for all that was ever reserved."""

from __future__ import annotations

import sys

import pytest
from support import HEAD, Project

from wasmbuild.engine import host

pytestmark = [
    pytest.mark.skipif(host.triple() != "x86_64-unknown-linux-gnu", reason="emulates x86-64 on itself"),
    pytest.mark.needs("qemu-x86_64-static"),
]

RUNNER = f"""[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.x64.runner]
command = ["qemu-x86_64-static"]
python = '{sys.executable}'
memory-limit = "{{limit}}"
[modules.m]
source = "m.wat"
tests = [{{tests}}]
"""
TEST = '{{ call = "f", args = [{}], returns = [{}] }}'


def declare(project: Project, *, limit: str, memories: int, tests: int) -> None:
    project.write(
        "m.wat", f'(module {"(memory 1)" * memories} (func (export "f") (param i32) (result i32) (local.get 0)))'
    )
    calls = ", ".join(TEST.format(number, number) for number in range(tests))
    project.declare(HEAD + RUNNER.format(limit=limit, tests=calls))
    project.run("build")


def test_more_tests_than_fit_into_one_process(project: Project) -> None:
    """Each keeps about 50 MiB, and there is room for a few."""
    declare(project, limit="400MiB", memories=2, tests=12)
    assert project.verdicts()["m@x64"]["level"] == "tested"


def test_a_test_that_does_not_fit_at_all_is_told_of_the_limit(project: Project) -> None:
    declare(project, limit="400MiB", memories=30, tests=2)
    found = project.verdicts(status=1)["m@x64"]
    assert (found["level"], found["failed"]) == ("loaded", "tested")
    assert "did not end within 10 s, having allocated all of the 400 MiB that it may; raise " in found["message"]


def test_a_memory_that_does_not_grow_any_more_is_no_fault_of_the_artifact(project: Project) -> None:
    grow = '(func (export "f") (param i32) (result i32) (memory.grow (local.get 0)))'
    project.write("m.wat", f"(module (memory 1) {grow})")
    calls = ", ".join([TEST.format(2000, 1)] * 12)
    project.declare(HEAD + RUNNER.format(limit="400MiB", tests=calls))
    project.run("build")
    assert project.verdicts()["m@x64"]["level"] == "tested"
