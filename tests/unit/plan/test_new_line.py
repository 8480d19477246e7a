"""A line that nobody knew is one file more: what reads declarations, plans and manifests goes by that file alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import load

from wasmbuild.engine import lines
from wasmbuild.engine.lines import __main__ as made
from wasmbuild.errors import DeclarationError
from wasmbuild.formats.manifest import Manifest
from wasmbuild.plan import document
from wasmbuild.plan.graph import plan

NEWEST = lines.known()[-1]
NEXT = NEWEST + 1
_LINE = f"""
base = {NEWEST}
[settings.wasm-new]
default = false
check = "feature"
doc = "New."
cli = "-Wnew"
[cpu.x86_64.levels]
x86-64-v5 = ["x86-64-v4"]
"""
_DECLARED = f"""
[project]
name = "p"
[toolchain]
wasmtime = "{NEXT}"
[engine]
embedder = "rust"
wasm-new = true
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
cpu = "x86-64-v5"
[modules.m]
source = "m.wat"
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A declaration for a line of which there is a file, put beside copies of the others."""
    directory = tmp_path / "lines"
    directory.mkdir()
    for file in made.HERE.glob("*.toml"):
        (directory / file.name).write_bytes(file.read_bytes())
    (directory / f"{NEXT}.toml").write_text(_LINE)
    made.write(directory)
    (tmp_path / "wasmbuild.toml").write_text(_DECLARED)
    (tmp_path / "m.wat").write_text("(module)")
    with lines.read_from(str(directory)):
        yield tmp_path / "wasmbuild.toml"


def test_it_is_declared_planned_and_shipped(project: Path) -> None:
    planned = plan(load(project))
    assert {target.engine.line for target in planned.targets} == {NEXT}
    [target] = planned.targets
    assert target.engine.executable_arguments()[2:5] == ["-Ccache=n", "-Ccollector=copying", "-Wnew=y"]
    assert "-Ccranelift-has_avx512f=true" in target.engine.executable_arguments()
    again = document.from_bytes(json.dumps(document.to_json(planned)).encode(), project.parent, where="plan")
    assert [target.engine for target in again.targets] == [target.engine]
    shipped = {
        "schema": "wasmbuild/manifest/1",
        "project": "p",
        "target": {
            "name": "x64",
            "triple": target.engine.triple.text,
            "cpu": "x86-64-v5",
            "isa_flags": {**target.engine.isa_flags},
        },
        "wasmtime": {"major": NEXT, "compiler": f"{NEXT}.0.0", "compiler_sha256": "0" * 64},
        "engine": target.engine.engine_table(),
        "require": "loaded",
        "artifacts": [],
    }
    manifest = Manifest.from_bytes(json.dumps(shipped).encode(), "manifest.json")
    assert manifest.major == NEXT
    assert manifest.engine == {"embedder": "rust", "collector": "copying", "wasm-new": True}


def test_the_same_declaration_is_refused_for_a_line_without_that(project: Path) -> None:
    project.write_text(_DECLARED.replace(str(NEXT), str(NEWEST)))
    with pytest.raises(DeclarationError) as caught:
        load(project)
    assert f"engine.wasm-new: is no setting of Wasmtime {NEWEST}, but of {NEXT}; remove it" in str(caught.value)
    assert 'targets.x64.cpu: unknown CPU level "x86-64-v5"' in str(caught.value)
