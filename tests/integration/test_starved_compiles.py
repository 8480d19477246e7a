"""A compile that this host gives too little, or whose compiler it kills: exit code 3, what is lacking, and what helps.

A limit of the declaration is blamed only where it is the one that was reached.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from support import HEAD, MODULES, Project

from wasmbuild.toolchain import find
from wasmbuild.toolchain.process import memory_can_be_limited

pytestmark = pytest.mark.skipif(not memory_can_be_limited(), reason="this system limits no memory")

X64 = '[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n'
LIMIT = 'ulimit {limit}; exec "$0" -m wasmbuild "$@"'
# What compiles such a module takes more than Python does.
MANY = "(func (param i32) (result i32) (i32.mul (local.get 0) (i32.add (local.get 0) (i32.const 7))))" * 40_000


def under(limit: str, project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", LIMIT.format(limit=limit), sys.executable, *arguments],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def large(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of a module that is translated already, so that its compiler is what lacks something."""
    # Translations of others would push this one out.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "translations"))
    project.write("add.wat", f"(module {MANY} ;; {uuid.uuid4()}\n)")
    project.declare(HEAD + X64 + MODULES)
    project.run("build", "--no-cache")
    (project.build / "x64" / "add.cwasm").unlink()
    return project


def test_address_space_that_this_process_may_not_have(large: Project) -> None:
    """The declared limit is 8 GiB here, and was not reached."""
    ended = under("-v 150000", large, "build", "--no-cache", "-j", "1")
    [error] = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert "error: add@x64: wasmtime 48." in error
    assert " ran out of memory (memory allocation of " in error
    assert error.endswith(": raise the limit (ulimit -v) or free some memory")
    assert ended.returncode == 3
    assert under("-v 4000000", large, "build", "--no-cache", "-j", "1").returncode == 0


def declare_one_that(project: Project, does: str) -> None:
    """Declare a compiler that does something in place of a compile."""
    real = shlex.quote(find.find("auto", 48, os.curdir).path)
    script = project.root / "wasmtime"
    script.write_text(f'#!/bin/sh\nif [ "$1" = compile ]; then {does}; fi\nexec {real} "$@"\n')
    script.chmod(0o755)
    project.declare(f'{HEAD}compiler = "{script}"\n{X64}[modules.add]\nsource = "add.wat"\n')


def test_a_compiler_that_is_killed_for_memory(project: Project) -> None:
    declare_one_that(project, "kill -KILL $$")
    told = (
        " was killed by SIGKILL, by someone or by the system because it ran out of memory: give it more memory, or "
        "compile fewer at a time (-j 1)\n"
    )
    assert told in project.run("build", "--no-cache", status=3).stderr


def test_a_module_that_is_wrong_is_told_beside_it(project: Project) -> None:
    declare_one_that(project, "kill -KILL $$")
    with (project.root / "wasmbuild.toml").open("a") as declaration:
        declaration.write('[modules.sub]\nsource = "sub.wat"\n')
    project.write("sub.wat", "(module (foo))")
    ended = project.run("build", "--no-cache", status=3)
    assert "error: add@x64: " in ended.stderr
    assert "error: sub@x64: sub.wat: is not valid WebAssembly text" in ended.stderr


def test_cpu_time_that_is_used_up(project: Project) -> None:
    """Also where this user could raise the limit: it is meant."""
    declare_one_that(project, "while :; do :; done")
    ended = under("-t 5", project, "build", "--no-cache")
    told = " or used up its CPU time (ulimit -t): give it more memory or CPU time, or compile fewer at a time (-j 1)\n"
    assert told in ended.stderr
    assert ended.returncode == 3
