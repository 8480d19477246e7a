"""The module that a file stands for, as a step finds it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.commands import options
from wasmbuild.errors import UsageError
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


def test_sources_of_other_names_are_not_looked_at_for_the_output_of_a_step(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thousands of them, each step would look at all."""
    one = project.modules["one"]
    others = {f"m{count}": one._replace(source=f"m{count}.wasm") for count in range(20)}
    declared = project._replace(modules={**others, **project.modules}, file=str(project.directory / "wasmbuild.toml"))
    made = project.directory / "made.cwasm"
    made.write_bytes(b"")
    looked: list[str] = []
    real_stat = os.stat

    def stat(path: str | Path, **options: Any) -> os.stat_result:
        looked.append(os.path.basename(path))
        return real_stat(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    check = partial(options.check_beside, "compile", project=declared)
    check([("-o", made)])
    assert {name for name in looked if name.startswith("m")} == {"made.cwasm"}
    looked.clear()
    assert list(module_of_file.read_at(declared, made)) == []
    assert looked.count("made.cwasm") == 1
    for name, link in (("hard", os.link), ("soft", os.symlink)):
        link(project.directory / "one.wasm", project.directory / name)
        with pytest.raises(UsageError, match=f"-o .*{name} would overwrite the source .*one.wasm, which is the same"):
            check([("-o", project.directory / name)])
    with pytest.raises(UsageError, match=r"would overwrite the source .*one\.wasm"):
        check([("-o", project.directory / "plugins/../one.wasm")])


def test_what_globs_take_need_not_be_there(project: Project) -> None:
    paths = ["plugins/new.wasm", "plugins/not-new.wasm", "deep/y/z/new.wasm", "one.wasm"]
    assert list(module_of_file.globs_taking(project, paths)) == [
        ("plugins/new.wasm", "plug/new", "plug/*"),
        ("deep/y/z/new.wasm", "deep/y/z/new", "deep/**"),
    ]
