from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.text import LIMIT, listed, printable, quoted, suggestion


@given(st.text(st.characters(exclude_categories=()), max_size=2 * LIMIT))
def test_whatever_is_shown_is_one_short_line_without_controls(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= LIMIT
    shown.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=LIMIT))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_escapes_overrides_and_halves_of_characters_are_written_out() -> None:
    assert printable("a\x1b[31mb\u202ec\ud800\n") == "a\\x1b[31mb\\u202ec\\ud800\\n"
    assert printable("ab" * 10, limit=8) == "abababa…"


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@given(st.text())
def test_quoted_text_is_safe_to_show(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert shown[0] == shown[-1] == '"'
    assert len(text) > 80 or len(shown) <= 10 * len(text) + 2


def test_suggestions() -> None:
    known = ["wasm-threads", "embedder", "Debug"]
    assert suggestion("wasm_threads", known) == "wasm-threads"
    assert suggestion("embeder", known) == "embedder"
    assert suggestion("debug", known) == "Debug"
    assert suggestion("zzz", known) is None


def test_long_texts_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def close(word: str, known: Iterable[str], **_: object) -> list[str]:
        compared.extend([word, *known])
        return []

    monkeypatch.setattr("difflib.get_close_matches", close)
    assert suggestion("x" * 81, ["x" * 80]) is None
    assert suggestion("X" * 1000, ["x" * 1000]) == "x" * 1000
    assert compared == []
    assert suggestion("x" * 80, ["y" * 81, "y" * 80]) is None
    assert compared == ["x" * 80, "y" * 80]
