"""Showing text from untrusted files to people."""

from __future__ import annotations

LIMIT = 200
"""Characters of a shown text, escapes included, after which it is cut."""


def printable(text: object, limit: int = LIMIT) -> str:
    """Return ``str(text)`` as one line that is safe to show on a terminal.

    Whatever Unicode does not call printable (controls, escapes, bidirectional overrides, invisible and private
    characters, surrogates, line separators) is written as a backslash escape, and what is longer than ``limit``
    characters ends in ``…``.
    """
    shown = str(text)
    cut = shown[: limit + 1]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"
