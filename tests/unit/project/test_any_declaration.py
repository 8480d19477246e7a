"""Whatever TOML says, it is a project or mistakes of ours, and what is a project is right by the JSON Schema too."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from matrix import examples
from unit.project.test_schema import DOCUMENT, as_json

from wasmbuild.errors import DeclarationError
from wasmbuild.plan.graph import plan
from wasmbuild.project.config import parse
from wasmbuild.project.tables.document import json_schema

PROJECTS = Path(__file__).parents[2] / "projects"
DECLARED = []
for path in sorted(PROJECTS.glob("*/*/wasmbuild.toml")):
    try:
        DECLARED.append(tomli.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        continue


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for item in value.values() for key in _keys(item))}
    return {key for item in value for key in _keys(item)} if isinstance(value, list) else set()


KEYS = sorted({key for document in DECLARED for key in _keys(document)})

scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from([date(2027, 1, 1), datetime(2027, 1, 1, 12)])
    | st.sampled_from(["48", "48.0.8", "pulley64", "m.wat", "*.wat", "x86_64-apple-darwin", "4 GiB", "~/x", "../x"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Declarations of the projects in which a few keys are gone, or have other values or names."""
    document = deepcopy(draw(st.sampled_from(DECLARED)))
    for _ in range(draw(st.integers(0, 3))):
        table: Any = document
        while True:
            below = [item for item in (table.values() if isinstance(table, dict) else table) if item and _holds(item)]
            if not below or draw(st.booleans()):
                break
            table = draw(st.sampled_from(below))
        known = list(table) if isinstance(table, dict) else range(len(table))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "add" and isinstance(table, dict):
            table[draw(st.sampled_from(KEYS))] = draw(values)
        elif change == "remove" and known:
            del table[draw(st.sampled_from(known))]
        elif known:
            table[draw(st.sampled_from(known))] = draw(values)
    return document


def _holds(value: object) -> bool:
    return isinstance(value, (dict, list))


def toml(document: dict[str, Any]) -> str:
    """Return a document as TOML, each table on a line of its own."""
    return "".join(f"{_text(key)} = {_written(value)}\n" for key, value in document.items())


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(key)} = {_written(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "m.wat").touch()
    return folder


@examples(2)
@given(documents())
def test_any_declaration_is_a_project_or_mistakes_with_their_place(
    validator: jsonschema.Draft202012Validator, folder: Path, document: dict[str, Any]
) -> None:
    judge(validator, folder, document)


addresses = st.tuples(
    st.sampled_from(["https", "HTTPS", "s3", "file", "x", ""]),
    st.sampled_from(["://", ":///", ":/", ":"]),
    st.sampled_from(["h/x", "u@h", "h:1", ""]),
    st.sampled_from(["", "?", "#", "?a", "#a", "/", " ", "\n"]),
).map("".join)


@examples(4)
@given(
    st.fixed_dictionaries({"cache": st.fixed_dictionaries({"remote": addresses})})
    | st.fixed_dictionaries({"toolchain": st.fixed_dictionaries({"compiler": st.text("a~/\\\n", max_size=4)})})
)
def test_any_address_or_path_is_taken_by_the_schema_too(
    validator: jsonschema.Draft202012Validator, folder: Path, tables: dict[str, Any]
) -> None:
    judge(validator, folder, {**DOCUMENT, **tables})


def judge(validator: jsonschema.Draft202012Validator, folder: Path, document: dict[str, Any]) -> None:
    data = toml(document).encode()
    assert str(tomli.loads(data.decode())) == str(document)
    try:
        project = parse(data, file="f.toml", directory=folder, default_line=48)
    except DeclarationError as error:
        check(error)
        return
    validator.validate(as_json(document))
    try:
        plan(project)
    except DeclarationError as error:
        check(error)


def check(error: DeclarationError) -> None:
    assert error.mistakes
    for mistake in error.mistakes:
        assert mistake.file == "f.toml"
        assert str(mistake).isprintable()
        assert mistake.key or mistake.problem == "is empty"
        assert mistake.problem
        assert mistake.fix
    assert len(set(error.mistakes)) == len(error.mistakes), "a mistake is told twice"
