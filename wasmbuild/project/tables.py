"""The tables of a declaration: each is taken apart by its model, and what is wrong with it is noted."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.errors import Mistake
from wasmbuild.lean_typing import Any, TypeVar
from wasmbuild.project.keys import dotted
from wasmbuild.project.model_errors import in_words
from wasmbuild.project.models import ModuleTable, Table, alias
from wasmbuild.text import quoted, suggestion

Key = tuple[str | int, ...]
_TableT = TypeVar("_TableT", bound=Table)


class Tables:
    """Turns tables of one file into models; ``mistakes`` grows with all that is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def tables(self, document: Mapping[str, Any], name: str, fix: str) -> Mapping[str, Any]:
        """Return a table of tables, empty where it is missing."""
        given = document.get(name)
        if isinstance(given, Mapping) and given:
            return given
        if given is None or given == {}:
            if document:
                self.mistake((name,), "is missing", fix)
        else:
            self.mistake((name,), f"must be a table, not {shown(given)}", fix)
        return {}

    def table(self, key: Key, given: object, model: type[_TableT]) -> _TableT | None:
        """Return a table as its model, without what is wrong in it; None where too little is left."""
        if not isinstance(given, Mapping):
            fix = f"write [{dotted(*key)}]" if isinstance(key[-1], str) else f"write [[{dotted(*key[:-1])}]]"
            if model is ModuleTable and isinstance(given, str):
                fix += f" and source = {quoted(given)} below it"
            self.mistake(key, f"must be a table, not {shown(given)}", fix)
            return None
        self.unknown_keys(key, given, model)
        known = {alias(name) for name in model.model_fields}
        # An array of TOML is a list, and the models hold tuples, which do not change.
        frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items() if name in known}
        try:
            return model.model_validate(frozen)
        except ValidationError as error:
            seen = set()
            for detail in error.errors(include_url=False, include_context=False):
                # Behind the key and the index are the names of the types that were tried.
                place = tuple(part for part in detail["loc"] if isinstance(part, int) or part in known)
                if place not in seen:
                    seen.add(place)
                    self.mistake((*key, *place), *in_words(detail, model))
        # What is right is looked at all the same, unless what every table needs is wrong.
        sound = {name: value for name, value in frozen.items() if not any(place[0] == name for place in seen)}
        try:
            return model.model_validate(sound)
        except ValidationError:
            return None

    def unknown_keys(self, key: Key, given: Mapping[str, Any], model: type[Table]) -> None:
        """Note keys that a model does not know."""
        known = [alias(name) for name in model.model_fields]
        for name in given:
            if name not in known:
                meant = suggestion(name, known)
                fix = f"known keys are {', '.join(known)}"
                self.mistake((*key, name), "unknown key", f"did you mean {meant}? {fix}" if meant else fix)

    def variables(self, key: Key, given: Mapping[str, Any]) -> dict[str, str]:
        """Return those of environment variables that are right."""
        right = {}
        for name, value in given.items():
            if not name or "=" in name or "\0" in name:
                self.mistake((*key, name), "is no name of a variable", 'write one without "="')
            elif not isinstance(value, str):
                fix = 'write it in quotes, like "text"'
                self.mistake((*key, name), f"must be text, not {shown(value)}", fix)
            elif "\0" in value:
                self.mistake((*key, name), "has a NUL, which ends a text there", "remove it")
            else:
                right[name] = value
        return right

    def mistake(self, key: Key, problem: str, fix: str) -> None:
        """Note what is wrong at a dotted key, and what to write instead."""
        self.mistakes.append(Mistake(self.file, dotted(*key), problem, fix))
