"""Versions, as Wasmtime has them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.versions import is_version, order

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
