from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.project import names


@pytest.mark.parametrize("name", ["a", "edge-filters", "x86_64", "v1.2", "-x", "_", "0", "a..b", "x" * 200])
def test_good_names(name: str) -> None:
    assert names.problem(name) is None
    assert names.problem(f"plugins/{name}", module=True) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        ("a b", 'contains " "'),
        ("a/b", 'contains "/"'),
        ("a\\b", 'contains "\\\\"'),
        ("é", 'contains "é"'),
        ("a\nb", 'contains "\\n"'),
        ("a\n", 'contains "\\n"'),
        ("\x1b[31m", 'contains "\\x1b"'),
        ("\ud800", 'contains "\\ud800"'),
        (".", "starts with a dot"),
        ("..", "starts with a dot"),
        (".hidden", "starts with a dot"),
        ("a.", "ends with a dot"),
        ("x" * 201, "has 201 characters, at most 200 fit in a file name"),
        ("con", "is a name that Windows keeps for a device"),
        ("NUL.txt", "is a name that Windows keeps for a device"),
        ("com1", "is a name that Windows keeps for a device"),
    ],
)
def test_bad_names(name: str, problem: str) -> None:
    assert names.problem(name) == problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/a", "has an empty part"),
        ("a/", "has an empty part"),
        ("a//b", "has an empty part"),
        ("", "is empty"),
        ("a/../b", "has a part that starts with a dot"),
        ("../a", "has a part that starts with a dot"),
        ("a/.b", "has a part that starts with a dot"),
        ("a./b", "has a part that ends with a dot"),
        ("a/aux.b/c", "is a name that Windows keeps for a device"),
    ],
)
def test_bad_names_of_modules(name: str, problem: str) -> None:
    assert names.problem(name, module=True) == problem


@given(st.text())
def test_a_good_name_is_a_file_name_everywhere(name: str) -> None:
    if names.problem(name) is None:
        assert name.isascii()
        assert name.isprintable()
        assert not set(name) & set('/\\:*?"<>| ')
        assert name[0] != "."
