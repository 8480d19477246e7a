"""The command that ``wasmbuild inspect`` tells for an artifact, typed as it is told.

Needs the extra ``cross``: an executable.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support import HEAD, Project

from wasmbuild.engine import host

PLUGIN = """(component
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""
PROGRAM = '(module (func (export "_start")))'
PROGRAM_COMPONENT = """(component
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"""


def typed(project: Project, path: str) -> subprocess.CompletedProcess[str]:
    (file,) = json.loads(project.run("inspect", "--json", path).stdout)["files"]
    options = file["load_with"]["command"].removeprefix("wasmtime run ").split()
    program = project.run("toolchain", "which").stdout.strip()
    return subprocess.run([program, "run", *options, path], capture_output=True, text=True, timeout=300, check=False)


def test_the_command_that_is_told_loads_it(project: Project, tmp_path: Path) -> None:
    engine = '[engine]\nembedder = "rust"\nconcurrency-support = false\n'
    target = f'[targets.t]\ntriple = "{host.triple()}"\n'
    project.write("plugin.wat", PLUGIN)
    project.declare(f'{HEAD}{engine}{target}[modules.plugin]\nsource = "plugin.wat"\n')
    project.run("build")
    path = shutil.copy(project.build / "t" / "plugin.cwasm", tmp_path)
    # It loads the file before it looks for what it calls.
    ended = typed(project, path)
    assert "no exported instance named `wasi:cli/run@" in ended.stderr


@pytest.mark.parametrize("of", ["module", "component"])
def test_the_command_that_is_told_runs_what_epochs_interrupt(project: Project, tmp_path: Path, of: str) -> None:
    """The switch that compiles it gives the executable's store no deadline: all that it runs is interrupted at once."""
    project.write("run.wat", {"module": PROGRAM, "component": PROGRAM_COMPONENT}[of])
    project.declare(
        f'{HEAD}[engine]\nembedder = "cli"\nepoch-interruption = true\n'
        f'[targets.t]\ntriple = "{host.triple()}"\n[modules.run]\nsource = "run.wat"\n'
    )
    project.run("build")
    path = shutil.copy(project.build / "t" / "run.cwasm", tmp_path)
    ended = typed(project, path)
    assert ended.returncode == 0, ended.stderr
