from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.formats.printable import LIMIT, printable


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
