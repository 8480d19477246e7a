"""Values of ``[toolchain]``: a line or version of Wasmtime, an amount of memory."""

from __future__ import annotations

import re

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.engine.lines import known
from wasmbuild.engine.rules import line_problem
from wasmbuild.lean_typing import NamedTuple
from wasmbuild.text import quoted

DEFAULT_MEMORY = 8 << 30
SECONDS = (1, 86400)
_BYTES = (1 << 20, 1 << 50)

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_AMOUNT = re.compile(r"([0-9]{1,12}) ?(B|KiB|MiB|GiB|TiB)")
_NEARLY = re.compile(r"\s*([0-9]{1,12})\s*([kmgtKMGT])i?[bB]?\s*")
_LINE = re.compile(r"[1-9][0-9]{0,5}")
_VERSION = re.compile(r"([1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}")
_SOMEWHERE = re.compile(r"[1-9][0-9]*(\.[0-9]+\.[0-9]+)?")


class Mistaken(NamedTuple):
    """What is wrong with a value, and what to write instead."""

    problem: str
    fix: str


def wasmtime_line(wanted: str | None, default_line: int) -> tuple[int, str | None] | Mistaken:
    """Return the line of Wasmtime and the lowest version of the compiler, which None leaves open."""
    lines = ", ".join(quoted(str(line)) for line in known())
    if wanted is None:
        if (problem := line_problem(default_line)) is not None:
            return Mistaken(f"is missing, and the installed library does not fit: {problem}", f"write one of {lines}")
        return default_line, None
    if not _LINE.fullmatch(wanted) and not _VERSION.fullmatch(wanted):
        found = _SOMEWHERE.search(wanted)
        meant = wasmtime_line(found[0], default_line) if found and found[0] != wanted else None
        right = found is not None and meant is not None and not isinstance(meant, Mistaken)
        fix = f"write {quoted(found[0])}" if found and right else f"write one of {lines}"
        return Mistaken(f"{quoted(wanted)} is neither a line nor a version of Wasmtime", fix)
    line = int(wanted.partition(".")[0])
    if (problem := line_problem(line)) is not None:
        return Mistaken(problem, f"write one of {lines}")
    return line, wanted if "." in wanted else None


def runtime_version(given: object) -> str | Mistaken:
    """Return the release of Wasmtime that will load artifacts."""
    if isinstance(given, str) and _VERSION.fullmatch(given):
        return given
    return Mistaken(f"{shown(given)} is no release of Wasmtime", f'write one such as "{known()[0]}.0.0", in quotes')


def memory_bytes(given: int | str) -> int | Mistaken:
    """Return an amount of memory in bytes."""
    if isinstance(given, int):
        size = given
    elif (match := _AMOUNT.fullmatch(given)) is not None:
        size = int(match[1]) << 10 * _UNITS.index(match[2])
    else:
        near = _NEARLY.fullmatch(given)
        fix = f"write {quoted(f'{near[1]} {near[2].upper()}iB')}" if near else 'write bytes, or text like "4 GiB"'
        return Mistaken(f"{quoted(given)} is no amount of memory", fix)
    if not _BYTES[0] <= size <= _BYTES[1]:
        return Mistaken(f"{shown(given)} is out of range", 'write an amount from "1 MiB" to "1024 TiB"')
    return size
