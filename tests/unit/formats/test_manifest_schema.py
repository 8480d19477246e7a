"""The published schemas of record, manifest and index, and what reads them, take the same documents."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from documents import INDEX, MANIFEST, READERS, RECORD, A, document
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wasmbuild.errors import FormatError
from wasmbuild.formats.manifest import (
    Index,
    Manifest,
)
from wasmbuild.formats.record import Record
from wasmbuild.formats.schema_check import compile_schema
from wasmbuild.formats.schemas import JSON_SCHEMAS
from wasmbuild.formats.strict_json import Invalid

VALIDATORS = {name: Draft202012Validator(schema) for name, schema in JSON_SCHEMAS.items()}
CHECKS = {name: compile_schema(schema) for name, schema in JSON_SCHEMAS.items()}
odd: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 48, 1 << 63, 1 << 64, 1.5, [], {}, "", "module", "component", "func", "instance"]
    ),
    st.sampled_from(
        ["pi", "a/b", "a/../b.cwasm", "/a.cwasm", "a.cwasm\n", "C:a.wat", "a\\b", ".a", A, A + "\n", A[1:]]
    ),
    st.sampled_from([{"kind": "func", "name": "a"}, {"kind": "func", "name": "a", "type": "() -> ()"}, ["a"]]),
    st.text(max_size=5),
)
odd = odd.map(copy.deepcopy)  # a drawn object may be changed in its turn


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container in a document with each of its keys or indices."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    found = [(value, key) for key, _ in items]
    for _, item in items:
        found.extend(places(item))
    return found


@given(st.sampled_from([RECORD, MANIFEST, INDEX]), st.data())
def test_schema_and_reader_agree_on_changed_documents(value: Record | Manifest | Index, data: st.DataObject) -> None:
    changed = copy.deepcopy(document(value))
    schema = changed["schema"]
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(changed)))
        action = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if action == "replace":
            container[key] = data.draw(odd)
        elif action == "delete":
            del container[key]
        elif isinstance(container, dict):
            container[data.draw(st.sampled_from(["type", "tests", "runner", "module"]) | st.text(max_size=3))] = (
                data.draw(odd)
            )
        else:
            container.append(data.draw(odd))
        if not places(changed):
            break
    by_schema = VALIDATORS[schema].is_valid(changed)
    try:
        CHECKS[schema](changed)
        by_check = True
    except Invalid:
        by_check = False
    assert by_check == by_schema
    try:
        READERS[schema](json.dumps(changed).encode(), "file")
    except FormatError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert by_schema


@given(st.binary(max_size=100))
def test_random_bytes_are_no_manifest(data: bytes) -> None:
    for read in READERS.values():
        with pytest.raises(FormatError):
            read(data, "file")


def test_schemas_are_valid_and_known_by_their_names() -> None:
    for name, schema in JSON_SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["$id"] == f"urn:{name.replace('/', ':')}"
