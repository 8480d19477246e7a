"""Paths in a declaration."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath


def path_problem(text: str, *, above: bool) -> tuple[str, str] | None:
    """Return problem and fix of a path in the file; ``above`` tells whether it may leave the file's folder."""
    if not text:
        return "is empty", "write a path from the folder of the file"
    if not text.isprintable():
        return "has a character that no path should have", "correct the path"
    if "\\" in text:
        return "has a backslash", "write / between the parts of a path, on Windows too"
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive:
        return "is an absolute path", "write a path from the folder of the file, so that it holds on every machine"
    if text.startswith("~"):
        return "starts with ~, which is not expanded", "write a path from the folder of the file"
    if not above and os.path.normpath(text).startswith(".."):
        return "is outside the folder of the file", "name a directory in it"
    return None
