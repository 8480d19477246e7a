"""What all tables of ``wasmbuild.toml`` have in common, as models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from wasmbuild.project.keys import KeyPath, Problem
from wasmbuild.project.tables.refusals import HERE, Wrong, problems_of, refusal, refusals
from wasmbuild.text import quoted, shown, suggestion

_TableT = TypeVar("_TableT", bound="Table")


class Context(NamedTuple):
    """What a table is judged by besides itself: the line of Wasmtime that its settings are for.

    What is declared ``for_all`` targets may say of the releases of other lines what loads their artifacts. ``name`` is
    that of the table, where it is one of several.
    """

    line: int
    for_all: bool = False
    name: str = ""


def alias(field: str) -> str:
    """Return the key of a field."""
    return field.replace("_", "-")


class Table(BaseModel):
    """A table of the file: nothing is converted, nothing unknown is taken, nothing can be changed.

    A table that is not right is refused with all that is wrong in it, in words (``refusals.problems_of``).
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=alias, defer_build=True)

    header: ClassVar[str] = f"write [{HERE}]"
    """What to write in place of something that is no table."""

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        """Return what is wrong between the keys of the table.

        ``wrong`` are the keys that are given and wrong by themselves, or unknown; here they have their defaults.
        """
        return ()

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys that a table of this kind may have."""
        return [alias(name) for name in cls.model_fields]

    @classmethod
    def missing_key(cls, key: str, context: Context | None) -> Wrong:
        """Return problem and fix of a key that a table of this kind has to have."""
        example = cls.example(key, "" if context is None else context.name)
        return "is missing", f'write {key} = "…"' + (f", such as {quoted(example)}" if example else "")

    @classmethod
    def example(cls, key: str, name: str) -> str:
        """Return what a key of the table of this name may be, empty where any text may be."""
        (field,) = (field for own, field in cls.model_fields.items() if alias(own) == key)
        return str((field.examples or [""])[0])

    @classmethod
    def unknown_key(cls, key: str) -> Wrong:
        """Return problem and fix of a key that a table of this kind does not have."""
        meant = cls.meant(key)
        fix = f"known keys are {', '.join(cls.known_keys())}"
        return "unknown key", f"did you mean {meant}? {fix}" if meant else fix

    @classmethod
    def meant(cls, key: str) -> str | None:
        """Return the key that an unknown one was probably to be, None for a known one."""
        known = cls.known_keys()
        return None if key in known else suggestion(key, known)

    @classmethod
    def written_for(cls, value: object) -> str:
        """Return what to write in place of something that is no table."""
        return cls.header

    @model_validator(mode="wrap")
    @classmethod
    def _judge(cls, value: Any, validate: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(value, Mapping):
            raise refusal(f"must be a table, not {shown(value)}", cls.written_for(value))
        found: list[Problem] = []
        try:
            table: Self | None = validate(value)
        except ValidationError as error:
            missing = partial(cls.missing_key, context=info.context)
            found = problems_of(error, {"extra_forbidden": cls.unknown_key, "missing": missing})
            table = _sound_part(validate, value, found)
        if table is not None:
            found.extend(table.problems({str(path[0]) for path, _problem, _fix in found}, info.context))
        if found or table is None:
            # What is spelt wrong is not missing besides.
            misspelt = {(cls.meant(key),) for key in value} if len(found) > 1 else ()
            raise refusals(problem for problem in found if problem[0] not in misspelt or problem[0][0] in value)
        return table


def read_table(
    model: type[_TableT], value: object, context: Context | None = None
) -> tuple[_TableT | None, list[Problem]]:
    """Return a table without what is wrong in it, or None where too little is left, and all that is wrong."""

    def validate(value: object) -> _TableT:
        return model.model_validate(value, context=context)

    try:
        return validate(value), []
    except ValidationError as error:
        found = problems_of(error)
    return _sound_part(validate, value, found), found


def _sound_part(validate: Callable[[Any], _TableT], value: object, found: Iterable[Problem]) -> _TableT | None:
    """Return what is left of a table without what was found wrong, or None where too little is."""
    paths = [path for path, _problem, _fix in found]
    while (value := _without(value, paths)) is not None:
        try:
            return validate(value)
        except ValidationError as error:
            paths = [detail["loc"] for detail in error.errors(include_url=False, include_input=False)]
    return None


def _without(value: Any, paths: Iterable[KeyPath]) -> Any:
    """Return a copy without what lies at each path, or else what lies nearest to it; None where nothing is left."""
    below: dict[str | int, list[KeyPath]] = {}
    known = value.keys() if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
    for path in paths:
        if not path or path[0] not in known:
            return None
        below.setdefault(path[0], []).append(path[1:])
    left = {key: _without(value[key], below[key]) if key in below else value[key] for key in known}
    kept = {key: value for key, value in left.items() if key not in below or value is not None}
    return list(kept.values()) if isinstance(value, list) else kept
