"""Names of projects, targets and modules, which become file names."""

from __future__ import annotations

from wasmbuild.text import quoted

MAX_LENGTH = 200
"""Characters of one part of a name, so that with what is put behind it a file name stays below the usual 255 bytes."""

NAME_PATTERN = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
"""A part of a name as a regular expression, without the limit on length and what Windows reserves."""

_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
# Windows opens a device for these names, whatever follows a dot.
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{number}" for number in range(10)), *(f"lpt{number}" for number in range(10)))
)


def problem(name: str, *, module: bool = False) -> str | None:
    """Return what is wrong with a name, or None.

    Names are letters, digits, ``.``, ``_`` and ``-``; a module's may have parts divided by ``/``. No part starts with
    a dot, ends with one, is longer than ``MAX_LENGTH`` characters, or is a name that Windows keeps for a device: names
    become files and directories, on every system alike.
    """
    for part in name.split("/") if module else (name,):
        if not part:
            return "has an empty part" if name else "is empty"
        if part.startswith("."):
            return "has a part that starts with a dot" if module else "starts with a dot"
        if not _ALLOWED.issuperset(part):
            odd = next(character for character in part if character not in _ALLOWED)
            return f"contains {quoted(odd)}"
        if part.endswith("."):
            return "has a part that ends with a dot" if module else "ends with a dot"
        if len(part) > MAX_LENGTH:
            return f"has {len(part)} characters, at most {MAX_LENGTH} fit in a file name"
        if part.partition(".")[0].lower() in _DEVICES:
            return "is a name that Windows keeps for a device"
    return None


def rule(*, module: bool = False) -> str:
    """Return in words what a name may be, for the end of an error."""
    slash = ", with / between parts" if module else ""
    return f"use letters, digits, '.', '_' and '-'{slash}, and no dot in front"
