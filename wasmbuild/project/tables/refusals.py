"""What the models refuse, in words: pydantic's errors become problems of ours in this one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from wasmbuild.project.keys import Problem
from wasmbuild.text import quoted, shown

Wrong = tuple[str, str]
"""Problem and fix."""

HERE = "\0"
"""Stands for the dotted key in what to write instead."""

_KIND = "wasmbuild"


def refusal(problem: str, fix: str) -> PydanticCustomError:
    """Return what the validator of a value raises."""
    return PydanticCustomError(_KIND, "{problem}; {fix}", {"problem": problem, "fix": fix})


def refusals(problems: Iterable[Problem]) -> ValidationError:
    """Return what a validator raises that finds several things wrong, each at a place of its own."""
    return ValidationError.from_exception_data(
        "refused", [InitErrorDetails(type=refusal(said, fix), loc=path, input=None) for path, said, fix in problems]
    )


def problems_of(error: ValidationError, explanations: Mapping[str, Callable[[str], Wrong]] = {}) -> list[Problem]:
    """Return what was refused; unknown keys come first.

    ``explanations`` say what is wrong with keys of the table that refuses, by the kind of the error; tables in it have
    explained theirs.
    """
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
    return [(detail["loc"], *_explained(detail, explanations)) for detail in details]


def _explained(detail: ErrorDetails, explanations: Mapping[str, Callable[[str], Wrong]]) -> Wrong:
    kind, value = detail["type"], detail["input"]
    if kind == _KIND:
        return detail["ctx"]["problem"], detail["ctx"]["fix"]
    if kind in explanations:
        return explanations[kind](str(detail["loc"][-1]))
    must_be, fix = {
        "string_type": ("text", _as_text(value)),
        "int_type": ("a whole number", "write a number without quotes or a point"),
        "bool_type": ("true or false", "write true or false"),
        "dict_type": ("a table", 'write it in braces, like { NAME = "text" }'),
        "tuple_type": ("an array", _as_array(value)),
    }[kind]
    return f"must be {must_be}, not {shown(value)}", fix


def _as_text(value: object) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"write {quoted(str(value))}" if number else 'write it in quotes, like "text"'


def _as_array(value: object) -> str:
    return f"write [{quoted(value)}]" if isinstance(value, str) else 'write it in brackets, like ["text"]'
