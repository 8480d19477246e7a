"""Globs of sources, the same on every machine: ``*``, ``?``, ``[a-z]`` in a part of a path, ``**`` for any parts."""

from __future__ import annotations

import os

from wasmbuild.lean.paths import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_MAGIC = frozenset("*?[")

GLOB_PATTERN = r"[*?\[]"
"""What ``is_glob`` looks for, as a regular expression."""


def is_glob(pattern: str) -> bool:
    """Tell whether a path has wildcards."""
    return not _MAGIC.isdisjoint(pattern)


def expand(directory: Path, pattern: str) -> list[str]:
    """Return the files below ``directory`` that a pattern matches, as relative paths with forward slashes, sorted.

    Letters count as they are written, on every system. A wildcard matches no name that starts with a dot, and ``**``
    follows no link to a directory. A folder that is not there holds nothing.

    Raises OSError, with the folder as its ``filename``, where one cannot be listed: what is in it is not known.
    """
    return sorted(set(_match(directory, "", pattern.split("/"), [])))


def folders(directory: Path, pattern: str) -> list[str]:
    """Return the folders that decide what a pattern matches, as ``expand`` does files; ``.`` is the directory itself.

    What comes into one, or leaves it, gives it another time. For a folder that is not there, it is the one that it
    would come into. Raises OSError, as ``expand`` does.
    """
    listed: list[str] = []
    for _ in _match(directory, "", pattern.split("/"), listed):
        pass
    return sorted({below.rstrip("/") or "." for below in listed})


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches a path that ``expand`` gives, whether such a file is there or not."""
    return _matches(pattern.split("/"), path.split("/"))


def literal(path: str) -> str:
    """Return the pattern that matches one path alone."""
    import re

    return re.sub(r"([*?\[])", r"[\1]", path)


def normal(path: str) -> str:
    """Return a declared path or pattern as others are compared with it."""
    return os.path.normpath(path).replace(os.sep, "/")


def without_excluded(matched: Sequence[str], exclude: Iterable[str]) -> list[str]:
    """Return the files of a glob that no pattern leaves out."""
    excluded = [normal(pattern) for pattern in exclude]
    return [path for path in matched if not any(matches(pattern, path) for pattern in excluded)]


def module_name(key: str, pattern: str, path: str) -> str:
    """Return the name of a module that a glob found: the stem for ``*`` in the key, the path below for ``**``."""
    stem = path.rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    if "**" not in key:
        return key.replace("*", stem)
    fixed = ""
    for part in pattern.split("/")[:-1]:
        if is_glob(part):
            break
        fixed += f"{part}/"
    folder = path[len(fixed) :].rpartition("/")[0]
    return key.replace("**", f"{folder}/{stem}" if folder else stem)


def _matches(pattern: list[str], path: list[str]) -> bool:
    first, *rest = pattern
    if first == "**":
        if _matches(rest or ["*"], path):
            return True
        return len(path) > 1 and not path[0].startswith(".") and _matches(pattern, path[1:])
    if not path or (path[0].startswith(".") and path[0] != ".." and not first.startswith(".")):
        return False
    if first != path[0] and (not is_glob(first) or not _matcher(first)(path[0])):
        return False
    return _matches(rest, path[1:]) if rest else len(path) == 1


def _match(directory: Path, below: str, parts: list[str], listed: list[str]) -> Iterator[str]:
    first, *rest = parts
    if first == "**":
        yield from _match(directory, below, rest or ["*"], listed)
        for entry in _entries(directory, below, listed):
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _match(directory, f"{below}{entry.name}/", parts, listed)
    elif rest and not is_glob(first):
        yield from _match(directory, f"{below}{first}/", rest, listed)
    else:
        matches = _matcher(first)
        for entry in _entries(directory, below, listed):
            if entry.name.startswith(".") and not first.startswith("."):
                continue
            if not matches(entry.name):
                continue
            if rest:
                if entry.is_dir():
                    yield from _match(directory, f"{below}{entry.name}/", rest, listed)
            elif not _is_dir(entry):
                yield f"{below}{entry.name}"


def _entries(directory: Path, below: str, listed: list[str]) -> list[os.DirEntry[str]]:
    """Return what is in a folder, and note in ``listed`` the one that decides it."""
    try:
        with os.scandir(directory / below) as entries:
            found = list(entries)
            listed.append(below)
            return found
    except (FileNotFoundError, NotADirectoryError):
        while below and not os.path.isdir(directory / below):
            below = below[: below.rstrip("/").rfind("/") + 1]
        listed.append(below)
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, say: whoever reads it says what is wrong with it.
        return False


def _matcher(part: str) -> Callable[[str], object]:
    """Return what tells whether the name of a file matches a part of a pattern."""
    if _MAGIC.isdisjoint(part.replace("*", "")):
        return lambda name: _has_pieces(name, part.split("*"))
    import re
    from fnmatch import translate

    return re.compile(translate(part)).fullmatch


def _has_pieces(name: str, pieces: list[str]) -> bool:
    """Tell whether a name is these pieces, with anything between two of them."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return name == first
    at, end = len(first), len(name) - len(last)
    if at > end or not (name.startswith(first) and name.endswith(last)):
        return False
    for piece in pieces[1:-1]:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
