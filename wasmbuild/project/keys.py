"""Dotted keys as TOML spells them."""

from __future__ import annotations

from wasmbuild.text import is_bare, quoted


def dotted(*parts: str | int) -> str:
    """Return a dotted key; a part that is not a bare key is quoted, a number is an index into an array."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            key += ("." if key else "") + (part if is_bare(part) else quoted(part))
    return key
