"""A build directory that another version of wasmbuild made: what is declared no more leaves it all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support import ALL, HEAD, TARGETS, Project

MODULES = '[modules."*"]\nsource = "*.wat"\nship-source = true\n'


def older(document: dict[str, Any]) -> None:
    """Make of a record or a manifest what a version wrote that told less of a source."""
    for told in document.get("artifacts", [document]):
        del told["traits"]["function-values"]


def newer(document: dict[str, Any]) -> None:
    """Make of a record or a manifest what a version may write whose formats have the next number."""
    document["schema"] = document["schema"].replace("/1", "/2")
    document["artifacts"] = {"of": "another shape"}
    document["project"] = [document.get("project")]


@pytest.fixture(params=[older, newer])
def of_another_version(project: Project, request: pytest.FixtureRequest) -> Project:
    change: Callable[[dict[str, Any]], None] = request.param
    project.declare(HEAD + TARGETS + MODULES)
    project.compiled()
    for path in project.build.glob("[!.]*/*.json"):
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
    return project


def test_what_is_no_longer_declared_leaves(of_another_version: Project) -> None:
    project = of_another_version
    project.write("build/arm/mine.wasm", b"mine")
    project.write("build/arm/mine.cwasm.json", b'{"schema": "mine/record/1", "id": "mine@arm"}')
    project.write("build/other/manifest.json", b'{"schema": "mine/manifest/1", "target": {"name": "other"}}')
    (project.root / "sub.wat").unlink()
    project.declare(HEAD + TARGETS.partition("[targets.arm]")[0] + MODULES)
    project.run("build")
    assert set(project.files()) == {
        "index.json",
        "x64/add.cwasm",
        "x64/add.cwasm.json",
        "x64/add.wasm",
        "x64/manifest.json",
        "arm/mine.wasm",
        "arm/mine.cwasm.json",
        "other/manifest.json",
    }
    project.run("verify", "build", "--level", "consistent")


def test_why_it_is_built_again_is_no_damage_alone(of_another_version: Project) -> None:
    assert of_another_version.reasons("add@x64") == ["its record is damaged, or of another version of wasmbuild"]
    assert of_another_version.compiled() == ALL


def test_a_source_that_is_shipped_no_more_leaves(of_another_version: Project) -> None:
    project = of_another_version
    project.declare(HEAD + TARGETS + MODULES.replace("true", "false"))
    project.run("build")
    assert not list(project.build.rglob("*.wasm"))


@pytest.mark.parametrize("of_another_version", [older], indirect=True)
def test_another_project_is_refused_by_what_its_manifests_say(of_another_version: Project) -> None:
    project = of_another_version
    (project.build / "index.json").unlink()
    project.declare((HEAD + TARGETS + MODULES).replace('"demo"', '"other"'))
    assert '"build" holds what the project "demo" built' in project.run("build", status=2).stderr
