"""Output of which both ends are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.toolchain.streams import KEPT_BYTES, TruncatedText

CHUNKS = st.lists(st.integers(0, KEPT_BYTES + 10), max_size=6)


@given(CHUNKS)
def test_short_output_is_kept_whole_and_long_output_at_both_ends(sizes: list[int]) -> None:
    written = bytes(number % 251 for number in range(sum(sizes)))
    kept = TruncatedText()
    at = 0
    for size in sizes:
        kept.add(written[at : at + size])
        at += size
    if len(written) <= 2 * KEPT_BYTES:
        assert kept.bytes() == written
    else:
        dropped = len(written) - 2 * KEPT_BYTES
        gap = b"\n[%d bytes left out]\n" % dropped
        assert kept.bytes() == written[:KEPT_BYTES] + gap + written[-KEPT_BYTES:]


def test_text_is_safe_to_show() -> None:
    kept = TruncatedText()
    kept.add(b"a\r\nb\tc\x1b[0m\x07 \xff")
    assert kept.text() == "a\nb\tc\ufffd[0m\ufffd \ufffd"
