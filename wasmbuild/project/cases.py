"""Test cases: one call of an export, and what has to come of it.

They are declared in ``wasmbuild.toml``, travel in manifests, and are executed on the artifact by ``verify``. Values
are those of JSON. Of a core module's values

* i32 and i64 are whole numbers, signed or unsigned: both spellings are the same value;
* f32 and f64 are numbers, or ``"nan"``, ``"inf"``, ``"-inf"``; an f32 is rounded from the f64 that is written;
* v128 is an object of one key, the shape, and its lanes, the lowest first: ``{"i32x4": [1, 2, 3, 4]}``.

Of a component's values booleans, numbers, text and names of enums are what JSON calls them, lists, tuples and flags are
arrays, records objects; ``wasmbuild/verify/probe_components.py`` has the others.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.lean_typing import Any, NamedTuple
from wasmbuild.text import printable, quoted

Value = bool | int | float | str | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]
Problem = tuple[Path, str, str]
"""Where in a case, in terms of its JSON form; what is wrong; what to write instead."""

SHAPES = {
    "i8x16": ("i8", 16),
    "i16x8": ("i16", 8),
    "i32x4": ("i32", 4),
    "i64x2": ("i64", 2),
    "f32x4": ("f32", 4),
    "f64x2": ("f64", 2),
}
"""Shapes of a v128: the type of a lane, and how many of them there are."""

DEFAULT_SECONDS = 10
SECONDS = (1, 3600)
FUEL = (1, (1 << 63) - 1)
EXITS = (0, 125)
"""Exit statuses that a program of WASI can have: Wasmtime refuses others ("outside of [0..126)")."""

START = "_start"
"""The export that runs a program of WASI; of a component its export ``wasi:cli/run@…``."""

TRAP, ZERO = STAND_INS = ("trap", "zero")
"""What can stand for imports that a test cannot give: functions that trap, or that return zeros."""

MAX_FILES = 1000
MAX_FILE_PATH = 1000
MAX_DIRECTORY = 1 << 20
MAX_CASES = 1000
MAX_VALUES = 1000
MAX_NAME = 10_000
MAX_TEXT = 1 << 16
MAX_DEPTH = 8
"""Test cases of one module; values in one list; characters of an export's name and of any other text; levels of lists
and records."""

_NON_FINITE = ("nan", "inf", "-inf")
_HALF = re.compile("[\ud800-\udfff]")
_LIKE_A_SHAPE = re.compile(r"[a-z][0-9]+x[0-9]+")
_INTEGERS = (-(1 << 63), (1 << 64) - 1)
# Halfway between the largest f32 and the next power of two: from there on, numbers are rounded to infinity.
_BEYOND_F32 = float.fromhex("0x1.ffffffp+127")
_LARGEST_F32 = float.fromhex("0x1.fffffefffffffp+127")
_FILE_NAME = re.compile(r"(?!\.\.?$)[A-Za-z0-9_.+@=, -]*[A-Za-z0-9_+@=-]")
_IN_ROOT = 'write a path below the root, such as "data/in.txt"'
_IN_FOLDER = 'write a directory below the folder of the file, such as "tests/data"'
_TITLE = 100


class Directory(NamedTuple):
    """A directory that a program may read: its path for the program, and from the declaration's folder.

    ``files`` are what it holds, by path, sorted, in base64; None until it is read.
    """

    path: str
    files: tuple[tuple[str, str], ...] | None = None


class Wasi(NamedTuple):
    """What a case gives a program of WASI; ``argv`` starts with the program's own name, ``env`` is sorted by name.

    ``files`` are the text files of a directory of its own, by path, sorted; it is the program's root directory, and
    goes with the call, so that what is written there is seen by nobody else. ``dirs`` cannot be written to.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    stdin: str = ""
    files: tuple[tuple[str, str], ...] = ()
    dirs: tuple[Directory, ...] = ()


