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


@pytest.mark.parametrize(("name", "installed"), [("cmake", "share/edge"), ("meson", "share/edge/wasm")])
def test_it_runs(name: str, installed: str, tmp_path: Path) -> None:
    if name == "cmake" and shutil.which("make") is None:
        pytest.skip("needs make")
    copy = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("build"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["./run"], cwd=copy, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert run_here("verify", "-q", str(copy / "build/installed" / installed)).returncode == 0


OWN = (
    *("project(", "cmake_minimum", "enable_testing"),
    *(
        'name = "edge-',
        "version =",
        "requires-python =",
        "[tool.hatch.build.targets.wheel]",
        "packages =",
        "[tool.setuptools]",
    ),
)
EXAMPLE_LINES = ["*/CMakeLists.txt", "*/meson.build", "*/build.rs", "python-*/pyproject.toml"]


@pytest.mark.parametrize(
    "example",
    [path for name in EXAMPLE_LINES for path in EXAMPLES.glob(name)],
    ids=lambda path: str(path.relative_to(EXAMPLES)),
)
def test_the_documentation_has_its_lines(example: Path) -> None:
    """What a user pastes is what was run here."""
    documentation = (EXAMPLES.parent / "docs" / "build-systems.md").read_text()
    for line in example.read_text().splitlines():
        assert line in documentation or line.startswith(OWN), line
