"""An artifact that would crash in the library is refused before Wasmtime sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime
from environments import ROOT
from support import Project

from wasmbuild import runtime
from wasmbuild.runtime import engines

TAGGED = """(module (memory 1) {tags} (data $d "x") (func (export "f")
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"""
UNMOVED, MOVED = "48.0.2", "48.0.8"
APPLICATION = """
import sys
from wasmbuild import runtime
from wasmbuild.runtime import engines
assert engines.library_version() is None
assert runtime.load(sys.argv[1], "even").module
try:
    runtime.load(sys.argv[1], "odd")
except runtime.OtherLayoutError as error:
    print(error)
else:
    print("loaded")
"""
DECLARATION = """
[project]
name = "a"
[toolchain]
wasmtime = "48"
[targets.portable]
triple = "pulley64"
[modules.odd]
source = "odd.wat"
ship-source = true
[modules.even]
source = "even.wat"
"""


@pytest.fixture
def built(tmp_path: Path) -> Project:
    """Build something that says it was compiled by a release of the other layout than the library's."""
    if engines.library_line() != 48:
        pytest.skip("is about the releases of line 48")
    project = Project(tmp_path)
    project.write("odd.wat", TAGGED.format(tags="(tag)"))
    project.write("even.wat", TAGGED.format(tags="(tag) (tag)"))
    project.declare(DECLARATION)
    project.run("build")
    library = engines.library_version() or ""
    claim(project, MOVED if int(library.rpartition(".")[2]) < 6 else UNMOVED)
    return project


def claim(project: Project, compiler: str) -> None:
    manifest = project.build / "portable" / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document["wasmtime"]["compiler"] = compiler
    manifest.write_text(json.dumps(document))


def test_what_would_crash_is_refused(built: Project) -> None:
    directory = built.build / "portable"
    assert runtime.load(directory, "even").module
    with pytest.raises(runtime.OtherLayoutError) as caught:
        runtime.load(directory, "odd")
    version = engines.library_version()
    assert str(caught.value).startswith("odd of target portable would crash: Wasmtime 48.0.")
    assert f"run wasmbuild toolchain install {version}, write the path" in str(caught.value)


def test_a_source_takes_its_place(built: Project) -> None:
    assert runtime.load(built.build / "portable", "odd", fallback=("pulley", "compile")).module


@pytest.mark.skipif(os.name == "nt", reason="links are made by anybody on POSIX only")
def test_a_library_without_metadata_is_measured(built: Project, tmp_path: Path) -> None:
    """As in a bundle, or a copied tree: nothing beside the package tells its release."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "wasmtime").symlink_to(os.path.dirname(wasmtime.__file__))
    environment = {**os.environ, "PYTHONPATH": f"{bundle}{os.pathsep}{ROOT}"}

    def load() -> str:
        command = [sys.executable, "-S", "-c", APPLICATION, str(built.build / "portable")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    own = int((engines.library_version() or "").rpartition(".")[2])
    alike = "48.0.0" if own < 6 else "48.0.6"
    said = load()
    assert said.startswith("odd of target portable would crash: Wasmtime 48.0.")
    assert f"laid out as {alike}, has them; " in said
    assert f"run wasmbuild toolchain install {alike}, write the path" in said
    claim(built, UNMOVED if own < 6 else MOVED)
    assert load() == "loaded\n"
