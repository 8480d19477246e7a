"""What is wrong with a test case, whatever it calls: of declarations and of manifests."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from wasmbuild.project import cases
from wasmbuild.project.case_values import MAX_TEXT, MAX_VALUES, value_problems
from wasmbuild.project.cases import Case, Files, Wasi
from wasmbuild.project.keys import KeyPath, Problem
from wasmbuild.project.variables import nul_problem, variable_problem
from wasmbuild.text import quoted, shown

_FILE_NAME = re.compile(r"(?!\.\.?$)[A-Za-z0-9_.+@=, -]*[A-Za-z0-9_+@=-]")
_EVERYWHERE = "ASCII letters, digits, spaces and _.+@=,- are what every system has"
_IN_ROOT = f'write a path below the root, such as "data/in.txt": {_EVERYWHERE}'
_IN_FOLDER = f'write a directory below the folder of the file, such as "tests/data": {_EVERYWHERE}'


def problems(case: Case) -> list[Problem]:
    """Return all that is wrong with a case, whatever it calls."""
    found: list[Problem] = []
    outcomes = [key for key in ("returns", "traps", "exit") if getattr(case, key) is not None]
    if not outcomes:
        fix = 'write returns = […], or traps = "…"; or, of a program of WASI, exit = 0 and wasi = {}'
        found.append(((), "does not say what comes of the call", fix))
    for key in outcomes[1:]:
        found.append(((key,), f"a call has one outcome, and {outcomes[0]} is one already", "remove one of them"))
    if case.wasi is None:
        for key in ("exit", "stdout", "stderr"):
            if getattr(case, key) is not None:
                found.append(((key,), "is there for WASI only", "write wasi = {} too, or remove it"))
    for key, number, (low, high), what in (
        ("exit", case.exit, cases.EXITS, "an exit status"),
        ("fuel", case.fuel, cases.FUEL, "an amount of fuel"),
        ("time_limit", case.seconds, cases.SECONDS, "seconds"),
    ):
        if number is not None and not low <= number <= high:
            found.append(((key,), f"{shown(number)} is out of range", f"write {what} from {low} to {high}"))
    if case.imports not in (None, *cases.STAND_INS):
        fix = f"write {' or '.join(map(quoted, cases.STAND_INS))}, or leave it out"
        found.append((("imports",), f"{shown(case.imports)} can stand for no imports", fix))
    found += _texts(case)
    for key, values in (("args", case.args), ("returns", case.returns or ())):
        if len(values) > MAX_VALUES:
            found.append(((key,), f"has {len(values)} values, at most {MAX_VALUES} fit", "call it with fewer"))
        for index, value in enumerate(values[:MAX_VALUES]):
            found += [((key, index, *path), problem, fix) for path, problem, fix in value_problems(value)]
    return found


def _texts(case: Case) -> list[Problem]:
    found: list[Problem] = []
    if len(case.call) > cases.MAX_NAME:
        found.append((("call",), f"has {len(case.call)} characters", f"call an export of at most {cases.MAX_NAME}"))
    if case.traps == "":
        found.append((("traps",), "is empty", 'write a part of Wasmtime\'s words, such as "unreachable"'))
    long: list[tuple[KeyPath, str | None]] = [((key,), getattr(case, key)) for key in ("traps", "stdout", "stderr")]
    if case.wasi is not None:
        long.append((("wasi", "stdin"), case.wasi.stdin))
        long += [(("wasi", "files", name), content) for name, content in case.wasi.files]
        found += _strings(case.wasi)
    for path, text in long:
        if text is not None and len(text) > MAX_TEXT:
            found.append((path, f"has {len(text)} characters", f"write at most {MAX_TEXT}"))
    return found


def _strings(wasi: Wasi) -> list[Problem]:
    """Check what becomes strings of C, which end at a NUL."""
    found: list[Problem] = []
    for key, count in (("argv", len(wasi.argv)), ("env", len(wasi.env))):
        if count > MAX_VALUES:
            found.append((("wasi", key), f"has {count} entries", f"write at most {MAX_VALUES}"))
    entries: list[tuple[KeyPath, str, tuple[str, str] | None]] = [
        (("wasi", "argv", index), text, nul_problem(text)) for index, text in enumerate(wasi.argv)
    ]
    entries += [(("wasi", "env", name), value, variable_problem(name, value)) for name, value in wasi.env]
    for path, text, wrong in entries:
        if wrong is not None:
            found.append((path, *wrong))
        elif len(text) > MAX_TEXT:
            found.append((path, f"has {len(text)} characters", f"write at most {MAX_TEXT}"))
    if len(wasi.files) > cases.MAX_FILES:
        found.append((("wasi", "files"), f"has {len(wasi.files)} entries", f"write at most {cases.MAX_FILES}"))
    found += _files(("wasi", "files"), [name for name, _ in wasi.files], _IN_ROOT)
    for directory in wasi.dirs:
        if not _is_path(directory.path):
            found.append((("wasi", "dirs", directory.path), "is no path of a directory in it", _IN_FOLDER))
    return found


def _files(at: KeyPath, names: Sequence[str], fix: str) -> list[Problem]:
    """Check the paths of files, none of which may lie below another."""
    found: list[Problem] = []
    paths = {name for name in names if _is_path(name)}
    below = _below_others(paths)
    for name in names:
        if name not in paths:
            found.append(((*at, name), "is no path of a file", fix))
        elif name in below:
            found.append(((*at, name), "lies below another file", "correct one of them"))
    return found


def _below_others(paths: Iterable[str]) -> set[str]:
    """Return those paths that lie below another of them."""
    found: set[str] = set()
    above = None
    # With NUL for the slash, what lies below a path comes right behind it.
    for path in sorted(paths, key=lambda path: path.replace("/", "\0")):
        if above is not None and path.startswith(f"{above}/"):
            found.add(path)
        else:
            above = path
    return found


def directory_problems(files: Files) -> list[Problem]:
    """Return all that is wrong with what a directory holds."""
    if len(files) > cases.MAX_FILES:
        return [((), f"holds {len(files)} files", f"name a directory with at most {cases.MAX_FILES}")]
    found = _files((), [name for name, _ in files], f"rename it: {_EVERYWHERE}")
    if sum(len(content) for _, content in files) > cases.MAX_DIRECTORY * 4 // 3 + 4 * len(files):
        found.append(((), f"holds more than {cases.MAX_DIRECTORY >> 20} MiB", "name a smaller directory"))
    for name, content in files:
        try:
            base64.b64decode(content, validate=True)
        except ValueError:
            found.append(((name,), "is no base64", "correct it"))
    return found


def _is_path(name: str) -> bool:
    """Tell whether a text is a relative path that every system has and that leads nowhere else."""
    parts = name.split("/")
    return len(name) <= cases.MAX_FILE_PATH and all(_FILE_NAME.fullmatch(part) for part in parts)
