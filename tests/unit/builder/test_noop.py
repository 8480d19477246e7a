"""The shortest look: it says yes only when every file is as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import files
from wasmbuild.builder import noop
from wasmbuild.plan.graph import Plan, plan
from wasmbuild.project.config import load

CONFIG = b"[project]"
DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.add]
source = "add.wat"
ship-source = true
[modules."plugins/*"]
source = "plugins/*.wat"
"""


def planned(directory: Path) -> Plan:
    return plan(load(directory / "wasmbuild.toml", default_line=48))


def note(made: Plan) -> None:
    data = noop.to_bytes(made, CONFIG, lambda path: files.signature(os.stat(path)))
    assert data is not None
    noop.file(made.state_dir).parent.mkdir(exist_ok=True)
    noop.file(made.state_dir).write_bytes(data)


@pytest.fixture
def whole(tmp_path: Path) -> Plan:
    """Make all files of a whole build, and the note of it."""
    (tmp_path / "plugins").mkdir()
    for name in ("add.wat", "plugins/sub.wat"):
        (tmp_path / name).touch()
    (tmp_path / "wasmbuild.toml").write_text(DECLARATION)
    made = planned(tmp_path)
    for name in noop.paths(made):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    note(made)
    return made


def test_an_unchanged_build_is_known(whole: Plan) -> None:
    assert noop.holds(whole, CONFIG)


def test_the_files_are_the_sources_and_all_that_the_steps_make(whole: Plan) -> None:
    steps = list(whole.steps())
    outputs = {str(whole.directory / path) for step in steps for path in step.outputs}
    sources = {str(module.source) for module in whole.modules}
    assert sorted(noop.paths(whole)) == sorted(outputs | sources)


def test_every_file_counts(whole: Plan) -> None:
    for name in noop.paths(whole):
        before = os.stat(name)
        os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert not noop.holds(whole, CONFIG), name
        note(whole)
        assert noop.holds(whole, CONFIG)
    for name in noop.paths(whole):
        os.unlink(name)
        assert not noop.holds(whole, CONFIG), name
        Path(name).write_text("again")


def test_another_declaration_is_another_build(whole: Plan) -> None:
    assert not noop.holds(whole, CONFIG + b"\n")


def test_another_file_for_a_glob_is_another_build(whole: Plan) -> None:
    (whole.directory / "plugins" / "mul.wat").touch()
    assert not noop.holds(planned(whole.directory), CONFIG)


def test_another_compiler_is_another_build(whole: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(whole.directory / "wasmtime"))
    assert not noop.holds(whole, CONFIG)


def test_a_file_that_was_too_young_leaves_no_note(whole: Plan) -> None:
    assert noop.to_bytes(whole, CONFIG, lambda path: None) is None


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    directory = tmp_path_factory.mktemp("empty")
    (directory / "add.wat").touch()
    (directory / "wasmbuild.toml").write_text(DECLARATION.partition('[modules."')[0])
    made = planned(directory)
    noop.file(made.state_dir).parent.mkdir(parents=True)
    return made


@given(
    st.binary(max_size=80)
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["for", "files"]), v),
    ).map(lambda v: json.dumps(v).encode())
)
def test_whatever_the_note_holds_it_is_never_believed(empty: Plan, data: bytes) -> None:
    noop.file(empty.state_dir).write_bytes(data)
    assert not noop.holds(empty, CONFIG)
