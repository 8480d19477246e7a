"""JSON that is spelled without ``json`` is what that writes."""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.lean import json as lean


def spell(value: Any, comma: str = ", ", colon: str = ": ") -> str:
    """Spell a value as where ``json`` is not imported, which pytest does, and where it is."""
    with mock.patch.dict(sys.modules):
        del sys.modules["json"]
        spelled = lean.spell(value, comma, colon)
    assert lean.spell(value, comma, colon) == spelled
    return spelled


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


def test_what_records_hold_is_spelled_without_it() -> None:
    with mock.patch.dict(sys.modules):
        del sys.modules["json"]
        assert lean.spell({"b": ["x", 1, True, None], "a": {}}) == '{"a": {}, "b": ["x", 1, true, null]}'
        assert "json" not in sys.modules
