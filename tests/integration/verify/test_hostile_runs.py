"""What an enemy tries where artifacts are loaded by runners, and to have a runner of his own obeyed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support import Project

from wasmbuild.builder.workspace import Workspace
from wasmbuild.engine import host
from wasmbuild.project.declared import Target
from wasmbuild.verify import Verdict, verify

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and commands of POSIX")

MODULE = '(module (func (export "f") (result i32) (i32.const 1)))'
OTHER = '(module (func (export "g") (result i32) (i32.const 2)))'
SPINS = {
    "module": '(module (func $spin (loop (br 0))) (start $spin) (memory (export "m") 1))',
    "component": """(component
      (core module $m (func $spin (loop (br 0))) (start $spin) (func (export "run")))
      (core instance $i (instantiate $m))
      (func (export "run") (canon lift (core func $i "run"))))""",
}
HERE = host.triple() or ""


def declared(directory: Path, command: list[str], program: str, path: str) -> tuple[Target, ...]:
    """Write a declaration with a runner of the target ``t``, and return its targets."""
    config = directory / "wasmbuild.toml"
    runner = f"[targets.t.runner]\ncommand = {json.dumps(command)}\n{program} = {json.dumps(path)}\n"
    config.write_text(f'[project]\nname = "filters"\n[targets.t]\ntriple = "{HERE}"\n{runner}')
    return Workspace(config).runners()


@pytest.fixture(params=["python", "wasmtime"])
def program(request: pytest.FixtureRequest, workshop: Any) -> tuple[str, str]:
    """Return what a runner runs, as the key of a declaration and its value."""
    return request.param, sys.executable if request.param == "python" else workshop.executable.path


def test_what_starts_by_itself_and_never_ends_is_loaded_and_not_started(
    tmp_path: Path, workshop: Any, program: tuple[str, str]
) -> None:
    workshop.ship(tmp_path, "t", HERE, SPINS)
    assert verify([tmp_path / "t"], targets=declared(tmp_path, [], *program)).artifacts == (
        Verdict("component@t", True, "loaded", None, "loaded", ""),
        Verdict("module@t", True, "loaded", None, "loaded", ""),
    )


MEDDLES = """
import os, sys, time
path, other, how, *command = sys.argv[1:]
path = os.path.realpath(path)

# Whether verify has the file open and is at its end: then it has what it hashes.
def is_read():
    of_verify = f"/proc/{os.getppid()}"
    for descriptor in os.listdir(f"{of_verify}/fd"):
        try:
            if os.readlink(f"{of_verify}/fd/{descriptor}") == path:
                with open(f"{of_verify}/fdinfo/{descriptor}") as told:
                    return int(told.readline().split()[1]) == os.path.getsize(path)
        except OSError:
            pass

def meddle():
    while not is_read():
        time.sleep(0.01)
    with open(other, "rb") as file:
        data = file.read()
    if how == "rename":
        with open(f"{path}.new", "wb") as file:
            file.write(data)
        os.replace(f"{path}.new", path)
    else:
        with open(path, "r+b") as file:
            file.write(data)

# A runner is started for each artifact, and what one has replaced another would not find open.
try:
    os.mkdir("meddled")
except FileExistsError:
    while not os.path.exists("meddled/done"):
        time.sleep(0.01)
else:
    meddle()
    os.mkdir("meddled/done")
os.execvp(command[0], command)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what another process has open")
@pytest.mark.parametrize("how", ["rename", "write"])
def test_a_file_that_is_replaced_between_hashing_and_loading_is_not_believed(
    tmp_path: Path, workshop: Any, how: str, program: tuple[str, str]
) -> None:
    workshop.ship(tmp_path, "t", HERE, {"m": MODULE, "z": MODULE})
    path, other, script = tmp_path / "t" / "m.cwasm", tmp_path / "other", tmp_path / "meddles.py"
    os.utime(path, ns=(10**18, 10**18))
    other.write_bytes(workshop.compile(OTHER, HERE))
    script.write_text(MEDDLES)
    command = [sys.executable, str(script), str(path), str(other), how]
    meddled, right = verify([tmp_path / "t"], targets=declared(tmp_path, command, *program)).artifacts
    assert path.read_bytes() == other.read_bytes()
    assert right == Verdict("z@t", True, "loaded", None, "loaded", "")
    if how == "rename":
        # What was hashed is what was loaded.
        assert meddled == Verdict("m@t", True, "loaded", None, "loaded", "")
    else:
        words = "m.cwasm changed while it was verified; verify when nothing writes to it"
        assert meddled == Verdict("m@t", False, "consistent", "loaded", "loaded", words)


@pytest.fixture
def trace(project: Project, workshop: Any) -> Path:
    """Put a declaration beside what was shipped whose runner leaves a trace, and return where that would be."""
    workshop.ship(project.build, "t", HERE, {"m": MODULE})
    trace = project.root / "obeyed"
    declared(project.build, ["/bin/sh", "-c", f"touch {trace}"], "python", "python3")
    return trace


def test_a_declaration_in_what_is_verified_is_obeyed_only_where_it_is_named(project: Project, trace: Path) -> None:
    project.run("verify", ".", cwd=project.build)
    assert not trace.exists()
    project.run("verify", ".", "--config", "wasmbuild.toml", cwd=project.build, status=1)
    assert trace.exists()


def test_a_link_to_a_declaration_elsewhere_is_not_obeyed_either(project: Project, trace: Path) -> None:
    (project.build / "wasmbuild.toml").rename(project.root / "elsewhere.toml")
    (project.build / "wasmbuild.toml").symlink_to("../elsewhere.toml")
    project.run("verify", ".", cwd=project.build)
    assert not trace.exists()


def test_nor_is_one_beside_a_manifest_that_is_a_link(project: Project, trace: Path) -> None:
    # The artifacts are those beside the link.
    (project.build / "m.cwasm").write_bytes((project.build / "t" / "m.cwasm").read_bytes())
    (project.build / "release.json").symlink_to("t/manifest.json")
    project.run("verify", "release.json", cwd=project.build)
    assert not trace.exists()
