"""Paths in a declaration."""

from __future__ import annotations

import posixpath

PATH_PATTERN = r"^(?![/~])(?!.:)[^\\]+$"
"""A relative path as a regular expression, which takes some that ``path_problem`` does not."""

INSIDE_PATTERN = rf"^(?!\.$)(?!\.\.(/|$)){PATH_PATTERN.removeprefix('^')}"
"""The same of a path below a folder, for ``inside_problem``."""


def path_problem(text: str) -> tuple[str, str] | None:
    """Return problem and fix of a path from the folder of the file, which may lead out of it, or None."""
    if not text:
        return "is empty", "write a path from the folder of the file"
    if not text.isprintable():
        return "has a character that no path should have", "correct the path"
    if "\\" in text:
        return "has a backslash", "write / between the parts of a path, on Windows too"
    # Of Windows too; what begins with two slashes is one of POSIX.
    if text.startswith("/") or text[1:2] == ":":
        return "is an absolute path", "write a path from the folder of the file, so that it holds on every machine"
    if text.startswith("~"):
        return "starts with ~, which is not expanded", "write a path from the folder of the file"
    return None


def record_problem(path: str) -> str | None:
    """Say why no record can tell of a source by its normal path from the folder of the file, or None.

    Declared ones are held to more, but a glob finds whatever is there.
    """
    if "\\" in path:
        return "has a backslash in its path"
    if path[1:2] == ":":
        return "has a path that begins like a drive"
    if not path.isascii() and any("\ud800" <= character <= "\udfff" for character in path):
        return "has a path that is not Unicode text"
    return None


def inside_problem(text: str) -> tuple[str, str] | None:
    """Return problem and fix of a path of something below the folder of the file, or None."""
    if (wrong := path_problem(text)) is not None:
        return wrong
    first = posixpath.normpath(text).partition("/")[0]
    if first == "..":
        return "is outside the folder of the file", "name a directory in it"
    if first == ".":
        return "is the folder of the file itself", 'name a directory in it, such as "build"'
    return None
