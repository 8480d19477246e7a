"""What ``wasmbuild audit --sarif`` writes is SARIF 2.1.0, as far as its schema tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
from audited import (
    Shell,
    declare,
)


def test_sarif(shell: Shell, built: Path) -> None:
    declare('[[audit.ignore]]\nid = "GHSA-43j2-gcp4-m22g"\nreason = "looked at"\n')
    sarif = json.loads(shell("--sarif", "out", status=1))
    jsonschema.Draft202012Validator(SARIF).validate(sarif)
    [run] = sarif["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == rules
    errors = {result["ruleId"] for result in run["results"] if result["level"] == "error"}
    assert errors == {"GHSA-mghf-wjfp-p5xm", "GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"}
    passed = {result["ruleId"] for result in run["results"] if "suppressions" in result}
    assert passed == {"GHSA-43j2-gcp4-m22g"}
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert uris == {"out/arm/manifest.json", "out/x64/manifest.json"}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = {**required, **optional}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


_MESSAGE = _object({"text": {"type": "string", "minLength": 1}})
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
# What https://docs.oasis-open.org/sarif/sarif/v2.1.0/ says of the objects that are used here.
SARIF = _object(
    {
        "$schema": {"pattern": "sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "items": _object(
                {
                    "tool": _object(
                        {
                            "driver": _object(
                                {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": _object(
                                            {
                                                "id": {"type": "string"},
                                                "shortDescription": _MESSAGE,
                                                "fullDescription": _MESSAGE,
                                                "properties": {"type": "object"},
                                            },
                                            helpUri={"pattern": "^https://"},
                                        ),
                                    },
                                }
                            )
                        }
                    ),
                    "invocations": {
                        "items": _object(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "items": _object({"level": _LEVEL, "message": _MESSAGE})
                                },
                            }
                        )
                    },
                    "results": {
                        "items": _object(
                            {
                                "ruleId": {"type": "string"},
                                "level": _LEVEL,
                                "message": _MESSAGE,
                                "locations": {
                                    "items": _object(
                                        {
                                            "physicalLocation": _object(
                                                {"artifactLocation": _object({"uri": {"pattern": "^[!-~]+$"}})}
                                            ),
                                            "logicalLocations": {"type": "array"},
                                        }
                                    )
                                },
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                            },
                            suppressions={
                                "items": _object(
                                    {"kind": {"enum": ["inSource", "external"]}, "justification": {"type": "string"}}
                                )
                            },
                        )
                    },
                }
            )
        },
    }
)
