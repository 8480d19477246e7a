from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.verify.engine_sections import Explained, explain, line_up
from wasmbuild.verify.setting_changes import SettingChange, Variant

FLAGS = {"opt_level": "speed", "unwind_info": True}
# Numbers 5, 300, 1, and the features 0b1011.
TAIL = b"\x05\xac\x02\x01\x0b"


def variant(name: str, value: Any, declared: Any, tail: bytes = TAIL, flags: Any = FLAGS) -> Variant:
    return Variant(SettingChange(name, value, declared, {}), flags, tail)


VARIANTS = [
    variant("fuel", False, True, b"\x05\xac\x02\x00\x0b"),
    variant("size", 128 + 300, 300, b"\x05\xac\x03\x01\x0b"),
    variant("wasm-threads", False, True, b"\x05\xac\x02\x01\x09"),
    variant("both", "x", "y", b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True}),
    variant("unwind", False, True, flags={"opt_level": "speed", "unwind_info": False}),
    variant("nothing", True, False),
]


def told(tail: bytes, flags: Any = FLAGS) -> Explained:
    return explain((FLAGS, TAIL), (flags, tail), VARIANTS)


def values(explained: Explained) -> dict[str, Any]:
    return {change.name: change.value for change in explained.changes}


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (TAIL, {}),
        (b"\x05\xac\x02\x00\x0b", {"fuel": False}),
        (b"\x05\xac\x02\x01\x09", {"wasm-threads": False}),
        (b"\x05\x07\x01\x0b", {"size": 7}),
        (b"\x05\x07\x00\x09", {"fuel": False, "size": 7, "wasm-threads": False}),
    ],
)
def test_settings_are_told_apart_and_numbers_are_read(tail: bytes, expected: dict[str, Any]) -> None:
    explained = told(tail)
    assert values(explained) == expected
    assert (explained.flags, explained.unknown) == ({}, 0)


def test_what_changes_most_is_tried_first() -> None:
    explained = told(b"\x06\xac\x02\x00\x0b", {"opt_level": "none", "unwind_info": True})
    assert values(explained) == {"both": "x"}


def test_a_flag_of_a_setting_is_that_setting_and_another_one_is_itself() -> None:
    assert values(told(TAIL, {"opt_level": "speed", "unwind_info": False})) == {"unwind": False}
    assert told(TAIL, {**FLAGS, "is_pic": True}) == Explained((), {"is_pic": True}, 0)


def test_what_nothing_explains_is_counted() -> None:
    explained = told(b"\x09\xac\x02\x00\x0b")
    assert (values(explained), explained.unknown) == ({"fuel": False}, 1)
    assert told(b"").unknown


def test_rows_line_up_when_they_have_as_many_numbers() -> None:
    assert line_up(TAIL, b"\x01\x02\x03\x04")
    assert not line_up(TAIL, b"\x01\x02\x03\x04\x05")


@given(st.binary(max_size=2000), st.dictionaries(st.text(max_size=5), st.booleans() | st.integers(0, 255), max_size=4))
def test_any_section_can_be_explained(tail: bytes, flags: dict[str, Any]) -> None:
    explained = told(tail, flags)
    assert {change.name for change in explained.changes} <= {variant.change.name for variant in VARIANTS}
    assert explained.unknown >= 0
