from __future__ import annotations

import errno
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.builder.test_scaling import FEW, MANY, calls

from wasmbuild.project import globs


def folders(directory: Path, pattern: str) -> list[str]:
    """Return the folders that decide what a pattern matches."""
    listed: list[str] = []
    globs.expand(directory, pattern, listed=listed)
    return sorted(set(listed))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.wasm",
        "b.wat",
        "C.WASM",
        ".hidden.wasm",
        "sub/a.wasm",
        "sub/deep/a.wasm",
        ".git/x.wasm",
        "s1/a.wat",
    ):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "root" / "directory.wasm").mkdir()
    (tmp_path / "beside.wasm").touch()
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.wasm", ["a.wasm"]),
        ("*.wa[st]*", ["a.wasm", "b.wat"]),
        ("?.wat", ["b.wat"]),
        ("a.*", ["a.wasm"]),
        (".*.wasm", [".hidden.wasm"]),
        ("*", ["C.WASM", "a.wasm", "b.wat"]),
        ("sub/*.wasm", ["sub/a.wasm"]),
        ("s*/a.*", ["s1/a.wat", "sub/a.wasm"]),
        ("**/*.wasm", ["a.wasm", "sub/a.wasm", "sub/deep/a.wasm"]),
        ("sub/**/a.wasm", ["sub/a.wasm", "sub/deep/a.wasm"]),
        ("sub/**", ["sub/a.wasm", "sub/deep/a.wasm"]),
        ("../*.wasm", ["../beside.wasm"]),
        ("nothing/*", []),
        ("a.wasm/*", []),
        ("[.wasm", []),
    ],
)
def test_patterns(tree: Path, pattern: str, found: list[str]) -> None:
    assert globs.is_glob(pattern)
    assert globs.expand(tree, pattern) == found
    everything = {*globs.expand(tree, "**"), "../beside.wasm", ".hidden.wasm", "sub/.x/a.wasm"}
    assert {path for path in everything if globs.matches(pattern, path)} == set(found)


@pytest.mark.parametrize("name", ["a[1].wasm", "a*.wasm", "what?/[x", "plain"])
def test_a_literal_matches_that_path_alone(name: str) -> None:
    assert globs.matches(globs.literal(name), name)
    assert not globs.matches(globs.literal(name), name.replace("*", "b").replace("[", "").replace("?", "t") + "x")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_links_to_directories_are_not_followed_by_any_depth(tree: Path) -> None:
    (tree / "loop").symlink_to(tree)
    assert globs.expand(tree, "**/b.wat") == ["b.wat"]
    assert globs.expand(tree, "loop/*.wat") == ["loop/b.wat"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_a_link_to_itself_is_a_file_and_no_folder(tree: Path) -> None:
    loop = tree / "loop"
    loop.symlink_to(loop)
    assert globs.expand(tree, "l*") == ["loop"]
    for pattern in ("loop/*", "*/a.wasm"):
        with pytest.raises(OSError, match=os.strerror(errno.ELOOP)) as error:
            globs.expand(tree, pattern)
        assert error.value.filename in (str(loop), loop)


def test_a_folder_that_may_not_be_listed_is_not_an_empty_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError):
        globs.expand(tree, "sub/*.wasm")


def test_paths_without_wildcards() -> None:
    assert not globs.is_glob("src/checksum.wat")


