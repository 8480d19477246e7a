"""Keys of a declaration: dotted as TOML spells them, and what is wrong at one."""

from __future__ import annotations

from wasmbuild.text import is_bare, quoted

KeyPath = tuple[str | int, ...]
"""The parts of a dotted key; a number is an index into an array."""

Problem = tuple[KeyPath, str, str]
"""Where, from the table or case that is judged; what is wrong; what to write instead."""


def dotted(*parts: str | int) -> str:
    """Return a dotted key; a part that is not a bare key is quoted, a number is an index into an array."""
    key = ""
    for part in parts:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            key += ("." if key else "") + (part if is_bare(part) else quoted(part))
    return key
