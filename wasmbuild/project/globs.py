"""Globs of sources, the same on every machine: ``*``, ``?``, ``[a-z]`` in a part of a path, ``**`` for any parts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")


def is_glob(pattern: str) -> bool:
    """Tell whether a path has wildcards."""
    return _MAGIC.search(pattern) is not None


def expand(directory: Path, pattern: str) -> list[str]:
    """Return the files below ``directory`` that a pattern matches, as relative paths with forward slashes, sorted.

    Letters count as they are written, on every system. A wildcard matches no name that starts with a dot, and ``**``
    follows no link to a directory. A folder that is not there holds nothing.

    Raises OSError, with the folder as its ``filename``, where one cannot be listed: what is in it is not known.
    """
    parts = pattern.split("/")
    return sorted(set(_match(directory, "", parts)))


def _match(directory: Path, below: str, parts: list[str]) -> Iterator[str]:
    first, *rest = parts
    if first == "**":
        yield from _match(directory, below, rest or ["*"])
        for entry in _entries(directory, below):
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _match(directory, f"{below}{entry.name}/", parts)
    elif rest and not is_glob(first):
        yield from _match(directory, f"{below}{first}/", rest)
    else:
        matches = re.compile(_translate(first)).fullmatch
        for entry in _entries(directory, below):
            if entry.name.startswith(".") and not first.startswith("."):
                continue
            if matches(entry.name) is None:
                continue
            if rest:
                if entry.is_dir():
                    yield from _match(directory, f"{below}{entry.name}/", rest)
            elif not _is_dir(entry):
                yield f"{below}{entry.name}"


def _entries(directory: Path, below: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory / below) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, say: whoever reads it says what is wrong with it.
        return False


def _translate(part: str) -> str:
    from fnmatch import translate

    return translate(part)
