"""Commands as steps of Make, Ninja and CMake: run when an input changed, and never again until the next one does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import systems.project as of_systems
from support import ADD, HEAD, SUB, TARGETS, Project
from systems import System, cmake, make, meson, ninja

pytestmark = pytest.mark.slow

WASMBUILD = f"{sys.executable} -m wasmbuild.cli"
NINJA = Path(sys.executable).parent / "ninja"
EPOCHS = HEAD + TARGETS.replace("[targets.x64]", "[targets.x64]\nengine = { epoch-interruption = true }")

MAKEFILE = f"""
add.cwasm: add.wat ; {WASMBUILD} compile $< --target x64 -o $@ --depfile $@.d
engine.h: wasmbuild.toml ; {WASMBUILD} embed --lang c --target x64 -o $@
-include add.cwasm.d
"""

NINJA_FILE = f"""
rule compile
  command = {WASMBUILD} compile $in --target x64 -o $out --depfile $out.d RESTAT
  depfile = $out.d
  restat = RULE
rule embed
  command = {WASMBUILD} embed --lang c --target x64 -o $out RESTAT
  restat = RULE
rule copy
  command = cp $in $out
build add.cwasm: compile add.wat
build engine.h: embed wasmbuild.toml
build image: copy add.cwasm
"""

CMAKE = f"""
cmake_minimum_required(VERSION 3.20)
project(demo NONE)
add_custom_command(
  OUTPUT add.cwasm
  COMMAND {sys.executable} -m wasmbuild.cli compile ${{CMAKE_SOURCE_DIR}}/add.wat --target x64 -o add.cwasm
    --depfile add.d --config ${{CMAKE_SOURCE_DIR}}/wasmbuild.toml
  MAIN_DEPENDENCY add.wat
  DEPFILE ${{CMAKE_BINARY_DIR}}/add.d)
