"""The plugin host of ``examples``, run by the line in its README and by those that it mentions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import Project

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins"
OTHER = "windows-x64" if sys.platform != "win32" else "linux-x64"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("example"))
    shutil.copytree(EXAMPLE, project.root, ignore=shutil.ignore_patterns("build"), dirs_exist_ok=True)
    project.run("build")
    return project.root


@pytest.mark.parametrize(
    ("arguments", "square", "collatz"),
    [
        ((), "square (", "collatz (portable): 111"),
        (("--targets", "portable"), "square (portable): 729", "collatz (portable): 111"),
        (("--targets", OTHER), f"square (the source of {OTHER}): 729", f"collatz: left out: target {OTHER} is for "),
    ],
)
def test_every_plugin_runs_or_is_told_why_not(
    example: Path, arguments: tuple[str, ...], square: str, collatz: str
) -> None:
    command = [sys.executable, "host.py", "--verbose", *arguments]
    ended = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    told = {line.split()[0].rstrip(":"): line for line in lines if not line.startswith(" ")}
    assert list(told) == ["bits", "collatz", "digits", "endless", "log", "square", "stranger"]
    assert told["square"].startswith(square)
    assert told["square"].endswith(": 729")
    assert told["collatz"].startswith(collatz)
    assert told["endless"] == "endless: stopped: OUT_OF_FUEL"
    assert "imports what the linker does not define: other::now" in told["stranger"]
    assert "square@" in ended.stderr
