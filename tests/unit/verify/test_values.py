from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.project import case_values
from wasmbuild.verify import values

INTEGERS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64}
SHAPES = {
    "i8x16": ("b", 16),
    "i16x8": ("h", 8),
    "i32x4": ("i", 4),
    "i64x2": ("q", 2),
    "f32x4": ("f", 4),
    "f64x2": ("d", 2),
}
NANS = (0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0x7FFFFFFFFFFFFFFF)
LARGEST_F32 = float.fromhex("0x1.fffffep+127")
HALF_BEYOND_F32 = float.fromhex("0x1.ffffffp+127")


def form(value: Any, type_: str, shape: str = values.DEFAULT_SHAPE) -> Any:
    return values.canonical(values.argument(value, type_), type_, shape)


def again(value: Any) -> Any:
    """What becomes of a value on its way through JSON, which is how the probe tells it."""
    return json.loads(json.dumps(value, allow_nan=False))


@st.composite
def lanes(draw: st.DrawFn, shape: str) -> list[Any]:
    kind, count = shape.split("x")
    if kind in INTEGERS:
        lane: st.SearchStrategy[Any] = st.integers(-(1 << int(kind[1:]) - 1), (1 << int(kind[1:])) - 1)
    else:
        lane = st.floats(width=32 if kind == "f32" else 64).map(values.number)
    return draw(st.lists(lane, min_size=int(count), max_size=int(count)))


@pytest.mark.parametrize(("type_", "bits"), INTEGERS.items())
@given(data=st.data())
def test_an_integer_has_two_spellings_and_one_form(type_: str, bits: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(-(1 << bits - 1), (1 << bits - 1) - 1))
    assert form(number, type_) == number
    assert form(number % (1 << bits), type_) == number
    assert form(again(form(number, type_)), type_) == number


@pytest.mark.parametrize(("type_", "bits"), INTEGERS.items())
@given(data=st.data())
def test_integers_are_the_same_exactly_when_they_are_equal_modulo_their_width(
    type_: str, bits: int, data: st.DataObject
) -> None:
    one, other = (data.draw(st.integers(-(1 << bits - 1), (1 << bits) - 1)) for _ in range(2))
    assert values.same(form(one, type_), form(other, type_)) == ((one - other) % (1 << bits) == 0)


@pytest.mark.parametrize(("type_", "bits"), INTEGERS.items())
def test_an_integer_that_does_not_fit_is_refused(type_: str, bits: int) -> None:
    assert form((1 << bits) - 1, type_) == -1
    assert form(-(1 << bits - 1), type_) == -(1 << bits - 1)
    for number in (1 << bits, -(1 << bits - 1) - 1):
        with pytest.raises(ValueError, match=f"^{number} does not fit {type_}$"):
            values.argument(number, type_)


@given(st.floats(allow_nan=False))
def test_an_f64_keeps_its_bits(number: float) -> None:
    told = again(form(values.number(number), "f64"))
    assert struct.pack("<d", values.argument(told, "f64")) == struct.pack("<d", number)


@given(st.floats(allow_nan=False, width=32))
def test_an_f32_keeps_its_bits(number: float) -> None:
    told = again(form(values.number(number), "f32"))
    assert struct.pack("<f", values.argument(told, "f32")) == struct.pack("<f", number)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_floats_are_the_same_exactly_when_their_bits_are(one: float, other: float) -> None:
    equal = struct.pack("<d", one) == struct.pack("<d", other)
    assert values.same(form(values.number(one), "f64"), form(values.number(other), "f64")) == equal


@pytest.mark.parametrize("type_", ["f32", "f64"])
def test_zero_has_a_sign(type_: str) -> None:
    assert not values.same(form(-0.0, type_), form(0.0, type_))
    assert values.same(form(0, type_), form(0.0, type_))


@pytest.mark.parametrize("bits", NANS)
def test_every_nan_is_the_same(bits: int) -> None:
    [nan] = struct.unpack("<d", bits.to_bytes(8, "little"))
    assert values.canonical(nan, "f64") == "nan"
    assert values.canonical(nan, "f32") == "nan"
    assert values.same(values.canonical(nan, "f64"), form("nan", "f64"))
    lane = values.canonical(bits.to_bytes(8, "little") * 2, "v128", "f64x2")
    assert values.same(lane, form({"f64x2": ["nan", "nan"]}, "v128", "f64x2"))


@pytest.mark.parametrize("type_", ["f32", "f64"])
def test_what_json_has_no_number_for_is_text(type_: str) -> None:
    assert [form(text, type_) for text in ("nan", "inf", "-inf")] == ["nan", "inf", "-inf"]
    assert math.isnan(values.argument("nan", type_))
    assert (values.argument("inf", type_), values.argument("-inf", type_)) == (math.inf, -math.inf)


@given(st.floats(min_value=-LARGEST_F32, max_value=LARGEST_F32))
def test_an_f32_is_the_nearest_to_what_is_written(number: float) -> None:
    rounded = form(number, "f32")
    below, above = _neighbours(rounded)
    assert abs(number - rounded) <= min(abs(number - below), abs(number - above))
    assert values.same(form(rounded, "f32"), rounded)


