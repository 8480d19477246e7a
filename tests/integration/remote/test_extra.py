"""A remote cache where the extra is not installed, and what is told to be typed then."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import environments
import pytest
from environments import ROOT, Environment
from support import ADD, HEAD

pytestmark = pytest.mark.slow


def test_what_is_told_to_install_is_all_that_it_takes(tmp_path: Path) -> None:
    clone, wheels, project = tmp_path / "clone", tmp_path / "wheels", tmp_path / "project"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        clone.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, clone)
    shutil.copytree(ROOT / "wasmbuild", clone / "wasmbuild", ignore=shutil.ignore_patterns("__pycache__"))
    environments.build(clone, wheels, "--wheel")
    environment = Environment(tmp_path / "venv")
    environment.pip("install", "-q", f"{environments.wheel(wheels)}[cross]")
    project.mkdir()
    (project / "add.wat").write_text(ADD)
    (tmp_path / "store").mkdir()
    remote = f'[cache]\nremote = "file://{tmp_path / "store"}"\npush = true\n'
    target = '[targets.portable]\ntriple = "pulley64"\n[modules.add]\nsource = "add.wat"\n'
    (project / "wasmbuild.toml").write_text(HEAD + remote + target)

    def build() -> str:
        argv = [environment.python, "-m", "wasmbuild", "build"]
        settings = {**os.environ, "WASMBUILD_CACHE": str(tmp_path / "cache")}
        return subprocess.run(argv, cwd=project, env=settings, capture_output=True, text=True, check=True).stderr

    told = build()
    assert "1 compiled" in told
    [line] = (line for line in told.splitlines() if "pip install" in line)
    typed = line[line.index("pip install") :].partition(";")[0]
    _pip, *arguments = shlex.split(typed)
    environment.pip(*arguments, "-q", "--find-links", wheels)
    shutil.rmtree(project / "build")
    shutil.rmtree(tmp_path / "cache")
    assert "pip install" not in build()
    assert any((tmp_path / "store").rglob("*"))
