"""The shortest look: it says yes only when every file is as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from building import load
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild import files
from wasmbuild.builder import noop
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.plan.graph import Plan, plan

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
    return plan(load(directory / "wasmbuild.toml"))


def note(made: Plan) -> None:
    digest = noop.digest(files.spelled(os.stat(path)) for path in PlanFiles(made).all)
    noop.file(made.state_dir).parent.mkdir(exist_ok=True)
    noop.file(made.state_dir).write_bytes(noop.to_bytes(noop.not_yet(made, CONFIG).identity, digest))


def holds(made: Plan, declaration: bytes) -> bool:
    return noop.look(made, declaration).whole


@pytest.fixture
def whole(tmp_path: Path) -> Plan:
    """Make all files of a whole build, and the note of it."""
    (tmp_path / "plugins").mkdir()
    for name in ("add.wat", "plugins/sub.wat"):
        (tmp_path / name).touch()
    (tmp_path / "wasmbuild.toml").write_text(DECLARATION)
    made = planned(tmp_path)
    for name in PlanFiles(made).all:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    note(made)
    return made


def test_an_unchanged_build_is_known(whole: Plan) -> None:
    assert holds(whole, CONFIG)


def test_the_files_are_the_sources_and_all_that_the_steps_make(whole: Plan) -> None:
    steps = list(whole.steps())
    outputs = {str(whole.directory / path) for step in steps for path in step.outputs}
    sources = {str(module.source) for module in whole.modules}
    assert sorted(PlanFiles(whole).all) == sorted(outputs | sources)


def test_every_file_counts(whole: Plan) -> None:
    for name in PlanFiles(whole).all:
        before = os.stat(name)
        os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert not holds(whole, CONFIG), name
        note(whole)
        assert holds(whole, CONFIG)
    for name in PlanFiles(whole).all:
        os.unlink(name)
        assert not holds(whole, CONFIG), name
        Path(name).write_text("again")


def test_another_declaration_is_another_build(whole: Plan) -> None:
    assert not holds(whole, CONFIG + b"\n")


def test_another_file_for_a_glob_is_another_build(whole: Plan) -> None:
    (whole.directory / "plugins" / "mul.wat").touch()
    assert not holds(planned(whole.directory), CONFIG)


def test_another_compiler_is_another_build(whole: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(whole.directory / "wasmtime"))
    assert not holds(whole, CONFIG)


def test_what_is_there_is_seen_where_something_is_missing(whole: Plan) -> None:
    gone, *rest = PlanFiles(whole).all
    os.unlink(gone)
    look = noop.look(whole, CONFIG)
    assert not look.whole
    assert list(look.signatures) == ["", *(files.spelled(os.lstat(path)) for path in rest)]


def test_what_was_built_is_known_by_what_is_remembered(whole: Plan) -> None:
    digest = noop.digest(files.spelled(os.stat(path)) for path in PlanFiles(whole).all)
    identity = noop.not_yet(whole, CONFIG).identity
    assert noop.is_of(whole, identity, digest)
    assert not noop.is_of(whole, identity, None)
    assert not noop.is_of(whole, noop.not_yet(whole, CONFIG + b"\n").identity, digest)


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
    assert not holds(empty, CONFIG)


def test_another_choice_of_targets_or_sources_is_another_build(whole: Plan) -> None:
    digest = noop.digest(files.spelled(os.stat(path)) for path in PlanFiles(whole).all)
    fewer = whole._replace(targets=(), artifacts=())
    elsewhere = whole._replace(modules=tuple(m._replace(source=m.source.with_suffix(".x")) for m in whole.modules))
    for other in (fewer, elsewhere):
        assert not noop.is_of(other, noop.not_yet(other, CONFIG).identity, digest)
