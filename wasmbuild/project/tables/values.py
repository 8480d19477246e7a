"""Values that several tables have, each kind once: as it is checked, and as JSON Schema says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from wasmbuild.project import amounts, names, versions
from wasmbuild.project.keys import Problem
from wasmbuild.project.paths import INSIDE_PATTERN, PATH_PATTERN, inside_problem, path_problem
from wasmbuild.project.tables.refusals import HERE, Wrong, refusal, refusals
from wasmbuild.project.variables import variable_problem
from wasmbuild.text import quoted, shown, suggestion


class Rule:
    """What a value has to be besides of its type: what is wrong with another, and ``schema`` for JSON Schema.

    ``problem`` gets a value of the type, or with ``any_type`` one of any, and returns what is wrong with it, if
    anything is: as a whole, or at places in it. Where something else judges the values it is None.
    """

    def __init__(
        self, problem: Callable[[Any], Wrong | list[Problem] | None] | None, *, any_type: bool = False, **schema: Any
    ) -> None:
        self._problem = problem
        self._any_type = any_type
        self._schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        of_type = handler(source)
        problem = self._problem
        if problem is None:
            return of_type

        def check(value: Any) -> Any:
            if not (found := problem(value)):
                return value
            raise refusals(found) if isinstance(found, list) else refusal(*found)

        def check_number(value: Any) -> Any:
            # Its digits in quotes may be no help.
            if type(value) in (int, float) and (found := problem(str(value))):
                raise refusal(f"must be text, not {shown(value)}", str(found[1]))
            return value

        if self._any_type:
            return core_schema.no_info_before_validator_function(check, of_type)
        checked = core_schema.no_info_after_validator_function(check, of_type)
        return core_schema.no_info_before_validator_function(check_number, checked) if source is str else checked

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **{key: rule() if callable(rule) else rule for key, rule in self._schema.items()}}


def named(problem: Callable[[str], Wrong | None]) -> Callable[[str], Wrong | None]:
    """Return the same problem with the text in front of it."""

    def of(text: str) -> Wrong | None:
        wrong = problem(text)
        return None if wrong is None else (f"{quoted(text)} {wrong[0]}", wrong[1])

    return of


def one_of(choices: tuple[str, ...], unknown: str) -> Rule:
    """Return the rule of a few words; ``unknown`` says what another one is, with ``{}`` in its place."""
    listed = f"write one of {', '.join(map(quoted, choices))}"

    def problem(value: object) -> Wrong | None:
        if not isinstance(value, str):
            return f"must be text, not {shown(value)}", listed
        if value in choices:
            return None
        meant = suggestion(value, choices)
        return unknown.format(quoted(value)), f"did you mean {quoted(meant)}?" if meant else listed

    return Rule(problem, any_type=True, enum=list(choices))


def between(low: int, high: int, what: str) -> Rule:
    """Return the rule of a whole number; ``what`` is its unit in words."""

    def problem(number: int) -> Wrong | None:
        if low <= number <= high:
            return None
        return f"{shown(number)} is out of range", f"write {what} from {low} to {high}"

    return Rule(problem, minimum=low, maximum=high)


def in_home(text: str) -> Wrong | None:
    """Return what is wrong with a path that only a shell expands, or None."""
    if text.startswith("~"):
        return f"{quoted(text)} starts with ~, which is not expanded", "write the whole path"
    return None


def _name_problem(text: str) -> Wrong | None:
    wrong = names.problem(text)
    return None if wrong is None else (wrong, names.rule())


Name = Annotated[str, Rule(named(_name_problem), pattern=f"^{names.NAME_PATTERN}$")]

RelativePath = Annotated[str, Rule(named(path_problem), pattern=PATH_PATTERN)]
"""A path from the folder of the file, which may lead out of it."""

InsidePath = Annotated[str, Rule(named(inside_problem), pattern=INSIDE_PATTERN)]
"""A path of something below the folder of the file."""

WasmtimeVersion = Annotated[str, Rule(versions.problem, pattern=versions.PATTERN)]
"""A line of Wasmtime, or a version of one; ``versions.split`` takes it apart."""

Seconds = Annotated[int, between(*amounts.SECONDS, "seconds")]


def _bytes(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise refusal(f"must be bytes or text, not {shown(value)}", 'write bytes, or text such as "4 GiB"')
    try:
        return amounts.memory_bytes(value)
    except ValueError as error:
        raise refusal(*error.args) from None


_IN_BYTES = {"type": "integer", "minimum": amounts.BYTES[0], "maximum": amounts.BYTES[1]}
_WITH_UNIT = {"type": "string", "pattern": f"^{amounts.PATTERN}$"}
Bytes = Annotated[int, BeforeValidator(_bytes), WithJsonSchema({"anyOf": [_IN_BYTES, _WITH_UNIT]})]
"""An amount of memory or space in bytes."""

IN_ARRAY = Strict(False)
"""An array of TOML is a list, and the models hold tuples, which do not change."""

Texts = Annotated[tuple[str, ...], IN_ARRAY]


def _empty_text(texts: tuple[str, ...]) -> Wrong | None:
    return ("has an empty text", "remove it") if "" in texts else None


Patterns = Annotated[Texts, Rule(_empty_text, items={"type": "string", "minLength": 1})]


def _no_array(value: object) -> Wrong | None:
    if isinstance(value, list):
        return None
    return f"must be an array of tables, not {shown(value)}", f"write [[{HERE}]]"


ARRAY_OF_TABLES = Rule(_no_array, any_type=True)
"""The rule of a tuple of tables that is ``IN_ARRAY``."""


def _variables(value: dict[str, Any]) -> list[Problem]:
    judged = {name: variable_problem(name, value) for name, value in value.items()}
    return [((name,), *wrong) for name, wrong in judged.items() if wrong is not None]


Variables = Annotated[
    dict[str, Any], Rule(_variables, propertyNames={"pattern": "^[^=]+$"}, additionalProperties={"type": "string"})
]
"""Environment variables."""
