"""The JSON Schema of a plan: what is published is what the reader obeys."""

from __future__ import annotations

from wasmbuild.formats.documents import MANIFEST as MANIFEST_SCHEMA
from wasmbuild.formats.schema_parts import PATH_PART, Schema, array, choice, or_null, published, strict, text
from wasmbuild.formats.schemas import JSON_SCHEMAS
from wasmbuild.lean.typing import Any
from wasmbuild.plan.graph import KINDS

PLAN = "wasmbuild/plan/1"


def _array(items: Schema, least: int = 0) -> Schema:
    return {**array(items), "minItems": least}


# What travels from the declaration to the manifests has the same rules in both.
_manifest: Any = JSON_SCHEMAS[MANIFEST_SCHEMA]["properties"]
_artifact: Any = _manifest["artifacts"]["items"]["properties"]
_NAME: Schema = _manifest["project"]
_MODULE_NAME: Schema = _artifact["module"]
_SOURCE: Schema = _artifact["source"]["properties"]["path"]
_TESTS: Schema = {**_artifact["tests"], "minItems": 0}

_TEXT: Schema = {"type": "string", "maxLength": 100_000}
_TEXTS = _array(_TEXT)
_VARIABLES: Schema = {"type": "object", "additionalProperties": _TEXT}
_AMOUNT: Schema = {"type": "integer", "minimum": 1, "maximum": (1 << 63) - 1}
_LIMITS = strict({"memory": or_null(_AMOUNT), "seconds": _AMOUNT})
_OPTIONAL_LIMITS = strict({"memory": or_null(_AMOUNT), "seconds": or_null(_AMOUNT)})
_BELOW = text(
    rf"(?!/|[A-Za-z]:){PATH_PART}(?:/{PATH_PART})*",
    "a path below the declaration's folder, with forward slashes",
    4096,
)
_ANYWHERE = text(
    rf"(?!/|[A-Za-z]:)(?:\.|(?:\.\./)*(?:\.\.|{PATH_PART}(?:/{PATH_PART})*))",
    "a path from the declaration's folder, with forward slashes: a build may be told to go anywhere",
    4096,
)
_RUNNER = strict(
    {
        "command": _TEXTS,
        "python": or_null(_TEXT),
        "wasmtime": or_null(_TEXT),
        "environment": _VARIABLES,
        "limits": _OPTIONAL_LIMITS,
    }
)
_VERSION: Schema = _manifest["wasmtime"]["properties"]["compiler"]
_TARGET: Schema = {
    "name": _NAME,
    "wasmtime": strict(
        {
            "line": {"type": "integer", "minimum": 1, "maximum": 9999},
            "at-least": or_null(_VERSION),
            "runtime": or_null(_VERSION),
        }
    ),
    "triple": _manifest["target"]["properties"]["triple"],
    "cpu": _manifest["target"]["properties"]["cpu"],
    "isa-flags": _manifest["target"]["properties"]["isa_flags"],
    "engine": _manifest["engine"],
    "require": _manifest["require"],
    "runner": or_null(_RUNNER),
}
_HEAD: Schema = {"project": _NAME, "build-dir": _ANYWHERE, "compiler": _TEXT, "limits": _LIMITS}
_CONTRACT: Schema = {"imports": or_null(_TEXTS), "exports": or_null(_TEXTS), "ship-source": {"type": "boolean"}}
_STEP = strict(
    {
        "id": _TEXT,
        "kind": choice(KINDS),
        "inputs": _array(_ANYWHERE),
        "outputs": _array(_ANYWHERE),
        "needs": _TEXTS,
    },
    {"module": _MODULE_NAME, "target": _NAME},
)

PLAN_SCHEMA: Schema = published(
    PLAN,
    "A declaration as the steps that make its build directory, with paths from the declaration's folder",
    strict(
        {
            "schema": {"type": "string", "const": PLAN},
            "declaration": _BELOW,
            **_HEAD,
            "targets": _array(strict({**_TARGET, "arguments": _TEXTS, "key": {"type": "object"}}), 1),
            "modules": _array(
                strict(
                    {"name": _MODULE_NAME, "source": _SOURCE, **_CONTRACT, "tests": _TESTS},
                    {"file": _ANYWHERE, "declared-as": _TEXT},
                )
            ),
            "globs": {"type": "object", "additionalProperties": _array(_SOURCE)},
            "steps": _array(_STEP, 1),
        },
        {"directories": _manifest["directories"]},
    ),
)