class Case(NamedTuple):
    """One call, on an instance of its own, and what has to come of it.

    ``call`` is an export of a core module; of a component a function, or ``INSTANCE#FUNCTION`` for one in an instance
    that it exports. Exactly one of ``returns`` (results), ``traps`` (a part of Wasmtime's words) and ``exit`` (exit
    status) is not None. ``stdout`` and ``stderr`` are all that has to be written there, None for anything. With
    ``wasi``, WASI is given to the module, and nothing of the host but what this says. ``fuel`` is what the call may
    consume where the engine counts it, None for plenty; ``seconds`` is how long it may take. ``imports`` is what stands
    for imports that nothing gives, one of ``STAND_INS``, or None for no such imports.
    """

    call: str
    args: tuple[Value, ...] = ()
    returns: tuple[Value, ...] | None = None
    traps: str | None = None
    exit: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    wasi: Wasi | None = None
    fuel: int | None = None
    seconds: int = DEFAULT_SECONDS
    imports: str | None = None

    @property
    def title(self) -> str:
        """The call as messages show it: one line, safe on a terminal, shortened."""
        argv = [] if self.wasi is None else [f"argv {json.dumps(list(self.wasi.argv))}"]
        inside = ", ".join([*map(json.dumps, self.args), *argv])
        return printable(f"{self.call}({inside})", _TITLE)

    def of(self, module: str) -> Case:
        """Return the case as it is for a module: a program's first argument is its name, unless ``argv`` is given."""
        if self.wasi is None or self.wasi.argv:
            return self
        return self._replace(wasi=self.wasi._replace(argv=(module.rpartition("/")[2],)))

    def to_json(self) -> dict[str, Any]:
        """Return the case as JSON values; what is not there is left out."""
        document: dict[str, Any] = {"call": self.call, "args": list(self.args)}
        if self.returns is not None:
            document["returns"] = list(self.returns)
        for key in ("traps", "exit", "stdout", "stderr", "fuel", "imports"):
            if (value := getattr(self, key)) is not None:
                document[key] = value
        if self.wasi is not None:
            document["wasi"] = {"argv": list(self.wasi.argv)}
            if self.wasi.env:
                document["wasi"]["env"] = dict(self.wasi.env)
            if self.wasi.stdin:
                document["wasi"]["stdin"] = self.wasi.stdin
            if self.wasi.files:
                document["wasi"]["files"] = dict(self.wasi.files)
            if self.wasi.dirs:
                document["wasi"]["dirs"] = {
                    path: None if files is None else dict(files) for path, files in self.wasi.dirs
                }
        if self.seconds != DEFAULT_SECONDS:
            document["time_limit"] = self.seconds
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Case:
        """Return the case of a document whose structure was checked."""
        given = document.get("wasi")
        wasi = None
        if given is not None:
            env, files = (tuple(sorted(given.get(key, {}).items())) for key in ("env", "files"))
            dirs = tuple(
                Directory(path, None if held is None else tuple(sorted(held.items())))
                for path, held in sorted(given.get("dirs", {}).items())
            )
            wasi = Wasi(tuple(given["argv"]), env, given.get("stdin", ""), files, dirs)
        return cls(
            call=document["call"],
            args=tuple(document["args"]),
            returns=tuple(document["returns"]) if "returns" in document else None,
            traps=document.get("traps"),
            exit=document.get("exit"),
            stdout=document.get("stdout"),
            stderr=document.get("stderr"),
            wasi=wasi,
            fuel=document.get("fuel"),
            seconds=document.get("time_limit", DEFAULT_SECONDS),
            imports=document.get("imports"),
        )


