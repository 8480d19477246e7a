"""A directory that something else removes or moves while a compiler works in it, as a clean elsewhere does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import HEAD, Project

from wasmbuild.toolchain import find, search_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the compiler is a shell script")

TOLD = "was removed or moved, perhaps with what is above it, while a compiler worked there; build again\n"


@pytest.fixture
def disturbing(project: Project, tmp_path: Path) -> Project:
    """A project whose compiler does what is in its file ``before`` first, and what is in ``after`` when it is done."""
    real = find.find("cli", search_path.default_line(), tmp_path).path
    compiler = project.write(
        "wasmtime",
        f'#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\n'
        f'. {project.root}/before\n{real} "$@" && . {project.root}/after\n',
    )
    compiler.chmod(0o755)
    project.write("before", "")
    project.write("after", "")
    target = '[targets.x64]\ntriple = "x86_64-unknown-linux-gnu"\n'
    project.declare(f'{HEAD}compiler = "./wasmtime"\n{target}[modules.add]\nsource = "add.wat"\n')
    project.environment["WASMBUILD_CACHE"] = "off"
    return project


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["rm -rf build", "mv build away"])
def test_a_build_directory_that_goes_is_told_and_nothing_else_is_blamed(
    disturbing: Project, when: str, what: str
) -> None:
    """Of one artifact: for another one, the directory may be made anew meanwhile, and this one with it."""
    disturbing.write(when, f"cd {disturbing.root} && {what}")
    error = disturbing.run("build", status=3).stderr
    [told] = [line for line in error.splitlines(keepends=True) if line.startswith("error: ")]
    assert told.startswith("error: add@x64: build/.wasmbuild-")
    assert told.endswith(f": {TOLD}")
    disturbing.write(when, "")
    assert disturbing.compiled() == {"add@x64"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_output_directory_that_goes_is_told(disturbing: Project, when: str) -> None:
    disturbing.write(when, f"rm -rf {disturbing.root}/out")
    arguments = ("compile", "add.wat", "--target", "x64", "-o", "out/add.cwasm")
    error = disturbing.run(*arguments, status=3).stderr
    assert error.startswith("error: out/.wasmbuild-alone-")
    assert error.endswith(f": {TOLD}")
    disturbing.write(when, "")
    disturbing.run(*arguments)
