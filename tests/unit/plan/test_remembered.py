"""Declarations that are remembered: the same values as when they were read, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from building import load
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import usercache
from wasmbuild.plan.remembered import recall, remember
from wasmbuild.project.declared import Project

PROJECTS = sorted((Path(__file__).parents[2] / "projects" / "good").iterdir())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(usercache, "directory", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "declarations"


def recalled(project: Project, data: bytes, line: int = 48) -> Project | None:
    return recall(data, file=project.file, directory=project.directory, default_line=line)


@pytest.mark.parametrize("directory", PROJECTS, ids=lambda directory: directory.name)
def test_what_is_remembered_is_what_was_read(directory: Path) -> None:
    file = directory / "wasmbuild.toml"
    project, data = load(file), file.read_bytes()
    assert recalled(project, data) is None
    remember(project, data, default_line=48)
    assert recalled(project, data) == project


def test_known_faults_that_are_let_pass_are_remembered(tmp_path: Path) -> None:
    (tmp_path / "m.wat").touch()
    file = tmp_path / "wasmbuild.toml"
    file.write_text(
        '[project]\nname = "p"\n[targets.t]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
        '[audit]\nfail-on = "low"\nenforce = ["build"]\n'
        '[[audit.ignore]]\nid = "CVE-2026-1"\nreason = "why"\nuntil = 2027-03-31\n'
    )
    project, data = load(file), file.read_bytes()
    remember(project, data, default_line=48)
    assert recalled(project, data) == project


def test_another_folder_gets_its_own_paths(tmp_path: Path) -> None:
    file = PROJECTS[0] / "wasmbuild.toml"
    project, data = load(file), file.read_bytes()
    remember(project, data, default_line=48)
    found = recall(data, file="x.toml", directory=tmp_path, default_line=48)
    assert found is not None
    assert (found.file, found.directory, found.build_dir) == ("x.toml", tmp_path, tmp_path / "out" / "artifacts")


@pytest.mark.parametrize(
    "named",
    [
        '[toolchain]\ncompiler = "{}"',
        '[targets.t.runner]\ncommand = ["{}"]\npython = "python3"',
        '[targets.t.runner]\ncommand = ["qemu"]\npython = "{}"',
        '[targets.t.runner]\ncommand = ["qemu"]\nwasmtime = "{}"',
        '[cache]\nsigning-key = "{}"',
    ],
)
@pytest.mark.parametrize("place", ["./x", "sub/x", "../x", "/opt/x", "{folder}/x", "{folder}/../x"])
def test_what_is_named_is_the_same_as_when_it_is_read_in_each_folder(tmp_path: Path, named: str, place: str) -> None:
    place = place.format(folder=tmp_path / "first")
    declaration = '[project]\nname = "p"\n[targets.t]\ntriple = "pulley64"\n[modules.m]\nsource = "m.wat"\n'
    first, deeper = tmp_path / "first" / "wasmbuild.toml", tmp_path / "other" / "deeper" / "wasmbuild.toml"
    for file in (first, deeper):
        file.parent.mkdir(parents=True)
        (file.parent / "m.wat").touch()
        file.write_text(declaration + named.format(place))
    data = first.read_bytes()
    remember(load(first), data, default_line=48)
    assert recalled(load(first), data) == load(first)
    found = recalled(load(deeper), data)
    assert found in (None, load(deeper))
    if place in ("./x", "sub/x", "/opt/x"):
        assert found is not None


def test_other_bytes_and_another_default_line_are_not_remembered() -> None:
    file = PROJECTS[0] / "wasmbuild.toml"
    project, data = load(file), file.read_bytes()
    remember(project, data, default_line=48)
    assert recalled(project, data + b"\n") is None
    assert recalled(project, data, line=49) is None


@pytest.mark.parametrize("key", ["build-dir", "targets", "modules"])
def test_what_is_damaged_is_as_good_as_nothing(cache: Path, key: str) -> None:
    file = PROJECTS[0] / "wasmbuild.toml"
    project, data = load(file), file.read_bytes()
    remember(project, data, default_line=48)
    [path] = cache.iterdir()
    assert recalled(project, data) == project
    documents = usercache.Documents("declarations", 2)
    document = documents.recall(path.name)
    digest, _, _ = path.read_bytes().partition(b"\n")
    documents.remember(path.name, {**document, key: "../elsewhere"})
    # Whether another version of ours wrote it, or it is only damaged.
    assert recalled(project, data) is None
    _, _, changed = path.read_bytes().partition(b"\n")
    path.write_bytes(digest + b"\n" + changed)
    assert recalled(project, data) is None


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text(max_size=10), lambda v: st.lists(v, max_size=3)).map(
        lambda v: json.dumps(v).encode()
    )
)
def test_whatever_the_cache_holds_nothing_is_raised(tmp_path_factory: pytest.TempPathFactory, found: bytes) -> None:
    file = PROJECTS[0] / "wasmbuild.toml"
    project, data = load(file), file.read_bytes()
    remember(project, data, default_line=48)
    folder = usercache.directory() / "declarations"
    for path in folder.iterdir():
        path.write_bytes(found)
    assert recalled(project, data) is None


def test_an_unchanged_declaration_is_read_without_pydantic(tmp_path: Path) -> None:
    (tmp_path / "a.wat").write_text("(module)")
    (tmp_path / "wasmbuild.toml").write_text(
        '[project]\nname = "p"\n[targets.t]\ntriple = "pulley64"\n[modules.a]\nsource = "a.wat"\n'
    )
    code = "import sys; from wasmbuild.cli import main; print(main(['plan']), 'pydantic' in sys.modules)"
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for _ in range(2)
    ]
    assert said == ["0 True", "0 False"]
