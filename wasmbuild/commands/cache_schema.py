"""The JSON Schema of what ``wasmbuild cache stats --json`` says."""

from __future__ import annotations

from wasmbuild.lean.typing import Any

SCHEMA = "wasmbuild/cache/1"

_COUNT = {"type": "integer", "minimum": 0}

JSON_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": SCHEMA,
    "title": "What is kept of artifacts that were compiled before",
    "type": "object",
    "properties": {
        "schema": {"type": "string", "const": SCHEMA},
        "directory": {"type": "string", "description": "Where the cache of this machine is."},
        "problem": {"type": ["string", "null"], "description": "Why it is not used; null where it is."},
        "entries": _COUNT,
        "bytes": _COUNT,
        "max_bytes": {**_COUNT, "description": "What is kept in all, beyond which what was used longest ago goes."},
        "remote": {
            "description": "The remote cache that is declared, as it is shown: without credentials; null without one.",
            "type": ["object", "null"],
            "properties": {
                "address": {"type": "string"},
                "push": {"type": "boolean"},
                "timeout": {"type": "integer", "minimum": 1, "description": "Seconds by which it may delay a build."},
                "keys": {"type": "array", "items": {"type": "string"}, "description": "The public keys believed."},
            },
            "required": ["address", "push", "timeout", "keys"],
            "additionalProperties": False,
        },
    },
    "required": ["schema", "directory", "problem", "entries", "bytes", "max_bytes", "remote"],
    "additionalProperties": False,
}
