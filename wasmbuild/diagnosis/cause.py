"""What a message of Wasmtime means, and how a table of messages is searched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from wasmbuild.lean.typing import NamedTuple


class Row(NamedTuple):
    """One message: ``pattern`` is a regular expression, ``cause`` the word for what it means.

    ``setting`` is the setting of ``[engine]`` that decides it, where there is one. ``lines`` are the lines of Wasmtime
    that say so, none where all do.
    """

    cause: str
    pattern: str
    setting: str = ""
    lines: tuple[int, ...] = ()


class Cause(NamedTuple):
    """What a message means: the row, the words that matched, and what they name (empty where they name nothing)."""

    row: Row
    said: str
    names: tuple[str, ...]

    @property
    def word(self) -> str:
        """The word for what it means."""
        return self.row.cause

    @property
    def setting(self) -> str:
        """The setting that decides it, or nothing."""
        return self.row.setting


def first(table: Sequence[Row], said: str, line: int | None = None) -> Cause | None:
    """Return the first row of a table whose message is in what was said, by a Wasmtime of ``line`` if that is known."""
    for row in table:
        if line is not None and row.lines and line not in row.lines:
            continue
        if match := _compiled(row.pattern).search(said):
            return Cause(row, match[0].strip(), tuple([name or "" for name in match.groups()]))
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)
