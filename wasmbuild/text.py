"""Text for people: what is untrusted made safe to show, lists cut short, and what was probably meant."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIMIT = 200
"""Characters of a shown text, escapes included, after which it is cut."""

_QUOTED = 80
# Comparing two long texts takes time with the square of their length, and nobody mistypes them.
_COMPARED = 80
# Of one as PEM, of that in Base64 as CI services are given it, and of one for Ed25519 without its PEM.
_PRIVATE_KEYS = ("PRIVATE KEY-----", "LS0tLS1CRUdJTi", "MC4CAQAw")
_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def printable(text: object, limit: int = LIMIT) -> str:
    """Return ``str(text)`` as one line that is safe to show on a terminal.

    Whatever Unicode does not call printable (controls, escapes, bidirectional overrides, invisible and private
    characters, surrogates, line separators) is written as a backslash escape, and what is longer than ``limit``
    characters ends in ``…``.
    """
    shown = escaped(str(text)[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def escaped(text: str, kept: str = "") -> str:
    """Return text with an escape, as of ``printable``, for each character that is neither printable nor kept."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str) -> str:
    """Return text in double quotes, shortened, and safe to show on a terminal; a private key is shown to nobody."""
    if is_private_key(text):
        return '"(a private key)"'
    if len(text) > _QUOTED:
        text = text[: _QUOTED - 1] + "…"
    return '"' + escaped(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def is_private_key(text: str) -> bool:
    """Tell whether text that was to be something else is a private key."""
    return any(sign in text for sign in _PRIVATE_KEYS)


def is_bare(key: str) -> bool:
    """Tell whether a key is written without quotes, as TOML 1.0 has it."""
    return bool(key) and _BARE.issuperset(key)


def shown(value: object) -> str:
    """Return a declared value as TOML spells it, shortened, for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to print integers of thousands of digits.
        return str(value) if abs(value) < 10**40 else "an enormous number"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return repr(value)
    from collections.abc import Mapping

    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "an array"
    return "nothing" if value is None else "a date or time"


def listed(items: Sequence[str], most: int = 5) -> str:
    """Return items with commas between them, the first ``most`` and how many more there are."""
    first = ", ".join(items[:most])
    return f"{first} {and_more(len(items) - most)}" if len(items) > most else first


def and_more(count: int) -> str:
    """Tell how many are left that are not shown, which are some."""
    return f"and {count} more"


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` that was probably meant, or None."""
    from difflib import get_close_matches

    folded = {candidate.lower().replace("_", "-"): candidate for candidate in known}
    wanted = word.lower().replace("_", "-")
    if wanted in folded:
        return folded[wanted]
    if len(wanted) > _COMPARED:
        return None
    short = [candidate for candidate in folded if len(candidate) <= _COMPARED]
    matches = get_close_matches(wanted, short, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None
