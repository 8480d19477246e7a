"""Sources with legacy exceptions, on which compilers work for minutes before they refuse them: none is started."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support import ADD, HEAD, TARGETS, Project

from wasmbuild.formats import cwasm

# (module (tag) (func try catch_all end)), with the try of the proposal that was replaced.
LEGACY = bytes.fromhex("0061736d01000000 01040160 0000 03020100 0d03010000 0a080106000640190b0b".replace(" ", ""))
LARGE = LEGACY + b"\0" + bytes([0x80, 0x80, 0xC0, 0]) + b"\4data" + bytes((1 << 20) - 5)
SAID = "m.wasm uses legacy exceptions, which Wasmtime lacks; convert it with binaryen: wasm-opt --enable-"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="compilers that are scripts")


class Watched(NamedTuple):
    """A project with a compiler that can only fail, and what is there once it was started."""

    project: Project
    started: Path


@pytest.fixture
def watched(project: Project, tmp_path: Path, script: Callable[[str], Path]) -> Watched:
    started = tmp_path / "started"
    compiler = script(f"touch {started}; exit 1")
    project.declare(f'{HEAD}compiler = "{compiler}"\n{TARGETS}[modules.m]\nsource = "m.wasm"\n')
    return Watched(project, started)


@pytest.mark.parametrize("cache", [(), ("--no-cache",)], ids=["cache", "no cache"])
def test_a_build_starts_no_compiler_for_any_target(watched: Watched, cache: tuple[str, ...]) -> None:
    watched.project.write("m.wasm", LEGACY)
    # The next one knows what it is without a look.
    for _ in range(2):
        said = watched.project.run("build", *cache, status=1).stderr
        assert f"error: m@arm, m@x64: {SAID}" in said
    assert "never built" in watched.project.run("explain", "m@x64").stdout
    assert not watched.started.exists()


def test_an_edited_source_is_looked_at_anew(watched: Watched, project: Project) -> None:
    project.write("m.wasm", LEGACY)
    project.run("build", status=1)
    project.write("m.wasm", b"\0asm\1\0\0\0")
    assert SAID not in project.run("build", status=1).stderr
    assert watched.started.exists()
    project.write("m.wasm", LEGACY)
    assert SAID in project.run("build", status=1).stderr


def test_others_are_built_and_the_last_good_artifact_stays(project: Project) -> None:
    modules = '[modules.m]\nsource = "m.wasm"\n[modules.add]\nsource = "add.wat"\n'
    project.declare(HEAD + TARGETS + modules)
    project.write("m.wasm", b"\0asm\1\0\0\0")
    project.write("add.wat", ADD)
    project.run("build")
    project.write("m.wasm", LEGACY)
    project.write("add.wat", ADD.replace("i32.add", "i32.mul"))
    outcomes = project.outcomes(status=1)
    assert outcomes == {"m@x64": "failed", "m@arm": "failed", "add@x64": "compiled", "add@arm": "compiled"}
    assert cwasm.read((project.build / "x64/m.cwasm").read_bytes()).kind == "module"
    assert not (project.build / "x64/manifest.json").exists()


@pytest.mark.parametrize(("source", "record"), [(LARGE, ()), (LEGACY, ("--record", "m.json"))], ids=["large", "record"])
def test_a_step_starts_no_compiler(watched: Watched, source: bytes, record: tuple[str, ...]) -> None:
    watched.project.write("m.wasm", source)
    said = watched.project.run(
        "compile", "m.wasm", "--target", "x64", "-o", "m.cwasm", "--module", "m", *record, status=1
    ).stderr  # fmt: skip
    assert SAID in said
    assert not watched.started.exists()


def test_fit_starts_no_compiler(watched: Watched) -> None:
    watched.project.write("m.wasm", LEGACY)
    said = watched.project.run("fit", "--source", "m.wasm", "--", "./app", "{}", status=1).stderr
    assert SAID in said
    assert not watched.started.exists()
