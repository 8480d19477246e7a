"""The JSON Schema of what ``wasmbuild cache stats --json`` says."""

from __future__ import annotations

from wasmbuild.formats.schema_parts import array, published, strict
from wasmbuild.lean.typing import Any

SCHEMA = "wasmbuild/cache/1"

_COUNT = {"type": "integer", "minimum": 0}

JSON_SCHEMA: dict[str, Any] = published(
    SCHEMA,
    "What is kept of artifacts that were compiled before",
    strict(
        {
            "schema": {"type": "string", "const": SCHEMA},
            "directory": {
                "type": ["string", "null"],
                "description": "Where the cache of this machine is; null where it is off, or cannot be read.",
            },
            "problem": {
                "type": ["string", "null"],
                "description": "Why it, or a part of it, is not used; null where nothing is known to be in the way.",
            },
            "entries": _COUNT,
            "bytes": _COUNT,
            "max_bytes": {**_COUNT, "description": "What is kept in all, beyond which what was used longest ago goes."},
            "remote": {
                **strict(
                    {
                        "address": {"type": "string"},
                        "push": {"type": "boolean"},
                        "timeout": {
                            "type": "integer",
                            "minimum": 1,
                            "description": "Seconds by which it may delay a build.",
                        },
                        "keys": {**array({"type": "string"}), "description": "The public keys believed."},
                    }
                ),
                "description": "The remote cache that is declared, shown without credentials; null without one.",
                "type": ["object", "null"],
            },
        }
    ),
)