def problems(case: Case) -> list[Problem]:
    """Return all that is wrong with a case, whatever it calls."""
    found: list[Problem] = []
    outcomes = [key for key in ("returns", "traps", "exit") if getattr(case, key) is not None]
    if not outcomes:
        found.append(((), "does not say what comes of the call", 'write returns = […], or traps = "…"'))
    for key in outcomes[1:]:
        found.append(((key,), f"a call has one outcome, and {outcomes[0]} is one already", "remove one of them"))
    if case.wasi is None:
        for key in ("exit", "stdout", "stderr"):
            if getattr(case, key) is not None:
                found.append(((key,), "is there for WASI only", "write wasi = {} too, or remove it"))
    for key, number, (low, high), what in (
        ("exit", case.exit, EXITS, "an exit status"),
        ("fuel", case.fuel, FUEL, "an amount of fuel"),
        ("time_limit", case.seconds, SECONDS, "seconds"),
    ):
        if number is not None and not low <= number <= high:
            found.append(((key,), f"{shown(number)} is out of range", f"write {what} from {low} to {high}"))
    if case.imports not in (None, *STAND_INS):
        fix = f"write {' or '.join(map(quoted, STAND_INS))}, or leave it out"
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
    if len(case.call) > MAX_NAME:
        found.append((("call",), f"has {len(case.call)} characters", f"call an export of at most {MAX_NAME}"))
    if case.traps == "":
        found.append((("traps",), "is empty", 'write a part of Wasmtime\'s words, such as "unreachable"'))
    long: list[tuple[Path, str | None]] = [((key,), getattr(case, key)) for key in ("traps", "stdout", "stderr")]
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
    entries: list[tuple[Path, str]] = [(("wasi", "argv", index), text) for index, text in enumerate(wasi.argv)]
    entries += [(("wasi", "env", name), value) for name, value in wasi.env]
    for path, text in entries:
        if "\0" in text:
            found.append((path, "has a NUL, which ends a text there", "remove it"))
        elif len(text) > MAX_TEXT:
            found.append((path, f"has {len(text)} characters", f"write at most {MAX_TEXT}"))
    if len(wasi.files) > MAX_FILES:
        found.append((("wasi", "files"), f"has {len(wasi.files)} entries", f"write at most {MAX_FILES}"))
    found += _files(("wasi", "files"), [name for name, _ in wasi.files], _IN_ROOT)
    for directory in wasi.dirs:
        if not _is_path(directory.path):
            found.append((("wasi", "dirs", directory.path), "is no path of a directory in it", _IN_FOLDER))
        found += _held(("wasi", "dirs", directory.path), directory.files or ())
    for name, _ in wasi.env:
        if not name or "=" in name or "\0" in name:
            found.append((("wasi", "env", name), "is no name of a variable", 'write one without "="'))
    return found


def _files(at: Path, names: Sequence[str], fix: str) -> list[Problem]:
    """Check the paths of files, none of which may lie below another."""
    found: list[Problem] = []
    for name in names:
        if not _is_path(name):
            found.append(((*at, name), "is no path of a file", fix))
        elif any(name.startswith(f"{other}/") for other in names):
            found.append(((*at, name), "lies below another file", "correct one of them"))
    return found


def _held(at: Path, files: Sequence[tuple[str, str]]) -> list[Problem]:
    """Check what a directory holds."""
    if len(files) > MAX_FILES:
        return [(at, f"holds {len(files)} files", f"name a directory with at most {MAX_FILES}")]
    found = _files(at, [name for name, _ in files], "rename it: letters, digits and _.+@=,- are what every system has")
    if sum(len(content) for _, content in files) > MAX_DIRECTORY * 4 // 3 + 4 * len(files):
        found.append((at, f"holds more than {MAX_DIRECTORY >> 20} MiB", "name a smaller directory"))
    for name, content in files:
        try:
            base64.b64decode(content, validate=True)
        except ValueError:
            found.append(((*at, name), "is no base64", "correct it"))
    return found


def _is_path(name: str) -> bool:
    """Tell whether a text is a relative path that every system has and that leads nowhere else."""
    parts = name.split("/")
    return len(name) <= MAX_FILE_PATH and all(_FILE_NAME.fullmatch(part) for part in parts)


