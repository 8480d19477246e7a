"""Which command a build directory of CMake runs: the one of the package that it has, or the one that a user named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cmake_tree import SCRIPTS, WASM, Tree, program
from shell import posix
from support import Project

from wasmbuild import cmake

pytestmark = [pytest.mark.needs_modules("cmake"), posix]


class Environment:
    """What pip makes of this package: its files for CMake, and a command that notes who ran last."""

    def __init__(self, root: Path, ran: Path) -> None:
        self.root = root
        self.package = root / "lib/python3/site-packages/wasmbuild/cmake"
        shutil.copytree(cmake.directory(), self.package)
        self.command = program(root / "bin/wasmbuild", f'echo {root.name} > "{ran}"\n"{SCRIPTS}/wasmbuild" "$@"\n')

    @property
    def chosen(self) -> str:
        return f"-Dwasmbuild_DIR={self.package}"


@pytest.fixture
def ran(project: Project) -> Path:
    return project.root / "ran"


@pytest.fixture
def old(project: Project, ran: Path) -> Environment:
    return Environment(project.root / "old", ran)


@pytest.fixture
def new(project: Project, ran: Path) -> Environment:
    return Environment(project.root / "new", ran)


@pytest.fixture
def tree(project: Project) -> Tree:
    return Tree(project, "Ninja")


def test_the_command_comes_with_the_package(tree: Tree, old: Environment, new: Environment, ran: Path) -> None:
    tree.project.write("below/CMakeLists.txt", "find_package(wasmbuild REQUIRED)\n")
    for environment in (old, new, old):
        tree.configure("add_subdirectory(below)\n" + WASM, environment.chosen)
        ran.write_text("")
        assert "Precompiling" in tree.make()
        assert ran.read_text().strip() == environment.root.name
        tree.run("-S", ".", "-B", tree.build)
        assert "Precompiling" not in tree.make()


def test_a_command_that_is_named_stays(tree: Tree, old: Environment, new: Environment, ran: Path) -> None:
    tree.configure(WASM, new.chosen)
    named = Environment(tree.project.root / "named", ran)
    for environment in (new, old):
        tree.configure(WASM, environment.chosen, f"-DWASMBUILD_EXECUTABLE={named.command}")
        assert ran.read_text().strip() == "named"
    tree.configure(WASM, new.chosen)
    assert ran.read_text().strip() == "named"
    tree.configure(WASM, new.chosen, "-UWASMBUILD_EXECUTABLE")
    assert ran.read_text().strip() == "new"


def test_a_command_that_was_found_and_is_gone_is_found_again(tree: Tree, old: Environment, new: Environment) -> None:
    tree.configure(WASM, old.chosen)
    old.command.unlink()
    tree.configure(WASM, old.chosen)
    tree.make()
    shutil.rmtree(old.root)
    tree.configure(WASM, new.chosen)
    tree.make()


def test_a_path_that_is_named_and_is_none_of_a_file_is_told(tree: Tree, new: Environment) -> None:
    tree.configure(WASM, new.chosen)
    for wrong in (new.command.with_name("wasmbuil"), new.command.parent):
        told = " ".join(tree.configure(WASM, f"-DWASMBUILD_EXECUTABLE={wrong}", status=1).split())
        assert f'WASMBUILD_EXECUTABLE is "{wrong}", which is no file; name the command, -DWASMBUILD_EXEC' in told
        tree.configure(WASM, f"-DWASMBUILD_EXECUTABLE={new.command}")
        tree.configure(WASM, f"-DWASMBUILD_EXECUTABLE={wrong}", status=1)
        assert told.split("or have it found, ")[1].split()[0] == "-UWASMBUILD_EXECUTABLE"
        tree.configure(WASM, "-UWASMBUILD_EXECUTABLE")
    tree.make()


def test_without_the_command(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> None:
    bare = tmp_path_factory.mktemp("bin")
    tree.program = shutil.which("cmake", path=tree.environment["PATH"]) or "cmake"
    arguments = f"-DCMAKE_MAKE_PROGRAM={SCRIPTS / 'ninja'}"
    tree.environment["PATH"] = str(bare)
    copied = tmp_path_factory.mktemp("package") / "a/b/c/d/e"
    shutil.copytree(cmake.directory(), copied)
    told = tree.configure(WASM, f"-Dwasmbuild_DIR={copied}", arguments, status=1)
    assert "pip install 'wasmbuild[cross]'" in told


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/no/python\n", "no such file or directory; install"),
        ("#!/bin/sh\nkill -9 $$\n", "killed; install"),
        ("#!/bin/sh\nexit 3\n", "exit status 3; install"),
    ],
)
def test_a_command_that_does_not_run_is_told(
    tree: Tree, old: Environment, new: Environment, script: str, reason: str
) -> None:
    old.command.write_text(script)
    told = tree.configure(WASM, old.chosen, status=1)
    assert f'"{old.command}" does not run: ' in told
    assert reason in told.lower()
    assert "name another command: -DWASMBUILD_EXECUTABLE=/path/to/wasmbuild" in told
    tree.configure(WASM, f"-DWASMBUILD_EXECUTABLE={new.command}")
    tree.configure(WASM, old.chosen, "-UWASMBUILD_EXECUTABLE", status=1)
    tree.configure(WASM, new.chosen)
    tree.make()
