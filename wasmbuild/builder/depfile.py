"""What an output depends on, as rules of Make, which Ninja reads too, and CMake in a form of its own.

How GNU Make 4.3 reads names was tried, because its manual leaves most of it open: a backslash stands for itself unless
a character follows that it protects; ``%`` counts in targets alone; ``=`` makes an assignment of a line whose first
dependency has it, or begins with it; ``*``, ``?`` and a bracket are globs; ``;`` begins a recipe whatever is before it,
and ``~`` is a home directory. Ninja and CMake know fewer escapes: what they misread they take for out of date, never
for up to date.
"""

from __future__ import annotations

import os

from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

# Most names are of these alone, and mean nothing else to anybody.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")
_PROTECTED = r"(\\*)([ \t#:*?\[|])"
_PROTECTED_IN_TARGET = r"(\\*)([ \t#:*?\[|%])"
# CMake takes back none of what protects a glob, and before 4 none of what protects a percent sign.
_PROTECTED_FOR_CMAKE = r"(\\*)([ \t#:])"
# Beside a glob or =, a backslash is read in other ways.
_NEVER = r"[\x00-\x08\x0a-\x1f;]|[\\ \t]$|^~|\\.*[*?\[=]|[*?\[=].*\\"
_NEVER_A_TARGET = r"[\t|=]|&$"
_LIKE_AN_ASSIGNMENT = r"^[:+?!]*="
# Make takes no such target, or in a spelling alone that Ninja reads as another name, and it has no output of that name.
_WITHOUT_RULE = r"[\t|=%]|&$"


def depfile(out: Path, inputs: Iterable[Path], *, for_cmake: bool = False) -> bytes:
    """Return the rule for an output, and an empty one for each input: one that is gone stops no build for ever.

    With ``for_cmake`` it is the rule alone: CMake makes the empty ones itself, and before 3.23 takes one without
    dependencies for one of another output. Names are in the encoding of the file system.

    Raises UsageError for a name that Make cannot be told.
    """
    names = list(dict.fromkeys(map(_named, inputs)))
    # Where the first name has =, the rule would be an assignment.
    names.sort(key=lambda name: "=" in name)
    target = _named(out)
    for name, refused in ((target, _NEVER_A_TARGET), *((name, None) for name in names)):
        if _has(name, _NEVER) or (refused is not None and _has(name, refused)):
            raise _unspeakable(name)
    if names and "=" in names[0]:
        raise _unspeakable(names[0])
    if for_cmake:
        return os.fsencode(f"{_rule(target, names, _PROTECTED_FOR_CMAKE, _PROTECTED_FOR_CMAKE)}\n")
    rule = _rule(target, names, _PROTECTED_IN_TARGET, _PROTECTED)
    empty = [f"{_protected(name, _PROTECTED)}:" for name in names if not _has(name, _WITHOUT_RULE) and name != target]
    return os.fsencode("\n".join([rule, *empty, ""]))


def _named(path: Path) -> str:
    text = path.as_posix()
    return f"./{text}" if _has(text, _LIKE_AN_ASSIGNMENT) else text


def _rule(target: str, names: list[str], in_target: str, in_names: str) -> str:
    return f"{_protected(target, in_target)}: {' '.join(_protected(name, in_names) for name in names)}"


def _protected(name: str, pattern: str) -> str:
    if _has(name, pattern):
        import re

        name = re.sub(pattern, r"\1\1\\\2", name)
    return name.replace("$", "$$")


def _has(name: str, pattern: str) -> bool:
    if _PLAIN.issuperset(name):
        return False
    import re

    return re.search(pattern, name) is not None


def _unspeakable(name: str) -> UsageError:
    return UsageError(
        f"{printable(name)}: Make cannot be told of this name, because of ; = | & ~ or a control character, a blank or "
        f"\\ at its end, or \\ beside a glob; rename the file or its directory, or leave --depfile out"
    )
