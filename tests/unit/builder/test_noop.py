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

CONFIG = b"[project]"


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, noop.Known]:
    """Make all files of a whole build, and the note of it."""
    root = tmp_path / "build"
    known = noop.Known(
        [["x64", "x86_64-unknown-linux-gnu", ["add", "plugins/sub"]]],
        {"add": str(tmp_path / "add.wat"), "plugins/sub": str(tmp_path / "sub.wat")},
        ["x64/add.wasm"],
        {"a": 1},
    )
    for name in noop.paths(root, known):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    data = noop.to_bytes(root, CONFIG, known, lambda path: files.signature(os.stat(path)))
    assert data is not None
    noop.file(root).parent.mkdir()
    noop.file(root).write_bytes(data)
    return root, known


def test_an_unchanged_build_is_known(whole: tuple[Path, noop.Known]) -> None:
    root, known = whole
    assert noop.read(root, CONFIG) == known
    assert known.ids() == ["add@x64", "plugins/sub@x64"]


def test_every_file_counts(whole: tuple[Path, noop.Known]) -> None:
    root, known = whole
    for name in noop.paths(root, known):
        before = os.stat(name)
        os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert noop.read(root, CONFIG) is None, name
        noop.file(root).write_bytes(
            noop.to_bytes(root, CONFIG, known, lambda path: files.signature(os.stat(path))) or b""
        )
        assert noop.read(root, CONFIG) == known
    for name in list(noop.paths(root, known)):
        os.unlink(name)
        assert noop.read(root, CONFIG) is None, name
        Path(name).write_text("again")


def test_another_declaration_is_another_build(whole: tuple[Path, noop.Known]) -> None:
    assert noop.read(whole[0], CONFIG + b"\n") is None


def test_a_file_that_was_too_young_leaves_no_note(whole: tuple[Path, noop.Known]) -> None:
    root, known = whole
    assert noop.to_bytes(root, CONFIG, known, lambda path: None) is None


@given(
    st.binary(max_size=80)
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["for", "targets", "others", "outside", "files"]), v),
    ).map(lambda v: json.dumps(v).encode())
)
def test_whatever_the_note_holds_it_is_never_believed(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.mktemp("build")
    noop.file(root).parent.mkdir()
    noop.file(root).write_bytes(data)
    assert noop.read(root, CONFIG) is None
