"""A validator for the part of JSON Schema that the formats of wasmbuild use.

One table, a JSON Schema, is published and is also what a reader obeys: ``compile_schema`` turns it into a function.
Stricter than JSON Schema in what that cannot express: a whole number has no fraction in its spelling (``1.0`` is
refused), and text holds no lone surrogates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from wasmbuild.formats.strict_json import INT_MAX, INT_MIN, Invalid, check_unicode, show

Check = Callable[[object], None]


def compile_schema(schema: Mapping[str, object]) -> Check:
    """Turn a JSON Schema (draft 2020-12) into a function that raises Invalid for the first thing that is wrong.

    Every subschema is empty (anything goes) or has a ``type``. Known keywords: for text ``enum``, ``const``,
    ``pattern`` (anchored), ``minLength``, ``maxLength``; for whole numbers ``minimum``, ``maximum``; for arrays
    ``items``, ``minItems``, ``maxItems``; for objects ``properties``, ``required``, ``additionalProperties``,
    ``propertyNames``; and ``if``/``then``/``else``. ``description`` completes the sentence "must be …". Another keyword
    is a ValueError, where it stands or when something is held to it: a rule that is published is a rule that is
    checked. What is in the entries of an array, and in a branch, is compiled when the first thing is held to it.
    """
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise ValueError(f"keywords that are not understood: {sorted(unknown)}")
    if not schema:
        return _accept
    types = schema["type"]
    names = [types] if isinstance(types, str) else _list(types)
    expected = _expected(schema, names)
    tests = {type_: _COMPILERS[name](schema, expected) for name in names for type_ in _TYPES[name]}
    check = _several(tests, expected) if len(tests) > 1 else tests.popitem()[1]
    return _conditional(check, schema) if "if" in schema else check


_TYPES: dict[object, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_NOUNS = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "an array",
    "object": "an object",
}
_KNOWN = {"$schema", "$id", "title", "description", "type", "if", "then", "else"}
_KNOWN |= {"enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum"}
_KNOWN |= {"items", "minItems", "maxItems"}
_KNOWN |= {"properties", "required", "additionalProperties", "propertyNames"}


def _accept(value: object) -> None:
    pass


def _several(tests: dict[type, Check], expected: str) -> Check:
    def check(value: object) -> None:
        test = tests.get(type(value))
        if test is None:
            raise Invalid(f"must be {expected}, not {show(value)}")
        test(value)

    return check


def _conditional(check: Check, schema: Mapping[str, object]) -> Check:
    condition, then, otherwise = (_Deferred(_mapping(schema[key])) for key in ("if", "then", "else"))

    def conditional(value: object) -> None:
        check(value)
        try:
            condition.check(value)
        except Invalid:
            branch = otherwise
        else:
            branch = then
        branch.check(value)

    return conditional


def _simple(only: type) -> Callable[[Mapping[str, object], str], Check]:
    def compiler(schema: Mapping[str, object], expected: str) -> Check:
        def check(value: object) -> None:
            if type(value) is not only:
                raise Invalid(f"must be {expected}, not {show(value)}")

        return check

    return compiler


def _text(schema: Mapping[str, object], expected: str) -> Check:
    if "const" in schema or "enum" in schema:
        return _choice([schema["const"]] if "const" in schema else _list(schema["enum"]), expected)
    least, most = _int(schema.get("minLength", 0)), _int(schema.get("maxLength", INT_MAX))
    # Compiled when something is first held to it, which most patterns of a schema never see.
    pattern = _Pattern(str(schema.get("pattern", "")))

    def check(value: object) -> None:
        if type(value) is not str or not least <= len(value) <= most or pattern.match(value) is None:
            raise Invalid(f"must be {expected}, not {show(value)}")
        if not value.isascii():
            check_unicode(value)

    return check


class _Deferred:
    """A schema that is compiled when something is first held to it."""

    __slots__ = ("_schema", "check")

    def __init__(self, schema: Mapping[str, object]) -> None:
        self._schema = schema
        self.check: Check = self._first

    def _first(self, value: object) -> None:
        self.check = compile_schema(self._schema)
        self.check(value)


class _Pattern:
    """A regular expression that is compiled when it is first asked."""

    __slots__ = ("_text", "match")

    def __init__(self, text: str) -> None:
        self._text = text
        self.match: Callable[[str], object] = self._first

    def _first(self, value: str) -> object:
        import re

        self.match = re.compile(self._text).match
        return self.match(value)


def _choice(choices: list[object], expected: str) -> Check:
    allowed = frozenset(choice for choice in choices if isinstance(choice, str))

    def check(value: object) -> None:
        if type(value) is not str or value not in allowed:
            raise Invalid(f"must be {expected}, not {show(value)}")

    return check


def _finite(schema: Mapping[str, object], expected: str) -> Check:
    if schema.keys() & {"minimum", "maximum"}:
        raise ValueError("a range of numbers with fractions is not understood")

    def check(value: object) -> None:
        if type(value) is float and value - value != 0:  # as of infinities and NaN alone
            raise Invalid(f"must be {expected}, and {value} is none of JSON")

    return check


def _whole(schema: Mapping[str, object], expected: str) -> Check:
    least, most = _int(schema.get("minimum", INT_MIN)), _int(schema.get("maximum", INT_MAX))

    def check(value: object) -> None:
        if type(value) is not int or not least <= value <= most:
            raise Invalid(f"must be {expected}, not {show(value)}")

    return check


def _array(schema: Mapping[str, object], expected: str) -> Check:
    items = _Deferred(_mapping(schema.get("items", {})))
    least, most = _int(schema.get("minItems", 0)), _int(schema.get("maxItems", INT_MAX))

    def check(value: object) -> None:
        if type(value) is not list:
            raise Invalid(f"must be {expected}, not {show(value)}")
        if not least <= len(value) <= most:
            raise Invalid(f"has {len(value)} entries, and {least} to {most} are allowed")
        for index, item in enumerate(value):
            try:
                items.check(item)
            except Invalid as error:
                error.path.append(index)
                raise

    return check


def _object(schema: Mapping[str, object], expected: str) -> Check:
    properties = {key: compile_schema(_mapping(sub)) for key, sub in _mapping(schema.get("properties", {})).items()}
    required = frozenset(map(str, _list(schema.get("required", []))))
    additional = schema.get("additionalProperties", {})
    other = None if additional is False else compile_schema(_mapping(additional))
    check_name = compile_schema({"type": "string", **_mapping(schema.get("propertyNames", {}))})
    known = ", ".join(sorted(properties))

    def check(value: object) -> None:
        if type(value) is not dict:
            raise Invalid(f"must be {expected}, not {show(value)}")
        for key, item in value.items():
            try:
                test = properties.get(key)
                if test is None:
                    if other is None:
                        raise Invalid(f"is not a key that is known here; known are {known}")
                    check_name(key)
                    test = other
                test(item)
            except Invalid as error:
                error.path.append(key)
                raise
        if len(value) < len(required) or not required <= value.keys():
            raise Invalid("is missing", min(required - value.keys()))

    return check


_COMPILERS: dict[object, Callable[[Mapping[str, object], str], Check]] = {
    "null": _simple(type(None)),
    "boolean": _simple(bool),
    "integer": _whole,
    "number": _finite,
    "string": _text,
    "array": _array,
    "object": _object,
}


def _expected(schema: Mapping[str, object], types: Sequence[object]) -> str:
    if "description" in schema:
        return str(schema["description"])
    if "const" in schema:
        return show(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(show, _list(schema["enum"])))
    if "minimum" in schema or "maximum" in schema:
        return f"a whole number from {schema.get('minimum', INT_MIN)} to {schema.get('maximum', INT_MAX)}"
    return " or ".join(_NOUNS[str(name)] for name in types)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"not a schema: {value!r}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}")
    return value
