from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wasmbuild.formats.schema_check import compile_schema
from wasmbuild.formats.strict_json import INT_MAX, INT_MIN, Invalid, check_free, loads

LIMIT = 1 << 20
# JSON Schema takes 1.0 for a whole number; the reader takes no fractions at all.
fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.integers() | fractions | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd") | st.text(), inner, max_size=4),
    max_leaves=12,
)

schemas = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "null"},
            {"type": "boolean"},
            {"type": "integer", "minimum": -3, "maximum": 3},
            {"type": "string", "pattern": r"^[a-z]+$(?!\n)", "maxLength": 3},
            {"type": "string", "minLength": 2},
            {"type": "string", "enum": ["a", "b"]},
            {"type": "string", "const": "a"},
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "number"},
            {"type": ["boolean", "number", "array"]},
            {"type": ["boolean", "integer", "string"], "maximum": 4, "minimum": INT_MIN, "maxLength": 4},
        ]
    ),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 2}, inner)
        | st.builds(
            lambda properties, required, more: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": more,
                "propertyNames": {"pattern": "^[a-d]"},
            },
            st.dictionaries(st.sampled_from("abcd"), inner),
            st.lists(st.sampled_from("abcd"), unique=True),
            st.just(False) | inner,
        )
        | st.builds(
            lambda then, otherwise: {
                "type": "object",
                "if": {"type": "object", "properties": {"a": {"type": "string", "const": "a"}}},
                "then": then,
                "else": otherwise,
            },
            inner,
            inner,
        )
    ),
    max_leaves=5,
)


def accepts(schema: dict[str, object], value: object) -> bool:
    try:
        compile_schema(schema)(value)
    except Invalid:
        return False
    return True


@given(schemas, values)
def test_the_validator_and_json_schema_agree(schema: dict[str, object], value: object) -> None:
    bounded = {"maximum": INT_MAX, "minimum": INT_MIN}
    expected = Draft202012Validator(schema).is_valid(value)
    if schema == {"type": "integer"}:
        expected = expected and Draft202012Validator(bounded).is_valid(value)
    assert accepts(schema, value) == expected


def test_a_rule_that_is_not_checked_is_not_published() -> None:
    with pytest.raises(ValueError, match="uniqueItems"):
        compile_schema({"type": "array", "uniqueItems": True})


def test_a_range_of_fractions_is_not_published() -> None:
    with pytest.raises(ValueError, match="a range of numbers with fractions"):
        compile_schema({"type": "number", "minimum": 0})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_of_json_is_refused(number: str) -> None:
    check = compile_schema({"type": "number"})
    check(loads(b"1e300", LIMIT))
    with pytest.raises(Invalid, match=r"must be a number, and -?(nan|inf) is none of JSON"):
        check(loads(number.encode(), LIMIT))


@given(values)
def test_documents_come_back_as_they_were(value: object) -> None:
    assert repr(loads(json.dumps(value).encode(), LIMIT)) == repr(json.loads(json.dumps(value)))


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        loads(data, LIMIT)
    except Invalid as error:
        assert error.problem.isprintable()  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "holds arrays or objects that are nested too deeply"),
        (b'{"a":' * 100_000, "holds arrays or objects that are nested too deeply"),
        (b'{"a": 1, "b": 2, "a": 1}', 'has the key "a" twice in one object'),
        (b'{"x": [{"\\u001b": 1, "\\u001b": 2}]}', 'has the key "\\x1b" twice in one object'),
        (b"9" * 5000, "holds a number with too many digits"),
        (b'"\xff"', "is not UTF-8 text: byte 1 cannot be read"),
        (b'"\xed\xa0\x80"', "is not UTF-8 text: byte 1 cannot be read"),
        (b'{"a": }', "is not JSON: line 1, column 7: Expecting value"),
        (b"[1,\n2] x", "is not JSON: line 2, column 4: Extra data"),
        (b'"a\nb"', "is not JSON: line 1, column 3: Invalid control character at"),
        (b"", "is not JSON: line 1, column 1: Expecting value"),
        (b"\xef\xbb\xbf{}", "is not JSON: line 1, column 1: Expecting value"),
        (b" " * (LIMIT + 1), "has 1048577 bytes, and at most 1048576 are read"),
    ],
)
def test_what_is_wrong_with_a_document_is_said(data: bytes, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        loads(data, LIMIT)
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("1.5", "", "is 1.5, and only whole numbers are used here"),
        ('{"a": [1, NaN]}', "a[1]", "is nan, and only whole numbers are used here"),
        ('{"a": [{"b": Infinity}]}', "a[0].b", "is inf, and only whole numbers are used here"),
        ('{"a": 1e999}', "a", "is inf, and only whole numbers are used here"),
        (f"[{1 << 64}]", "[0]", "is a number beyond 64 bits"),
        (f"[{-(1 << 63) - 1}]", "[0]", "is a number beyond 64 bits"),
        ('["a\\ud800b"]', "[0]", "holds half of a character, \\ud800: not Unicode text"),
        ('{"\\udfff": 1}', '["\\udfff"]', "holds half of a character, \\udfff: not Unicode text"),
        ("[" * 17 + "]" * 17, "[0]" * 16, "is nested too deeply"),
        ('{"a": ' * 17 + "1" + "}" * 17, "a" + ".a" * 15, "is nested too deeply"),
    ],
)
def test_free_json_is_bounded(text: str, where: str, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_free(loads(text.encode(), LIMIT))
    assert (caught.value.where(), caught.value.problem) == (where, problem)


def test_free_json_takes_all_that_is_in_bounds() -> None:
    check_free([None, True, INT_MIN, INT_MAX, "é🙂", {"a": []}])
    check_free(json.loads("[" * 16 + "]" * 16))


def test_keys_in_a_path_are_escaped() -> None:
    assert Invalid("", "a\x1b b", 3, "top", "key-1").where() == 'key-1.top[3]["a\\x1b b"]'


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "boolean"}, 1, "must be true or false, not 1"),
        ({"type": "integer"}, True, "must be a whole number, not true"),
        ({"type": "integer"}, 1.0, "must be a whole number, not 1.0"),
        ({"type": "integer", "minimum": 1, "maximum": 2}, 3, "must be a whole number from 1 to 2, not 3"),
        (
            {"type": "integer", "minimum": 0, "maximum": 2},
            1 << 70,
            "must be a whole number from 0 to 2, not a number beyond 64 bits",
        ),
        ({"type": "string", "enum": ["a", "b"]}, "c\x1b", 'must be one of "a", "b", not "c\\x1b"'),
        ({"type": ["string", "null"]}, [], "must be text or null, not an array"),
        ({"type": "array"}, {}, "must be an array, not an object"),
        ({"type": "object"}, None, "must be an object, not null"),
        ({"type": "string"}, "\ud800", "holds half of a character, \\ud800: not Unicode text"),
    ],
)
def test_what_is_wrong_with_a_value_is_said(schema: dict[str, object], value: object, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        compile_schema(schema)(value)
    assert caught.value.problem == problem
