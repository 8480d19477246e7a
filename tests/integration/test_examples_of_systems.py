"""The examples of build systems: each is run as its README says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import run_here

EXAMPLES = Path(__file__).parents[2] / "examples"
MADE_HERE = ("build", "out", ".state", "*.stamp", "*.d", "edge.tar", ".ninja_*", ".doit.db*")


MADE = {
    "cmake": "build/installed/share/edge",
    "meson": "build/installed/share/edge/wasm",
    "make": "out",
    "ninja": "out",
    "doit": "build",
}
MARKS = {
    "cmake": [pytest.mark.needs("make"), pytest.mark.needs_modules("cmake")],
    "meson": [pytest.mark.needs_modules("mesonbuild")],
    "make": [pytest.mark.needs("make")],
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, [])) for name in MADE])
def test_it_runs(name: str, tmp_path: Path) -> None:
    copy = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(*MADE_HERE))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["./run"], cwd=copy, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert run_here("verify", "-q", str(copy / MADE[name])).returncode == 0


@pytest.mark.parametrize(
    "name",
    [
        "cmake/CMakeLists.txt",
        "meson/meson.build",
        "cargo/build.rs",
        "make/Makefile",
        "ninja/build.ninja",
        "doit/dodo.py",
    ],
)
def test_the_documentation_has_its_lines(name: str) -> None:
    """What a user pastes is what was run here."""
    documentation = (EXAMPLES.parent / "docs" / "build-systems.md").read_text()
    for line in (EXAMPLES / name).read_text().splitlines():
        assert line in documentation or line.startswith(("project(", "cmake_minimum", "enable_testing")), line
