"""Records and manifests of any version of wasmbuild are told from all other files by little of what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from documents import MANIFEST, RECORD

from wasmbuild.formats import ownership
from wasmbuild.formats.ownership import OwnManifest, OwnRecord


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_what_this_version_writes() -> None:
    told = OwnRecord(RECORD.id, RECORD.source.path, RECORD.wasm_sha256)
    assert ownership.record(RECORD.to_bytes()) == told
    assert ownership.manifest(MANIFEST.to_bytes()) == OwnManifest(MANIFEST.target, MANIFEST.project)


@pytest.mark.parametrize(
    "source",
    [
        None,
        "src/a.wat",
        {"path": "src/a.wat"},
        {"path": "a\0b", "wasm_sha256": "0" * 64},
        {"path": "\ud800", "wasm_sha256": "0" * 64},
        {"path": "/etc/a.wat", "wasm_sha256": "0" * 64},
        {"path": "a.wat", "wasm_sha256": ""},
    ],
)
def test_a_record_that_names_no_source_as_this_version_does_is_one(source: object) -> None:
    data = as_json({"schema": "wasmbuild/record/23", "id": "a@x", "source": source})
    assert ownership.record(data) == OwnRecord("a@x", "", "")


def test_a_manifest_that_names_no_project_as_this_version_does_is_one() -> None:
    data = as_json({"schema": "wasmbuild/manifest/2", "target": {"name": "x"}, "project": "\x1b[2J"})
    assert ownership.manifest(data) == OwnManifest("x", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        as_json({"id": "a@x", "target": {"name": "x"}}),
        b'{"schema": "wasmbuild/record/1", "id": "a@x", "id": "a@x"}',
        *(
            as_json({"schema": schema, "id": "a@x", "target": {"name": "x"}})
            for schema in (
                1,
                "record/1",
                "other/record/1",
                "wasmbuild/record",
                "wasmbuild/record/",
                "wasmbuild/record/0",
                "wasmbuild/record/1 ",
                "wasmbuild/record/1\n",
                "wasmbuild/recording/1",
                "wasmbuild/manifest/1/x",
                "wasmbuild/index/1",
            )
        ),
        *(as_json({"schema": "wasmbuild/record/1", "id": id}) for id in (None, 1, ["a@x"], "\ud800")),
        *(as_json({"schema": "wasmbuild/manifest/1", "target": target}) for target in (None, "x", {}, {"name": 1})),
    ],
)
def test_what_is_of_nobody_or_somebody_else_is_none(data: bytes) -> None:
    assert ownership.record(data) is None
    assert ownership.manifest(data) is None
