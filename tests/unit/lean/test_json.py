"""JSON that is spelled without ``json`` is what that writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.lean.json import spell

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES, st.sampled_from([(", ", ": "), (",", ":")]))
def test_it_is_spelled_as_json_spells_it(value: object, separators: tuple[str, str]) -> None:
    assert spell(value, *separators) == json.dumps(value, sort_keys=True, separators=separators)


@pytest.mark.parametrize("value", [{1: "a", 2: "b"}, ["\x7f"], {"é": '"\\'}])
def test_what_is_rare_is_spelled_so_too(value: object) -> None:
    assert spell(value) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], object(), {"a": {1}}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        spell(value)
