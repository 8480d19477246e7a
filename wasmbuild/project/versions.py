"""Lines and versions of Wasmtime, as they are declared."""

from __future__ import annotations

import re
from collections.abc import Collection

from wasmbuild.engine.lines import known, own_release_only
from wasmbuild.engine.rules import line_problem
from wasmbuild.text import quoted, shown

_NUMBER = "(0|[1-9][0-9]{0,5})"
_PATCH = rf"\.{_NUMBER}\.{_NUMBER}"
_VERSION = re.compile(rf"[1-9][0-9]{{0,5}}({_PATCH})?")
_SOMEWHERE = re.compile(r"[1-9][0-9]*(\.[0-9]+\.[0-9]+)?")

_KNOWN = "|".join(map(str, known()))

PATTERN = f"^({_KNOWN})({_PATCH})?$"
"""A line that is known, or a version of one, as a regular expression."""

RELEASE_PATTERN = f"^({_KNOWN}){_PATCH}$"
"""A release of a line that is known, as a regular expression."""


def problem(wanted: str) -> tuple[str, str] | None:
    """Return problem and fix of what is neither a line that is known nor a version of one, or None."""
    if _VERSION.fullmatch(wanted):
        line, _ = split(wanted)
        unknown = line_problem(line)
        return None if unknown is None else (unknown, write_a_line() + _to_stay_on(line))
    found = _SOMEWHERE.search(wanted)
    right = found is not None and found[0] != wanted and problem(found[0]) is None
    fix = f"write {quoted(found[0])}" if found and right else write_a_line()
    return f"{quoted(wanted)} is neither a line nor a version of Wasmtime", fix


def release_problem(value: object) -> tuple[str, str] | None:
    """Return problem and fix of what is no release of Wasmtime, of whatever line, or None."""
    if isinstance(value, str) and "." in value and _VERSION.fullmatch(value):
        return None
    return f"{shown(value)} is no release of Wasmtime", f'write one such as "{ordinary()[0]}.0.0", in quotes'


def other_line_problem(release: str, lines: Collection[int]) -> tuple[str, str] | None:
    """Return problem and fix of a release that is to load artifacts and is of none of their lines, or None."""
    other, _ = split(release)
    if other in lines:
        return None
    known = " or ".join(map(str, sorted(set(lines))))
    fix = f"write a release of line {known}, or the line {other} as wasmtime under [toolchain] or in a target"
    return f"Wasmtime {release} loads no artifact of line {known}", fix


def own_release_problem(line: int, at_least: str | None, runtime: str | None) -> tuple[str, str] | None:
    """Return problem and fix of a target whose release is not known, or is told in two ways, or None.

    It has to be known on a line, as this one, whose releases load nothing but what they compiled themselves.
    """
    loads = f"a release of Wasmtime {line} loads what it compiled itself and nothing else"
    if at_least is None and runtime is None:
        return loads, f'write the one that loads these artifacts, as in wasmtime = "{line}.0.1"'
    if at_least is not None and runtime is not None and at_least != runtime:
        return f"{loads}, and runtime under [engine] is {runtime}", f"write {quoted(runtime)}, or leave runtime out"
    return None


def split(wanted: str) -> tuple[int, str | None]:
    """Return the line of one without a problem, and the lowest version of the compiler, None where that is open."""
    return int(wanted.partition(".")[0]), wanted if "." in wanted else None


def write_a_line() -> str:
    """Return lines that may be written by themselves, for the end of a message."""
    return f"write one of {', '.join(quoted(str(line)) for line in ordinary())}"


def ordinary() -> list[int]:
    """Return the known lines all of whose releases load the same artifacts, the lowest first."""
    return [line for line in known() if not own_release_only(line)]


def _to_stay_on(line: int) -> str:
    """Return what else to do where programs stay on a line whose artifacts fit one release alone, else nothing."""
    if not own_release_only(line):
        return ""
    return (
        f"; or, for programs that stay on line {line}, compile with `wasmtime compile` of the very release that they "
        "load with, since they take no other's artifacts"
    )
