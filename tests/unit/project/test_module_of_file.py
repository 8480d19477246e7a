"""The module that a file stands for, as a step finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild.project import module_of_file
from wasmbuild.project.config import parse
from wasmbuild.project.declared import Project

DECLARATION = b"""
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.one]
source = "one.wasm"
[modules."plug/*"]
source = "plugins/*.wasm"
exclude = ["plugins/not-*.wasm"]
[modules."deep/**"]
source = "deep/**/*.wasm"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("one.wasm", "plugins/a.wasm", "plugins/not-b.wasm", "deep/x/c.wasm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return parse(DECLARATION, file="wasmbuild.toml", directory=tmp_path, default_line=48)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("one.wasm", "one"),
        ("plugins/a.wasm", "plug/a"),
        ("plugins/not-b.wasm", None),
        ("plugins/.a.wasm", None),
        ("plugins/x/a.wasm", None),
        ("deep/x/c.wasm", "deep/x/c"),
        ("other.wasm", None),
    ],
)
def test_a_file_is_found_by_its_path_and_by_its_name(project: Project, source: str, name: str | None) -> None:
    path = project.directory / source
    found = module_of_file.module_of(project, path, None, project.targets[0])
    assert (found and found.name) == name
    if name is not None:
        assert module_of_file.module_of(project, path, name, project.targets[0]) == found
        made = module_of_file.module_of(project, project.directory / "made.wasm", name, project.targets[0])
        assert made is not None
        assert (made.name, made.source_text, made.source.name) == (name, source, "made.wasm")


def test_no_folder_is_listed_for_the_file_of_a_step(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of files in it, each step would look at all of them."""
    monkeypatch.setattr(module_of_file, "expand", lambda directory, pattern: pytest.fail(f"{pattern} was expanded"))
    declared = project._replace(modules={key: module for key, module in project.modules.items() if "**" not in key})
    for name in (None, "plug/a"):
        found = module_of_file.module_of(declared, project.directory / "plugins/a.wasm", name, project.targets[0])
        assert found is not None
        assert found.name == "plug/a"