add_custom_target(wasm ALL DEPENDS add.cwasm)
"""


def later(path: Path, content: str) -> None:
    """Write a file that is newer than all outputs for certain, but not in the future."""
    for other in path.parent.rglob("*"):
        if other.is_file():
            status = other.stat()
            os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns - 10**10))
    path.write_text(content)


def ran(project: Project, *command: str | Path) -> str:
    ended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.needs("make")
def test_make(project: Project) -> None:
    project.write("Makefile", MAKEFILE)

    def steps() -> set[str]:
        said = ran(project, "make", "add.cwasm", "engine.h")
        return {command for command in ("compile", "embed") if f"wasmbuild.cli {command}" in said}

    assert steps() == {"compile", "embed"}
    assert steps() == set()
    later(project.root / "add.wat", f"{ADD} ;; the same")
    assert steps() == {"compile"}
    assert steps() == set()
    later(project.root / "wasmbuild.toml", f"{HEAD}{TARGETS}# the same")
    assert steps() == {"compile", "embed"}
    assert steps() == set()
    made = (project.root / "add.cwasm").read_bytes()
    later(project.root / "wasmbuild.toml", EPOCHS)
    assert steps() == {"compile", "embed"}
    assert (project.root / "add.cwasm").read_bytes() != made
    assert steps() == set()


@pytest.mark.needs("make")
@pytest.mark.parametrize("depfile", [False, True])
def test_make_takes_a_directory_for_done_when_it_is(project: Project, depfile: bool) -> None:
    options, include = ("--depfile out.d", "-include out.d") if depfile else ("", "")
    rule = f"out: wasmbuild.toml add.wat; {WASMBUILD} build -q --build-dir out {options}"
    project.write("Makefile", f"{rule}\n{include}\n")

    def fails() -> bool:
        ended = subprocess.run(["make", "out"], cwd=project.root, capture_output=True, text=True, check=False)
        return ended.returncode != 0

    (project.root / "add.wat").write_text("nonsense")
    assert [fails(), fails()] == [True, True]
    (project.root / "add.wat").write_text(ADD)
    assert not fails()
    assert "up to date" in ran(project, "make", "out")
    later(project.root / "add.wat", "nonsense")
    os.utime(project.root / "out", (1, 1))
    assert [fails(), fails()] == [True, True]
    (project.root / "add.wat").write_text(ADD)
    # An error, and not artifacts that fail.
    (project.root / "out/index.json").unlink(missing_ok=True)
    (project.root / "out/index.json").mkdir()
    os.utime(project.root / "out", (1, 1))
    assert [fails(), fails()] == [True, True]
    (project.root / "out/index.json").rmdir()
    assert not fails()
    assert "up to date" in ran(project, "make", "out")


@pytest.mark.parametrize("restat", [False, True])
def test_ninja(project: Project, restat: bool) -> None:
    text = NINJA_FILE.replace("restat = RULE\n", "restat = 1\n" if restat else "\n")
    project.write("build.ninja", text.replace("RESTAT", "--restat" if restat else ""))

    def steps() -> set[str]:
        said = ran(project, NINJA, "-v")
        return {word for word in ("cli compile", "cli embed", "cp") if f"{word} " in said}

    def assert_up_to_date() -> None:
        assert ran(project, NINJA) == "ninja: no work to do.\n"

    assert steps() == {"cli compile", "cli embed", "cp"}
    assert_up_to_date()
    later(project.root / "add.wat", f"{ADD} ;; the same")
    assert steps() == {"cli compile", *(() if restat else ("cp",))}
    assert_up_to_date()
    later(project.root / "wasmbuild.toml", f"{HEAD}{TARGETS}# the same")
    assert steps() == {"cli compile", "cli embed", *(() if restat else ("cp",))}
    assert_up_to_date()
    later(project.root / "wasmbuild.toml", EPOCHS)
    assert steps() == {"cli compile", "cli embed", "cp"}
    assert_up_to_date()


WHOLE_MAKE = f"""
wasm.stamp: wasmbuild.toml ; {WASMBUILD} build -q --stamp $@ --depfile $@.d
-include wasm.stamp.d
"""
WHOLE_NINJA = f"""
rule wasmbuild
  command = {WASMBUILD} build -q --stamp $out --depfile $out.d
  depfile = $out.d
  deps = gcc
  restat = 1
