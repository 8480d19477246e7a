"""CMake as users start it, with the package of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import Project

from wasmbuild import cmake

SCRIPTS = Path(sys.executable).parent
WASM = "wasmbuild_project(wasm)\n"


class Tree:
    """A project of CMake around a wasmbuild.toml, and its build directory."""

    def __init__(self, project: Project, generator: str, program: str = "cmake") -> None:
        self.project = project
        self.generator = generator
        self.program = program
        self.build = project.root / "out of tree ü"
        self.environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}

    def run(self, *arguments: str | Path, status: int = 0) -> str:
        ended = subprocess.run(
            [self.program, *arguments],
            cwd=self.project.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = ended.stdout + ended.stderr
        assert (ended.returncode == 0) == (status == 0), said
        return said

    def configure(self, text: str, *arguments: str, status: int = 0) -> str:
        head = "cmake_minimum_required(VERSION 3.21)\nproject(demo NONE)\nfind_package(wasmbuild REQUIRED)\n"
        self.project.write("CMakeLists.txt", head + text)
        where = f"-Dwasmbuild_DIR={cmake.directory()}"
        return self.run("-S", ".", "-B", self.build, "-G", self.generator, where, *arguments, status=status)

    def make(self, *arguments: str, status: int = 0) -> str:
        return self.run("--build", self.build, *arguments, status=status)

    def files(self, directory: str) -> set[str]:
        above = self.build / directory
        return {path.relative_to(above).as_posix() for path in above.rglob("*") if path.is_file()}


def program(path: Path, lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}")
    path.chmod(0o755)
    return path
