"""A compiler that needs a shared library which is not here, as Wasmtime's need ``libgcc_s`` on a bare Alpine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import HEAD, MODULES, TARGETS, Project

from wasmbuild.toolchain import find, search_path

pytestmark = [
    pytest.mark.needs("cc"),
    pytest.mark.skipif(sys.platform != "linux", reason="these are words of glibc and musl"),
]

MISSING = "lacks the shared library libneeded.so.7"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A directory, in which no linker looks, with the one library that is needed."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    made = ["cc", "-shared", "-fPIC", "-Wl,-soname,libneeded.so.7", "-o", folder / "libneeded.so", "-x", "c", "-"]
    subprocess.run(made, input=b"int needed(void) { return 0; }", check=True)
    return folder


def linked(folder: Path, out: Path, source: str, *options: str) -> None:
    command = ["cc", *options, "-o", out, "-x", "c", "-", f"-L{folder}", "-lneeded"]
    subprocess.run(command, input=f"int needed(void); {source}".encode(), check=True)


def test_an_executable(project: Project, link: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "wasmtime"
    program.parent.mkdir()
    linked(link, program, "int main(void) { return needed(); }")
    project.environment["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    assert f"left out: {program} (PATH) {MISSING}; install it\n" in project.run("toolchain", "list").stderr
    # What is not for this system is passed over.
    assert project.compiled() == {"add@x64", "add@arm", "sub@x64", "sub@arm"}
    project.environment["WASMBUILD_WASMTIME"] = str(program)
    error = project.run("build", status=2).stderr
    assert error.startswith(f"error: WASMBUILD_WASMTIME: {program} {MISSING}; install it; ")


def test_the_library(project: Project, link: Path, tmp_path: Path) -> None:
    """It is told in one line, without what Python says of it, and again until the library is there."""
    own = search_path.library()
    assert own is not None
    package, site = own.parents[1], tmp_path / "site"
    shutil.copytree(package, site / "wasmtime", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    (metadata,) = package.parent.glob("wasmtime-[0-9]*.dist-info")
    shutil.copytree(metadata, site / metadata.name)
    linked(link, site / own.relative_to(package.parent), "int x(void) { return needed(); }", "-shared", "-fPIC")
    project.environment["PYTHONPATH"] = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    project.declare(f'{HEAD}compiler = "embedded"\n{TARGETS}{MODULES}')
    told = f"the library of wasmtime {find.library().version} could not be started: it {MISSING}: install it\n"
    error = project.run("inspect", "add.wat", status=1, alone=True).stderr
    assert error.startswith("error: add.wat: the library of wasmtime ")
    assert error.endswith(f"could not be started: it {MISSING}: install it\n")
    for _ in range(2):
        ended = project.run("build", "add@x64", status=3, alone=True)
        assert told in ended.stderr
        assert "Traceback" not in ended.stderr
