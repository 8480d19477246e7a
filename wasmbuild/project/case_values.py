"""Values in test cases, as they are declared and travel in manifests: those of JSON.

Of a core module's values

* i32 and i64 are whole numbers, signed or unsigned: both spellings are the same value;
* f32 and f64 are numbers, or ``"nan"``, ``"inf"``, ``"-inf"``; an f32 is rounded from the f64 that is written;
* v128 is an object of one key, the shape, and its lanes, the lowest first: ``{"i32x4": [1, 2, 3, 4]}``.

Of a component's values booleans, numbers, text and names of enums are what JSON calls them, lists, tuples and flags are
arrays, records objects; ``wasmbuild/verify/probe_components.py`` has the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from wasmbuild.lean.typing import Any
from wasmbuild.project.keys import Problem
from wasmbuild.text import quoted, shown

CaseValue = bool | int | float | str | list["CaseValue"] | dict[str, "CaseValue"]

SHAPES = {
    "i8x16": ("i8", 16),
    "i16x8": ("i16", 8),
    "i32x4": ("i32", 4),
    "i64x2": ("i64", 2),
    "f32x4": ("f32", 4),
    "f64x2": ("f64", 2),
}
"""Shapes of a v128: the type of a lane, and how many of them there are."""

MAX_VALUES = 1000
MAX_TEXT = 1 << 16
MAX_DEPTH = 16
"""Values in one list; characters of a text; levels of lists and records."""

_NON_FINITE = ("nan", "inf", "-inf")
_HALF = re.compile("[\ud800-\udfff]")
# What else has such a name is a field or a case of a component, as far as can be told before its type is known.
_LIKE_A_SHAPE = re.compile(r"[a-z][0-9]+x[0-9]+")
_INTEGERS = (-(1 << 63), (1 << 64) - 1)
# Halfway between the largest f32 and the next power of two: from there on, numbers are rounded to infinity.
_BEYOND_F32 = float.fromhex("0x1.ffffffp+127")


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
    shape, lanes = next(iter(value.items()), ("", None))
    if len(value) == 1 and _LIKE_A_SHAPE.fullmatch(shape) and isinstance(lanes, (list, tuple)):
        return vector_problems(value)
    return _inside(value.items(), depth)


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


def vector_problems(value: object) -> list[Problem]:
    """Return what is wrong with a value that should be a v128, with paths from the value."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return [((), f"must be the lanes of a v128, not {shown(value)}", "write them like { i32x4 = [1, 2, 3, 4] }")]
    ((shape, lanes),) = value.items()
    if shape not in SHAPES:
        return [((shape,), "is no shape of a v128", f"shapes are {', '.join(SHAPES)}")]
    lane, count = SHAPES[shape]
    if not isinstance(lanes, (list, tuple)):
        return [((shape,), f"must be an array, not {shown(lanes)}", f"write {count} lanes in brackets")]
    if len(lanes) != count:
        return [((shape,), f"has {len(lanes)} lanes, and {shape} has {count}", f"write {count} lanes")]
    found = ((index, number_problem(value, lane)) for index, value in enumerate(lanes))
    return [((shape, index), *wrong) for index, wrong in found if wrong is not None]


def number_of_values(number: int) -> str:
    """Return how many values there are, in words: ``"1 value"``, ``"2 values"``."""
    return f"{number} value{'' if number == 1 else 's'}"


def number_problem(value: object, type_: str) -> tuple[str, str] | None:
    """Return problem and fix of a value that should be an i8, i16, i32, i64, f32 or f64, or None."""
    bits = int(type_[1:])
    if type_[0] == "f":
        return _float_problem(value, type_)
    if isinstance(value, bool) or not isinstance(value, int):
        return f"must be a whole number, not {shown(value)}", "write a number without quotes or a point"
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
        return f"must be a number, not {shown(value)}", "write a number"
    try:
        size = abs(float(value))
    except OverflowError:
        size = math.inf
    if size >= (_BEYOND_F32 if type_ == "f32" else math.inf):
        sign = "-" if value < 0 else ""
        return f"{shown(value)} is beyond {type_}", f'write a smaller number, or "{sign}inf"'
    return None
