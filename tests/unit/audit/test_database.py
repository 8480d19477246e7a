"""The records that are shipped: valid OSV, complete, and read strictly."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import wasmbuild.audit
from wasmbuild.audit.database import bundled, load
from wasmbuild.audit.versions import parse
from wasmbuild.engine import lines
from wasmbuild.engine.triples import SYSTEMS
from wasmbuild.errors import FormatError

RECORDS = Path(wasmbuild.audit.__file__).parent / "advisories"
DOCUMENTS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(RECORDS.glob("*.json"))
    if path.name != "database.json"
}

# What https://ossf.github.io/osv-schema/ says of the fields that are used here.
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
_EVENT = {
    "oneOf": [
        {"type": "object", "properties": {name: {"type": "string"}}, "required": [name], "additionalProperties": False}
        for name in ("introduced", "fixed")
    ]
}
OSV = {
    "type": "object",
    "required": ["id", "modified"],
    "additionalProperties": False,
    "properties": {
        "schema_version": {"type": "string", "pattern": r"^1\.\d+\.\d+$"},
        "id": {"type": "string", "pattern": "^(x_|GHSA-)"},
        "modified": _TIME,
        "published": _TIME,
        "withdrawn": _TIME,
        "aliases": {"type": "array", "items": {"type": "string", "pattern": "^(CVE|RUSTSEC)-"}, "uniqueItems": True},
        "summary": {"type": "string", "maxLength": 120},
        "details": {"type": "string"},
        "severity": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "score"],
                "oneOf": [
                    {
                        "properties": {
                            "type": {"const": "CVSS_V3"},
                            "score": {"pattern": "^CVSS:3[.][01]/AV:[NALP]/AC:[LH]"},
                        }
                    },
                    {
                        "properties": {
                            "type": {"const": "CVSS_V4"},
                            "score": {"pattern": "^CVSS:4[.]0/AV:[NALP]/AC:[LH]/AT:[NP]"},
                        }
                    },
                ],
            },
        },
        "affected": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["package", "ranges", "ecosystem_specific"],
                "additionalProperties": False,
                "properties": {
                    "package": {"const": {"ecosystem": "crates.io", "name": "wasmtime", "purl": "pkg:cargo/wasmtime"}},
                    "ranges": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["type", "events"],
                            "properties": {
                                "type": {"const": "SEMVER"},
                                "events": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": _EVENT,
                                    "contains": {"required": ["introduced"]},
                                },
                            },
                        },
                    },
                    # As the database of Rust exports it.
                    "ecosystem_specific": {
                        "type": "object",
                        "required": ["affects"],
                        "properties": {
                            "affects": {
                                "type": "object",
                                "required": ["arch", "functions", "os"],
                                "properties": {
                                    "arch": {"items": {"enum": ["x86_64", "aarch64", "riscv64", "s390x"]}},
                                    "functions": {"items": {"pattern": "^wasmtime::"}},
                                    "os": {"items": {"enum": [*SYSTEMS, "macos", "android"]}},
                                },
                            }
                        },
                    },
                    "database_specific": {"type": "object"},
                },
            },
        },
        "references": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "url"],
                "properties": {
                    "type": {"enum": ["ADVISORY", "FIX", "REPORT", "WEB"]},
                    "url": {"pattern": "^https://(github.com/bytecodealliance|rustsec.org)/"},
                },
            },
        },
        "database_specific": {"type": "object"},
    },
}


@pytest.mark.parametrize("id", DOCUMENTS)
def test_a_record_is_osv(id: str) -> None:
    jsonschema.Draft202012Validator(OSV).validate(DOCUMENTS[id])
    assert DOCUMENTS[id]["id"] == id


@pytest.mark.parametrize("id", DOCUMENTS)
def test_a_record_is_ascii_or_prose_with_a_source(id: str) -> None:
    document = DOCUMENTS[id]
    assert document["references"], "nobody can look it up"
    advisory = f"https://github.com/bytecodealliance/wasmtime/security/advisories/{id}"
    assert not id.startswith("GHSA") or document["references"][0]["url"] == advisory


def test_everything_that_was_published_is_there_or_excluded() -> None:
    about = json.loads((RECORDS / "database.json").read_text())
    compared, by_title = about["excluded"]["compared"], about["excluded"]["by-title"]
    with_advisory = {id for id in DOCUMENTS if id.startswith("GHSA-")}
    assert (len(with_advisory), len(DOCUMENTS) - len(with_advisory)) == (29, 7)
    assert (len(set(compared)), len(set(by_title))) == (58, 8)
    assert not {*compared, *by_title} & with_advisory
    assert not set(compared) & set(by_title)
    assert {advisory.id for advisory in bundled().advisories} == set(DOCUMENTS)


def test_the_most_severe_come_first_and_unscored_counts_as_high() -> None:
    weights = [advisory.weight for advisory in bundled().advisories]
    assert weights == sorted(weights, reverse=True)
    unscored = {advisory.weight for advisory in bundled().advisories if advisory.severity == "unscored"}
    assert unscored == {2}


def test_conditions_name_settings_that_have_the_default_that_is_written_down() -> None:
    database = bundled()
    for advisory in database.advisories:
        for where in advisory.affected:
            for alternative in where.settings:
                assert alternative.keys() <= database.defaults.keys(), advisory.id
    for name, value in database.defaults.items():
        of_lines = [lines.get(number).settings for number in lines.known()]
        assert {settings[name].default for settings in of_lines if name in settings} == {value}, name


@pytest.mark.parametrize(
    ("line", "until"),
    [
        (24, "2026-08-20"),
        (36, "2027-08-20"),
        (47, "2026-09-20"),
        (48, "2028-08-20"),
        (49, "2026-11-20"),
        (51, "2027-01-20"),
    ],
)
def test_support_ends_as_upstream_says(line: int, until: str) -> None:
    assert bundled().support.until(line) == date.fromisoformat(until)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RECORDS, tmp_path / "records"))


def test_a_directory_of_the_shipped_form_is_the_same_database(copy: Path) -> None:
    assert load(copy) == bundled()


def test_what_was_withdrawn_says_nothing(copy: Path) -> None:
    path = copy / "GHSA-43j2-gcp4-m22g.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "withdrawn": "2026-12-24T00:00:00Z"}))
    assert "GHSA-43j2-gcp4-m22g" not in {advisory.id for advisory in load(copy).advisories}


def _events(*events: dict[str, str]) -> Any:
    def change(document: dict[str, Any]) -> None:
        document["affected"][0]["ranges"][0]["events"] = list(events)

    return change


def _condition(**conditions: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        document["affected"][0]["database_specific"] = conditions

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda document: document.pop("affected"), "affected: is missing"),
        (lambda document: document.update(id="GHSA-43j2-gcp4-m22h"), "name the file after its id"),
        (lambda document: document["database_specific"].update(kind="typo"), "kind: must be one of"),
        (_events({"fixed": "48.0.9"}), "introduced and fixed in turn"),
        (_events({"introduced": "48.0.9", "fixed": "49.0.0"}), "introduced and fixed in turn"),
        (_events({"introduced": "0"}, {}), "introduced and fixed in turn"),
        (_events({}), "introduced and fixed in turn"),
        (_events({"introduced": "0"}, {"fixed": "2.0.0"}, {"introduced": "1.0.0"}), "not in order"),
        (_events({"introduced": "0"}, {"last_affected": "2.0.0"}), "is not a key that is known"),
        (_condition(moon="full"), "moon: is not a key that is known"),
        (_condition(shape=[{"br-table": {"maximum": 3}}]), "maximum: is not a key that is known"),
    ],
)
def test_a_broken_record_is_told(copy: Path, change: Any, told: str) -> None:
    path = copy / "GHSA-43j2-gcp4-m22g.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=re.escape(told)) as raised:
        load(copy)
    assert "GHSA-43j2-gcp4-m22g.json" in str(raised.value)


@pytest.mark.parametrize("damage", ["absent", "empty", "no json", "no records", "a directory"])
def test_a_broken_directory_is_told(copy: Path, damage: str) -> None:
    about = copy / "database.json"
    if damage == "absent":
        shutil.rmtree(copy)
    elif damage == "empty":
        about.unlink()
    elif damage == "no json":
        about.write_text("{")
    elif damage == "no records":
        for path in copy.glob("[Gx]*"):
            path.unlink()
    else:
        (copy / "x.json").mkdir()
    with pytest.raises(FormatError, match="records"):
        load(copy)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("48.0.2", "48.0.2"), ("0", "0.0.0"), ("0.38", "0.38.0"), ("48.0.2+abc", "48.0.2"), ("", None), ("v48", None)],
)
def test_versions_are_read(text: str, shown: str | None) -> None:
    version = parse(text)
    assert (version and str(version)) == shown


def test_the_records_that_came_with_wasmbuild_are_what_others_have_to_be() -> None:
    assert load(Path(wasmbuild.audit.__file__).with_name("advisories")) == bundled()
