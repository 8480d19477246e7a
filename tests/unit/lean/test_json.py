"""JSON that is spelled without ``json`` is what that writes, and is read as that reads it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.lean import json as lean


@contextlib.contextmanager
def without_c(c: Any = None) -> Iterator[None]:
    """Be an interpreter that has no JSON in C, or another ``c``."""
    forget()
    with mock.patch.dict(sys.modules, {"_json": c}):
        yield
    forget()


def forget() -> None:
    for made in (lean._encoder, lean._reader):
        made.cache_clear()


def spell(value: Any, comma: str = ", ", colon: str = ": ") -> str:
    """Spell a value with what is in C, and without it."""
    spelled = lean.spell(value, comma, colon)
    with without_c():
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


@given(VALUES, st.sampled_from([None, 1]), st.sampled_from(["", " \r\n\t"]))
def test_it_is_read_as_json_reads_it(value: object, indent: int | None, around: str) -> None:
    text = f"{around}{json.dumps(value, indent=indent)}{around}"
    assert lean.read(text) == json.loads(text)
    with without_c():
        assert lean.read(text) == json.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[-Infinity, 1e3, 1.5, 10]", '{"a": 1, "a": 2}', '"\\ud800"'])
def test_what_is_rare_is_read_so_too(text: str) -> None:
    assert repr(lean.read(text)) == repr(json.loads(text))


WRONG = [
    "",
    " ",
    "{",
    "[1,]",
    "1 2",
    "nul",
    '"\t"',
    "\ufeff1",
    "{'a': 1}",
    '{"a"}',
    "[1]\x0b",
    "1" * 5000,
    '{"a',
    "[1,2",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_json_is_told_as_json_tells_it(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as told:
        json.loads(text)
    with pytest.raises(ValueError, match=r".") as ours:
        lean.read(text)
    assert str(ours.value) == str(told.value)


def test_json_is_not_imported_for_it() -> None:
    code = (
        "import sys\n"
        "from wasmbuild.lean.json import read, spell\n"
        'assert spell(read(\'{"b": ["x", 1, true, null], "a": "\\\\u20ac"}\')) '
        '== \'{"a": "\\\\u20ac", "b": ["x", 1, true, null]}\'\n'
        "assert not {'json', 're'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_what_is_no_json_is_told_where_json_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from wasmbuild.lean.json import read\n"
        f"for text in {WRONG!r}:\n"
        "    for name in [name for name in sys.modules if name.partition('.')[0] == 'json']: del sys.modules[name]\n"
        "    try: read(text)\n"
        "    except ValueError: continue\n"
        "    raise AssertionError(text)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_an_interpreter_that_is_asked_in_another_way_has_json_itself() -> None:
    other = mock.Mock()
    other.make_encoder.side_effect = other.make_scanner.side_effect = TypeError("it takes one more")
    with without_c(other):
        assert lean.read('{"a": 1}') == {"a": 1}
        assert lean.spell({"b": 1, "a": None}) == '{"a": null, "b": 1}'
    assert other.make_encoder.called
    assert other.make_scanner.called
