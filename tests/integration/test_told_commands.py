"""The command that a failed compile tells, typed where the build was typed."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest
from doit_command import doit
from support import HEAD, MODULES, TARGETS, Project

BROKEN = '(module (func (export "f") (result i32)))'
DODO = """from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
"""


def failed(project: Project, way: str) -> str:
    """Build the module ``add``, which does not compile, for one target, and return what was said."""
    match way:
        case "build":
            return project.run("build", "add@x64", status=1).stderr
        case "doit":
            project.write("dodo.py", DODO)
            return doit(project, "compile:add@x64", status=1)
        case _:
            step = ("compile", "src/add.wat", "--target", "x64", "-o", "out/add.cwasm")
            return project.run(*step, *way.split()[1:], status=1).stderr


@pytest.mark.skipif(os.name != "posix", reason="the line is quoted for a shell of Unix")
@pytest.mark.parametrize("way", ["build", "doit", "compile", "compile --record out/add.json"])
def test_it_fails_alike_when_it_is_typed(project: Project, way: str) -> None:
    project.write("src/add.wat", BROKEN)
    project.declare(HEAD + TARGETS + MODULES.replace("add.wat", "src/add.wat"))
    said = [line.strip() for line in failed(project, way).splitlines()]
    (told,) = [line for line in said if line.startswith("$ ")]
    typed = subprocess.run(
        shlex.split(told.removeprefix("$ ")),
        cwd=project.root,
        env={**os.environ, "RUST_BACKTRACE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert typed.returncode == 1
    assert "type mismatch: expected i32 but nothing on stack" in typed.stderr
    assert {line.strip() for line in typed.stderr.splitlines()} - {""} <= set(said)


@pytest.mark.skipif(os.name != "posix", reason="the line is quoted for a shell of Unix")
def test_it_writes_where_it_is_typed_once_the_source_is_mended(project: Project) -> None:
    project.write("add.wat", BROKEN)
    project.declare(HEAD + TARGETS + MODULES)
    (told,) = [line.strip() for line in failed(project, "build").splitlines() if line.strip().startswith("$ ")]
    project.write("add.wat", "(module)")
    subprocess.run(shlex.split(told.removeprefix("$ ")), cwd=project.root, check=True)
    assert (project.root / "add.cwasm").read_bytes().startswith(b"\x7fELF")


MORE = " says more of that"


@pytest.mark.skipif(os.name != "posix", reason="the line is quoted for a shell of Unix")
@pytest.mark.parametrize("way", ["verify", "verify --config other/p.toml", "doit", "doit of another declaration"])
def test_what_a_verification_says_of_other_machines_it_says_more_of_when_it_is_told_so(
    project: Project, way: str
) -> None:
    directory = '[project]\nbuild-dir = "out of it"'
    declaration = (HEAD + TARGETS + MODULES).replace("[project]", directory)
    project.write("other/p.toml", declaration.replace('"add', '"../add').replace('"sub', '"../sub'))
    project.declare(declaration)
    own = "other/p.toml" if "other" in way else "wasmbuild.toml"
    where = "other/out of it" if way == "doit of another declaration" else "out of it"
    project.run("build", "--config", own if "doit" in way else "wasmbuild.toml")
    if way.startswith("doit"):
        project.write("dodo.py", DODO.replace("wasmbuild.toml", own))
        said = doit(project, "verify")
    else:
        said = project.run(*way.split(), "out of it").stdout
    (told,) = [line.removesuffix(MORE) for line in said.splitlines() if line.endswith(MORE)]
    assert told.startswith("wasmbuild verify -v ")
    assert told.endswith(f" '{where}'")
    words = shlex.split(told)
    assert ("--config" in words) == ("other" in way)
    assert "no runner is declared; under [targets.arm] of " in project.run(*words[1:]).stdout
