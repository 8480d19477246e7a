"""An artifact that would crash in the library is refused before Wasmtime sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Project

from wasmbuild import runtime
from wasmbuild.runtime import engines

TAGGED = """(module (memory 1) {tags} (data $d "x") (func (export "f")
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))))"""
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
    manifest = project.build / "portable" / "manifest.json"
    document = json.loads(manifest.read_bytes())
    document["wasmtime"]["compiler"] = "48.0.8" if int(library.rpartition(".")[2]) < 6 else "48.0.2"
    manifest.write_text(json.dumps(document))
    return project


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
