"""doit in processes of its own, however Python starts them: Linux forked them until Python 3.14, macOS never does."""

from __future__ import annotations

import multiprocessing

import pytest
from doit_command import doit
from support import SUB, Project

DODO = """import multiprocessing

from wasmbuild.doit import load

multiprocessing.set_start_method({method!r}, force=True)
DECLARED = load("wasmbuild.toml")
DOIT_CONFIG, task_compile, task_verify = DECLARED.dodo()


def task_prove():
    return DECLARED.verify(basename="compile")
"""


@pytest.fixture(params=multiprocessing.get_all_start_methods())
def dodo(request: pytest.FixtureRequest, project: Project) -> Project:
    project.write("dodo.py", DODO.format(method=request.param))
    return project


def test_compiles_work_and_a_verification_says_what_it_needs(dodo: Project) -> None:
    assert "4 compiled" in doit(dodo, "-n", "4", "-P", "process", "compile")
    assert dodo.compiled() == set()
    dodo.write("add.wat", SUB)
    output = doit(dodo, "-n", "2", "-P", "process", "compile", "verify", status=1)
    assert (
        "error: in a process of its own a verification cannot see the compiles; run doit with -P thread, "
        'set par_type = "thread" in DOIT_CONFIG, or name the tasks it follows: verify(basename="compile")\n' in output
    )
    assert "artifacts verified" not in output
    assert dodo.compiled() == set()


def test_a_verification_that_follows_the_compiles_sees_all(dodo: Project) -> None:
    assert "4 artifacts verified" in doit(dodo, "-n", "2", "-P", "process", "prove")


def test_what_is_outdated_is_compiled_and_with_force_all(dodo: Project) -> None:
    dodo.run("build")
    dodo.write("add.wat", SUB)
    assert "4 artifacts: 2 compiled, 2 up to date in " in doit(dodo, "-n", "2", "-P", "process", "compile")
    assert "4 artifacts: 4 up to date in " in doit(dodo, "-n", "2", "-P", "process", "compile")
    assert "4 artifacts: 4 compiled in " in doit(dodo, "-n", "2", "-P", "process", "-a", "compile")


def test_a_source_that_does_not_compile_fails_its_tasks_alone(dodo: Project) -> None:
    dodo.write("add.wat", "(module")
    output = doit(dodo, "-n", "2", "-P", "process", "compile", status=2)
    assert "error: add@arm, add@x64: add.wat: is not valid WebAssembly text" in output
    assert {path.name for path in (dodo.build / "x64").glob("*.cwasm")} == {"sub.cwasm"}
