"""Values of core functions: from JSON to what a call takes, and back to one form in which equal values are equal text.

Standard library alone: this file goes along with the probe.

In that form an i32 or i64 is signed; an f32 or f64 is a number that it can hold, or ``"nan"``, ``"inf"``, ``"-inf"``,
whatever bits a NaN has; a v128 is an object of one key, its shape, and the lanes in the form of their type. What a
reference is to is not told.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

SHAPES = {
    "i8x16": ("i8", "16b"),
    "i16x8": ("i16", "8h"),
    "i32x4": ("i32", "4i"),
    "i64x2": ("i64", "2q"),
    "f32x4": ("f32", "4f"),
    "f64x2": ("f64", "2d"),
}
"""Shapes of a v128: the type of a lane, and the sixteen bytes as ``struct`` has them."""

DEFAULT_SHAPE = "i32x4"

REFERENCE = "reference"
"""The form of a reference that a call gave, whatever its type, and null too."""

OUTPUT_LIMIT = 1 << 20
"""How many bytes of what a program writes to stdout, and to stderr, are kept; a test cannot ask for as many."""


def argument(value: Any, type_: str) -> Any:
    """Return what a parameter of a type takes: a signed int, a float, or the sixteen bytes of a v128.

    Raises ValueError for what is no value of that type.
    """
    if type_ == "v128":
        shape = shape_of(value)
        if shape is None or len(value[shape]) != 16 * 8 // int(SHAPES[shape][0][1:]):
            raise ValueError(f"{_shown(value)} is no v128")
        lane, layout = SHAPES[shape]
        return struct.pack("<" + layout, *[argument(item, lane) for item in value[shape]])
    if type_ in ("f32", "f64"):
        return _float(value, type_)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{_shown(value)} is no {type_}")
    bits = int(type_[1:])
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        raise ValueError(f"{value} does not fit {type_}")
    return signed(value, bits)


def signed(value: int, bits: int) -> int:
    """Return the number between -2^(bits - 1) and 2^(bits - 1) that equals ``value`` modulo 2^bits."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half


def canonical(value: Any, type_: str, shape: str = DEFAULT_SHAPE) -> Any:
    """Return the one form of what a call took or gave, as ``argument`` makes it; of a v128 in terms of ``shape``."""
    if type_ == "v128":
        lane, layout = SHAPES[shape]
        return {shape: [canonical(item, lane) for item in struct.unpack("<" + layout, value)]}
    if type_ in ("f32", "f64"):
        return number(value)
    return value


def number(value: float) -> float | str:
    """Return a float as JSON has it; what JSON has not is text."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def shape_of(value: Any) -> str | None:
    """Return the shape in which a v128 is written, None for another value."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    shape = next(iter(value))
    return shape if shape in SHAPES and isinstance(value[shape], (list, tuple)) else None


def same(one: Any, other: Any) -> bool:
    """Compare values in their one form; -0.0 is not 0.0, and true is not 1."""
    return text(one) == text(other)


def text(value: Any) -> str:
    """Return a value in its one form as text that is equal for equal values."""
    return json.dumps(value, sort_keys=True)


def _float(value: Any, type_: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{_shown(value)} is no {type_}")
    if isinstance(value, str) and value not in ("nan", "inf", "-inf"):
        raise ValueError(f"{_shown(value)} is no {type_}")
    try:
        exact = float(value)
    except OverflowError:
        raise ValueError(f"{_shown(value)} is beyond {type_}") from None
    return exact if type_ == "f64" else rounded(exact)


def rounded(value: float) -> float:
    """Round to the nearest f32. Raises ValueError for what would become infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        raise ValueError(f"{value} is beyond f32") from None


def _shown(value: Any) -> str:
    return text(value)[:60]
