"""Globs of sources, the same on every machine: ``*``, ``?``, ``[a-z]`` in a part of a path, ``**`` for any parts."""

from __future__ import annotations

import os

from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_MAGIC = frozenset("*?[")

GLOB_PATTERN = r"[*?\[]"
"""What ``is_glob`` looks for, as a regular expression."""


def is_glob(pattern: str) -> bool:
    """Tell whether a path has wildcards."""
    return not _MAGIC.isdisjoint(pattern)


def expand(directory: Path, pattern: str, exclude: Iterable[str] = (), listed: list[str] | None = None) -> list[str]:
    """Return the files below ``directory`` that a pattern matches, as relative paths with forward slashes, sorted.

    Letters count as they are written, on every system. A wildcard matches no name that starts with a dot, and ``**``
    follows no link to a directory; ``..`` leads out of a linked ``directory`` by its name, as in all declared paths. A
    folder that is not there holds nothing. What a pattern of ``exclude`` matches is left out, and a folder that one of
    them covers whole is not looked into.

    To ``listed`` it adds the folders that decide that, ``.`` for the directory itself: what comes into one, or leaves
    it, gives it another time. For a folder that is not there, it is the one that it would come into.

    Raises OSError, with the folder as its ``filename``, where one cannot be listed: what is in it is not known.
    """
    visit = _Visit(directory, _covering(pattern, exclude), [] if listed is None else listed, set())
    return without_excluded(sorted(set(_match(visit, "", pattern.split("/")))), exclude)


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches a path that ``expand`` gives, whether such a file is there or not."""
    return _matches(pattern.split("/"), path.split("/"))


def literal(path: str) -> str:
    """Return the pattern that matches one path alone."""
    import re

    return re.sub(r"([*?\[])", r"[\1]", path)


def exclusion(path: str) -> str:
    """Return what the table of a glob says to leave out one path; empty where no message spells that as it is."""
    pattern = literal(path)
    return f"exclude = [{quoted(pattern)}]" if quoted(pattern) == f'"{pattern}"' else ""


def normal(path: str | os.PathLike[str]) -> str:
    """Return a path or pattern in its shortest spelling, with forward slashes: by that, it is compared with others."""
    return os.path.normpath(path).replace(os.sep, "/")


def without_excluded(matched: Sequence[str], exclude: Iterable[str]) -> list[str]:
    """Return the files of a glob that no pattern leaves out."""
    excluded = {normal(pattern) for pattern in exclude}
    globs = list(filter(is_glob, excluded))
    return [path for path in matched if path not in excluded and not any(matches(glob, path) for glob in globs)]


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
    # How many parts of the path those of the pattern so far may take: way by way would take too long with many **.
    counts = {0}
    for part in [*pattern, "*"] if pattern[-1] == "**" else pattern:
        if part == "**":
            for count in range(len(path) - 1):
                if count in counts and not path[count].startswith("."):
                    counts.add(count + 1)
        else:
            counts = {count + 1 for count in counts if count < len(path) and _fits(part, path[count])}
    return len(path) in counts


def _fits(part: str, name: str) -> bool:
    if name.startswith(".") and name != ".." and not part.startswith("."):
        return False
    return part == name or (is_glob(part) and bool(_matcher(part)(name)))


class _Visit(NamedTuple):
    """Of the folders below a directory, but for those that patterns cover; those that were seen are ``listed``.

    ``seen`` are folders with the parts that were looked for in them, which several ``**`` would look for many times.
    """

    directory: Path
    covering: list[list[str]]
    listed: list[str]
    seen: set[tuple[str, ...]]


def _covering(pattern: str, exclude: Iterable[str]) -> list[list[str]]:
    """Return the patterns, in parts, that leave out all that another one matches in a folder where they match any."""
    parts = pattern.split("/")
    if any(part.startswith(".") and part != ".." for part in parts):
        # It may match names that no ** does.
        return []
    found = [normal(each).split("/") for each in exclude]
    whole = [each[:-1] if each[-2:] in (["**", "*"], ["**", parts[-1]]) else each for each in found]
    return [each for each in whole if each[-1] == "**"]


def _match(visit: _Visit, below: str, parts: list[str]) -> Iterator[str]:
    if (below, *parts) in visit.seen:
        return
    visit.seen.add((below, *parts))
    first, *rest = parts
    if first == "**":
        yield from _match(visit, below, rest or ["*"])
        for entry in _entries(visit, below):
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _match(visit, f"{below}{entry.name}/", parts)
    elif rest and not is_glob(first):
        yield from _match(visit, f"{below}{first}/", rest)
    else:
        matches = _matcher(first)
        for entry in _entries(visit, below):
            if entry.name.startswith(".") and not first.startswith("."):
                continue
            if not matches(entry.name):
                continue
            if rest:
                if entry.is_dir():
                    yield from _match(visit, f"{below}{entry.name}/", rest)
            elif not _is_dir(entry):
                yield f"{below}{entry.name}"


def _entries(visit: _Visit, below: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder that is not covered, and note the one that decides it."""
    if any(_matches(covering, f"{below}x".split("/")) for covering in visit.covering):
        return []
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(os.path.normpath(visit.directory / below)) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        while below and not os.path.isdir(os.path.normpath(visit.directory / below)):
            below = below[: below.rstrip("/").rfind("/") + 1]
    visit.listed.append(below.rstrip("/") or ".")
    return found


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
