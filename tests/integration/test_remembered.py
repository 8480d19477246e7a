"""What lies beside the output is no authority: who can write there runs no program and deletes nothing elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from wasmbuild import files
from wasmbuild.builder import state_file
from wasmbuild.cli import main
from wasmbuild.toolchain import search_path

DECLARATION = """\
[project]
name = "p"
[targets.here]
triple = "x86_64-unknown-linux-gnu"
[modules.a]
source = "a.wasm"
"""
DODO = """\
from wasmbuild.doit import load
DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
"""
EMPTY = b"\0asm\1\0\0\0"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build a project with one artifact."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "wasmbuild.toml").write_text(DECLARATION)
    (project / "dodo.py").write_text(DODO)
    (project / "a.wasm").write_bytes(EMPTY)
    assert main(["build"]) == 0
    return project


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_no_remembered_program_is_run(root: Path) -> None:
    program = root / "build" / "evil" / "wasmtime"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {root}/ran\necho wasmtime 48.0.2\n")
    program.chmod(0o755)
    state = root / "build" / ".wasmbuild" / "state.tsv"
    line, _, body = state.read_bytes()[:-8].partition(b"\n")
    head = json.loads(line)
    head["compilers"] = {
        str(path): [list(files.signature(path.stat())), "48.0.2", str(program.parent)]
        for path in (program, *(candidate.path for candidate in search_path.executables()))
    }
    data = json.dumps(head).encode() + b"\n" + body
    state.write_bytes(data + b"%08x" % zlib.crc32(data))
    assert state_file.read(state) is not None
    (root / "a.wasm").write_bytes(EMPTY + b"\0\2\1x")
    assert main(["build"]) == 0
    assert not (root / "ran").exists()


def note(root: Path, **names: Any) -> None:
    """Write names of files into the note of the last build, which has none."""
    from wasmbuild.builder import noop

    file = noop.file(root / "build" / ".wasmbuild")
    file.write_text(json.dumps({**json.loads(file.read_text()), **names}))


@pytest.mark.parametrize(
    "changes",
    [
        {"shipped": ["../../outside"]},
        {"shipped": ["here/other.wasm"]},
        {"targets": [["here", "x86_64-unknown-linux-gnu", ["a", "other"]]]},
        {"targets": [["here", "x86_64-unknown-linux-gnu", ["a", "../../../outside"]]]},
    ],
    ids=str,
)
def test_no_remembered_file_is_removed(root: Path, changes: dict[str, Any]) -> None:
    others = [root.parent / "outside", *(root.parent / f"outside.cwasm{end}" for end in ("", ".json"))]
    others += [root / "build" / "here" / f"other.{end}" for end in ("wasm", "cwasm", "cwasm.json")]
    for path in others:
        path.touch()
    if "targets" in changes:
        changes = {**changes, "sources": {name: str(root / "a.wasm") for name in changes["targets"][0][2]}}
    note(root, **changes)
    clean = subprocess.run([shutil.which("doit", path=Path(sys.executable).parent) or "doit", "clean"], check=False)
    assert clean.returncode == 0
    assert [path for path in others if not path.exists()] == []
    assert not (root / "build" / "here" / "a.cwasm").exists()
    assert not (root / "build" / "index.json").exists()