def test_an_f32_is_rounded_from_the_decimal() -> None:
    assert form(0.1, "f32") == 0.10000000149011612
    assert form(16777217, "f32") == 16777216.0
    assert form(16777219, "f32") == 16777220.0
    assert values.same(form(0.1, "f32"), form(0.10000000149011612, "f32"))
    assert not values.same(form(0.1, "f64"), form(0.10000000149011612, "f64"))


def test_a_number_beyond_the_largest_is_refused() -> None:
    assert form(LARGEST_F32, "f32") == LARGEST_F32
    assert form(math.nextafter(HALF_BEYOND_F32, 0), "f32") == LARGEST_F32
    for sign in (1, -1):
        with pytest.raises(ValueError, match=r"is beyond f32$"):
            values.argument(sign * HALF_BEYOND_F32, "f32")
    with pytest.raises(ValueError, match=r"is beyond f64$"):
        values.argument(10**400, "f64")


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_a_v128_keeps_its_lanes(shape: str, data: st.DataObject) -> None:
    written = {shape: data.draw(lanes(shape))}
    told = again(form(written, "v128", shape))
    assert list(told) == [shape]
    kind = shape.partition("x")[0]
    assert values.same(told[shape], [form(lane, kind) for lane in written[shape]])
    assert values.same(form(told, "v128", shape), told)


@pytest.mark.parametrize("shape", SHAPES)
@given(raw=st.binary(min_size=16, max_size=16))
def test_sixteen_bytes_are_the_same_in_every_shape_but_for_nans(shape: str, raw: bytes) -> None:
    told = values.canonical(raw, "v128", shape)
    if "nan" not in told[shape]:
        assert values.argument(again(told), "v128") == raw


def test_the_first_lane_is_the_lowest() -> None:
    assert (
        values.argument({"i16x8": [0x0201, 0x0403, 0, 0, 0, 0, 0, 0xFFFF]}, "v128").hex() == f"01020304{'00' * 10}ffff"
    )
    assert form({"i64x2": [1, -1]}, "v128") == {"i32x4": [1, 0, -1, -1]}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_v128_has_as_many_lanes_as_fit(shape: str) -> None:
    layout, count = SHAPES[shape]
    assert values.argument({shape: (0,) * count}, "v128") == struct.pack(f"<{count}{layout}", *[0] * count)
    for wrong in (count - 1, count + 1, 0):
        with pytest.raises(ValueError, match=r"is no v128$"):
            values.argument({shape: [0] * wrong}, "v128")


def test_the_probe_knows_the_shapes_of_the_declaration() -> None:
    sizes = {shape: (lane, 128 // int(lane[1:])) for shape, (lane, _) in values.SHAPES.items()}
    assert sizes == case_values.SHAPES


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("i32", True, "true is no i32"),
        ("i64", 1.0, "1.0 is no i64"),
        ("i32", "1", '"1" is no i32'),
        ("i32", None, "null is no i32"),
        ("i32", [1], "[1] is no i32"),
        ("f32", False, "false is no f32"),
        ("f64", "1.5", '"1.5" is no f64'),
        ("f64", "NaN", '"NaN" is no f64'),
        ("f64", "infinity", '"infinity" is no f64'),
        ("f32", None, "null is no f32"),
        ("f32", [1.5], "[1.5] is no f32"),
        ("v128", 1, "1 is no v128"),
        ("v128", {}, "{} is no v128"),
        ("v128", {"i32x4": 1}, '{"i32x4": 1} is no v128'),
        ("v128", {"i32x4": "1234"}, '{"i32x4": "1234"} is no v128'),
        ("v128", {"i32x2": [1, 2]}, '{"i32x2": [1, 2]} is no v128'),
        ("v128", {"i32x4": [0] * 4, "i64x2": [0] * 2}, "is no v128"),
        ("v128", {"i32x4": [0, 0, 0, True]}, "true is no i32"),
        ("v128", {"i8x16": [256] * 16}, "256 does not fit i8"),
        ("v128", {"f32x4": [0, 0, 0, 1e39]}, "1e+39 is beyond f32"),
        ("i32", "x" * 1000, '"' + "x" * 59 + " is no i32"),
    ],
)
def test_what_is_no_value_of_a_type_is_refused(type_: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=r"is no|does not fit|is beyond") as refused:
        values.argument(value, type_)
    assert str(refused.value).endswith(said)


@pytest.mark.parametrize(
    ("one", "other"), [(True, 1), (0, 0.0), (0.0, -0.0), ("nan", None), ([1], 1), ([1, 2], [2, 1]), ("1", 1)]
)
def test_values_of_other_kinds_are_not_the_same(one: Any, other: Any) -> None:
    assert not values.same(one, other)


def test_the_keys_of_a_record_have_no_order() -> None:
    assert values.same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def _neighbours(number: float) -> tuple[float, float]:
    """The two f32 beside one, of which there may be none beyond the largest."""
    [bits] = struct.unpack("<i", struct.pack("<f", number))
    order = bits if bits >= 0 else -(bits & 0x7FFFFFFF)
    return _in_order(order - 1), _in_order(order + 1)


def _in_order(order: int) -> float:
    bits = order if order >= 0 else -order | 0x80000000
    [number] = struct.unpack("<f", struct.pack("<I", bits))
    return float(number)