def test_the_folders_that_decide_what_is_matched(tmp_path: Path) -> None:
    for name in ("a/b/c.wasm", "a/d.wasm", ".hidden/e.wasm", "f/g.wat"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert folders(tmp_path, "a/*.wasm") == ["a"]
    assert folders(tmp_path, "*.wasm") == ["."]
    assert folders(tmp_path, "*/*.wasm") == [".", "a", "f"]
    assert folders(tmp_path, "a/**/*.wasm") == ["a", "a/b"]
    assert folders(tmp_path, "gone/*.wasm") == ["."]


def test_the_folder_decides_that_another_one_would_come_into(tmp_path: Path) -> None:
    for name in ("lib/a/README", "lib/b/pkg/b.wasm", "lib/c/pkg", "lib/file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert folders(tmp_path, "lib/*/pkg/*.wasm") == ["lib", "lib/a", "lib/b/pkg", "lib/c"]
    assert folders(tmp_path, "lib/*/pkg/b.wasm") == ["lib", "lib/a", "lib/b/pkg", "lib/c"]
    assert folders(tmp_path, "l*/b/pkg/deep/er/*.wasm") == [".", "lib/b/pkg"]
    assert folders(tmp_path, "lib/**/pkg/*.wasm") == ["lib", "lib/a", "lib/b", "lib/b/pkg", "lib/c"]
    assert globs.expand(tmp_path, "lib/*/pkg/*.wasm") == ["lib/b/pkg/b.wasm"]
    assert folders(tmp_path / "lib", "../gone/*.wasm") == [".."]


@pytest.mark.parametrize(
    ("exclude", "listed"),
    [
        ("out/**", [".", "lib", "lib/out"]),
        ("./out/**/*", [".", "lib", "lib/out"]),
        ("o*/**/*.wasm", [".", "lib", "lib/out"]),
        ("**/out/**", [".", "lib"]),
        ("out/a/**", [".", "lib", "lib/out", "out"]),
        ("out/**/*.wat", [".", "lib", "lib/out", "out", "out/a"]),
        ("out/*", [".", "lib", "lib/out", "out", "out/a"]),
        ("out/x**", [".", "lib", "lib/out", "out", "out/a"]),
        ("**", []),
    ],
)
def test_a_folder_that_is_left_out_whole_is_not_looked_into(tmp_path: Path, exclude: str, listed: list[str]) -> None:
    for name in ("lib/out/b.wasm", "out/a/b.wasm"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    folders: list[str] = []
    found = globs.expand(tmp_path, "**/*.wasm", [exclude], folders)
    assert sorted(set(folders)) == listed
    assert found == globs.without_excluded(globs.expand(tmp_path, "**/*.wasm"), [exclude])


def test_names_with_a_dot_are_left_out_by_no_depth(tmp_path: Path) -> None:
    (tmp_path / "out/.a").mkdir(parents=True)
    (tmp_path / "out/.a/b.wasm").touch()
    assert globs.expand(tmp_path, "out/.*/*.wasm", ["out/**"]) == ["out/.a/b.wasm"]


@given(
    st.text("ab*.", max_size=8).filter(lambda part: part not in ("", "**")), st.text("ab.\n", min_size=1, max_size=8)
)
def test_a_star_stands_for_what_fnmatch_says(part: str, name: str) -> None:
    name, part = f"x{name}", f"x{part}"
    assert globs.matches(part, name) == fnmatchcase(name, part)


def test_what_is_left_out_is_what_is_named_and_what_a_glob_matches() -> None:
    found = ["a.wasm", "b/a.wasm", "b/c.wasm", "d.wasm", "e.wasm", "f.wasm"]
    assert globs.without_excluded(found, ["./a.wasm", "b//c.wasm", "[d].wasm", "e*"]) == ["b/a.wasm", "f.wasm"]


def test_what_a_file_costs_does_not_grow_with_the_number_of_those_that_are_left_out_by_name() -> None:
    def cost(files: int) -> float:
        found = [f"m/{number}.wasm" for number in range(files)]
        return calls(lambda: globs.without_excluded(found, found[::2])) / files

    assert cost(MANY) < cost(FEW) * 1.1


@pytest.mark.parametrize(("pattern", "exclude"), [("**/" * 10 + "*.wat", "x"), ("**", "**/" * 10 + "x.wat")])
def test_what_a_tree_costs_does_not_multiply_with_each_depth_of_a_pattern(
    tmp_path: Path, pattern: str, exclude: str
) -> None:
    names = ["d/" * depth + "m.wat" for depth in range(9, -1, -1)]
    (tmp_path / names[0]).parent.mkdir(parents=True)
    for name in names:
        (tmp_path / name).touch()
    assert calls(lambda: globs.expand(tmp_path, pattern, [exclude])) < 10_000
    assert globs.expand(tmp_path, pattern, [exclude]) == sorted(names)