def value_problems(value: object, depth: int = MAX_DEPTH) -> list[Problem]:
    """Return what is wrong with a value of any type, with paths from the value."""
    if isinstance(value, bool):
        return []
    if isinstance(value, float):
        return [] if math.isfinite(value) else [((), f"{value} is no number of JSON", f"write {quoted(str(value))}")]
    if isinstance(value, int):
        if _INTEGERS[0] <= value <= _INTEGERS[1]:
            return []
        return [((), f"{shown(value)} does not fit in 64 bits", f"write {_INTEGERS[0]} to {_INTEGERS[1]}")]
    if isinstance(value, str):
        return _text_problems(value)
    if not isinstance(value, (list, tuple, Mapping)):
        return [((), f"{shown(value)} is no value", "write a number, text, true or false, or lanes: { i32x4 = […] }")]
    if not depth:
        return [((), "is nested too deeply", f"write at most {MAX_DEPTH} levels")]
    if len(value) > MAX_VALUES:
        return [((), f"has {len(value)} values, at most {MAX_VALUES} fit", "write fewer")]
    if not isinstance(value, Mapping):
        return _inside(enumerate(value), depth)
    shape = next(iter(value), "")
    if len(value) != 1 or not _LIKE_A_SHAPE.fullmatch(shape):
        return _inside(value.items(), depth)
    return [((shape, *path), problem, fix) for path, problem, fix in _lane_problems(shape, value[shape])]


def _inside(items: Any, depth: int) -> list[Problem]:
    found: list[Problem] = []
    for key, item in items:
        wrong = [*(_text_problems(key) if isinstance(key, str) else ()), *value_problems(item, depth - 1)]
        found += [((key, *path), problem, fix) for path, problem, fix in wrong]
    return found


def _text_problems(text: str) -> list[Problem]:
    if len(text) > MAX_TEXT:
        return [((), f"has {len(text)} characters", f"write at most {MAX_TEXT}")]
    if _HALF.search(text):
        return [((), "holds half of a character: not Unicode text", "correct it")]
    return []


def _lane_problems(shape: str, lanes: object) -> list[Problem]:
    if shape not in SHAPES:
        return [((), "is no shape of a v128", f"shapes are {', '.join(SHAPES)}")]
    lane, count = SHAPES[shape]
    if not isinstance(lanes, (list, tuple)):
        return [((), f"must be an array, not {shown(lanes)}", f"write {count} lanes in brackets")]
    if len(lanes) != count:
        return [((), f"has {len(lanes)} lanes, and {shape} has {count}", f"write {count} lanes")]
    found = ((index, number_problem(value, lane)) for index, value in enumerate(lanes))
    return [((index,), *wrong) for index, wrong in found if wrong is not None]


def number_problem(value: object, type_: str) -> tuple[str, str] | None:
    """Return problem and fix of a value that should be an i8, i16, i32, i64, f32 or f64, or None."""
    bits = int(type_[1:])
    if type_[0] == "f":
        return _float_problem(value, type_)
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number, not {shown(value)}", f"write an {type_}"
    low, high = -(1 << (bits - 1)), (1 << bits) - 1
    if not low <= value <= high:
        return f"{shown(value)} does not fit {type_}", f"write a number from {low} to {high}"
    return None


def _float_problem(value: object, type_: str) -> tuple[str, str] | None:
    if isinstance(value, str):
        if value in _NON_FINITE:
            return None
        try:
            fix = f"write {float(value)} without quotes" if math.isfinite(float(value)) else ""
        except ValueError:
            fix = ""
        listed = ", ".join(map(quoted, _NON_FINITE))
        return f"{shown(value)} is no number", fix or f"write a number, or one of {listed}"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"must be a number, not {shown(value)}", f"write an {type_}"
    try:
        size = abs(float(value))
    except OverflowError:
        size = math.inf
    if size >= (_BEYOND_F32 if type_ == "f32" else math.inf):
        sign = "-" if value < 0 else ""
        return f"{shown(value)} is beyond {type_}", f'write a smaller number, or "{sign}inf"'
    return None