build wasm.stamp: wasmbuild wasmbuild.toml
"""


@pytest.mark.needs("make")
@pytest.mark.parametrize("program", ["make", NINJA], ids=["make", "ninja"])
def test_a_file_joins_a_glob_in_a_folder_that_was_not_there(project: Project, program: str | Path) -> None:
    project.write("Makefile", WHOLE_MAKE)
    project.write("build.ninja", WHOLE_NINJA)
    project.declare(f'{HEAD}{TARGETS}[modules."**"]\nsource = "lib/*/pkg/*.wat"\n')
    project.write("lib/a/README", "")
    project.write("lib/b/pkg/b.wat", ADD)
    ran(project, program)
    done = ran(project, program)
    assert "up to date" in done or "no work to do" in done
    project.write("lib/a/pkg/a.wat", SUB)
    ran(project, program)
    assert (project.build / "x64/a/pkg/a.cwasm").exists()
    done = ran(project, program)
    assert "up to date" in done or "no work to do" in done


@pytest.mark.needs("make")
def test_make_watches_what_is_compiled_beside_a_linked_folder(project: Project) -> None:
    project.write(
        "Makefile", WHOLE_MAKE.replace("wasmbuild.toml", "linked/wasmbuild.toml").replace("-q", "-q --config $<")
    )
    beside = '[modules.add]\nsource = "../lib/add.wat"\n[modules."*"]\nsource = "../more/*.wat"\n'
    project.write("deep/folder/wasmbuild.toml", HEAD + TARGETS + beside)
    (project.root / "linked").symlink_to("deep/folder")
    source = project.write("lib/add.wat", ADD)
    project.write("more/one.wat", ADD)
    manifest = project.root / "linked/build/x64/manifest.json"
    for change in (lambda: later(source, SUB), lambda: project.write("more/two.wat", SUB)):
        ran(project, "make")
        assert "up to date" in ran(project, "make")
        before = manifest.read_bytes()
        change()
        ran(project, "make")
        assert manifest.read_bytes() != before


@pytest.mark.needs("cmake", "make")
@pytest.mark.parametrize("generator", ["Unix Makefiles", "Ninja"])
def test_cmake(project: Project, generator: str) -> None:
    project.write("CMakeLists.txt", CMAKE)
    ran(project, "cmake", "-G", generator, f"-DCMAKE_MAKE_PROGRAM={NINJA if generator == 'Ninja' else 'make'}", ".")

    def compiles() -> bool:
        return "Generating add.cwasm" in ran(project, "cmake", "--build", ".")

    assert compiles()
    assert not compiles()
    later(project.root / "add.wat", f"{ADD} ;; the same")
    assert compiles()
    assert not compiles()
    later(project.root / "wasmbuild.toml", EPOCHS)
    assert compiles()
    assert not compiles()
    later(project.root / "add.wat", SUB)
    assert compiles()
    assert not compiles()


BELOW = ("wasmbuild", "plan", "--ninja", "-o", "wasm.ninja", "--config=../wasmbuild.toml", "--build-dir=../out")
# Into the folder where it runs, Ninja writes each time.
NINJA_BELOW = ninja.each()._replace(
    files={"b/build.ninja": "build build.ninja: phony wasm.ninja\nsubninja wasm.ninja\ndefault ../out/index.json\n"},
    setup=(("env", "-C", "b", *BELOW),),
    build=("ninja", "--quiet", "-C", "b"),
    idle="",
)


@pytest.mark.needs_modules("cmake", "mesonbuild")
@pytest.mark.parametrize("system", [NINJA_BELOW, *cmake.SYSTEMS, *meson.SYSTEMS], ids=lambda system: system.name)
def test_a_glob_reaches_the_directory_of_the_outer_build(system: System, tmp_path: Path) -> None:
    built = of_systems.Built(system, tmp_path / "project")
    source = 'source = "**/*.wasm"\nexclude = ["b/**"]\n'
    built.write("wasmbuild.toml", f'{HEAD}{of_systems.TARGETS}[modules."**"]\n{source}')
    for _ in range(2):
        # The first one makes directories in folders that decide what is built.
        built.build()
    said = built.build()
    assert re.fullmatch(system.idle, said), said
    built.write("new/add.wasm", of_systems.BINARIES[ADD])
    assert "new/add@x64" in built.compiled()


@pytest.mark.needs_modules("cmake")
@pytest.mark.parametrize("system", cmake.SYSTEMS, ids=lambda system: system.name)
def test_a_step_does_not_depend_on_what_it_makes(system: System, tmp_path: Path) -> None:
    built = of_systems.Built(system, tmp_path / "project")
    built.write("wasmbuild.toml", f'{HEAD}{of_systems.TARGETS}[modules."**"]\nsource = "**/*.wasm"\n')
    for _ in range(3):
        # Of the directory around it, the step knows nothing: it starts each time.
        assert "ircular" not in built.build()


@pytest.mark.needs("make")
@pytest.mark.parametrize("folder", ["out", ".state/gen"])
@pytest.mark.parametrize("system", [make.whole(), ninja.whole()], ids=lambda system: system.name)
def test_a_source_comes_where_a_step_writes(system: System, folder: str, tmp_path: Path) -> None:
    built = of_systems.Built(system, tmp_path / "project")
    built.write("wasmbuild.toml", f'{HEAD}{of_systems.TARGETS}[modules."*"]\nsource = "{folder}/*.wasm"\n')
    built.write(f"{folder}/add.wasm", of_systems.BINARIES[ADD])
    for _ in range(2):
        built.build()
    said = built.build()
    assert re.fullmatch(system.idle, said), said
    built.write(f"{folder}/sub.wasm", of_systems.BINARIES[SUB])
    assert "sub@x64" in built.compiled()
