"""Paths without pathlib are those of pathlib."""

from __future__ import annotations

import copy
import os
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.lean.pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere it is pathlib's own")

TEXT = st.text("./a~é", max_size=8)
NAMES = ("name", "stem", "suffix", "parent", "parents", "parts", "root")


@given(st.lists(TEXT, max_size=3))
def test_it_is_the_same_path(segments: list[str]) -> None:
    ours, real = Path(*segments), pathlib.PosixPath(*segments)
    assert (str(ours), repr(ours), bytes(ours), os.fspath(ours)) == (str(real), repr(real), bytes(real), str(real))
    assert [str(getattr(ours, name)) for name in NAMES[:-3]] == [str(getattr(real, name)) for name in NAMES[:-3]]
    assert [getattr(ours, name) for name in NAMES[-2:]] == [getattr(real, name) for name in NAMES[-2:]]
    assert [*map(str, ours.parents)] == [*map(str, real.parents)]
    assert ours.is_absolute() == real.is_absolute()
    assert str(ours.absolute()) == str(real.absolute())
    assert str(ours.as_posix()) == real.as_posix()
    assert copy.deepcopy(ours) == ours


@given(TEXT, TEXT)
def test_two_are_put_together_as_pathlib_does(first: str, second: str) -> None:
    wanted = str(pathlib.PosixPath(first) / second)
    assert str(Path(first) / second) == str(Path(first) / Path(second)) == wanted
    assert str(first / Path(second)) == str(pathlib.PosixPath(first) / Path(second)) == wanted
    assert str(Path(first) / pathlib.PosixPath(second)) == str(Path(first).joinpath(second)) == wanted


@given(TEXT, TEXT)
def test_they_compare_as_those_of_pathlib_and_with_them(first: str, second: str) -> None:
    ours, real = (Path(first), Path(second)), (pathlib.PosixPath(first), pathlib.PosixPath(second))
    same, before = real[0] == real[1], real[0] < real[1]
    assert (ours[0] == ours[1]) is (ours[0] == real[1]) is (real[0] == ours[1]) is same
    assert (ours[0] < ours[1]) is (ours[0] < real[1]) is before
    assert (ours[0] == pathlib.PurePosixPath(second)) is same
    assert len({ours[0], real[0]}) == 1
    assert ours[0] != first
    assert ours[0] != pathlib.PureWindowsPath(first)


@given(TEXT, TEXT)
def test_they_are_taken_by_what_is_done_with_those_of_pathlib(first: str, second: str) -> None:
    ours, real = Path(first), pathlib.PosixPath(first)
    below = Path(first, second)
    if below.is_relative_to(real):
        found = [str(path.relative_to(to)) for path in (below, pathlib.PosixPath(below)) for to in (ours, real, first)]
        assert set(found) == {str(pathlib.PosixPath(first, second).relative_to(first))}
    assert below.is_relative_to(ours) == pathlib.PosixPath(below).is_relative_to(ours) == below.is_relative_to(real)


def test_no_path_of_pathlib_is_made_to_compare_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("/a/b", "a", "/", "."):
        ours, real = Path(text), pathlib.PosixPath(text)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "_whole", lambda path: pytest.fail(f"made one of {path}"))
            assert ours == real == ours
            assert {real: text}[ours] == {ours: text}[real] == text
            assert ours != pathlib.PosixPath("b")


def test_what_is_rare_is_done_by_pathlib(tmp_path: pathlib.Path) -> None:
    made = Path(tmp_path, "a")
    made.write_text("text")
    assert made.read_bytes() == b"text"
    assert made.stat().st_size == 4
    assert [*Path(tmp_path).glob("*")] == [made]
    made.unlink()
    made.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        made.unlink()
    with pytest.raises(AttributeError, match="nothing"):
        made.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("home", ["/somewhere", "~"])
def test_home_is_where_pathlib_has_it(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", home))
    if home == "~":
        with pytest.raises(RuntimeError, match="home"):
            Path.home()
    else:
        assert str(Path.home()) == home
