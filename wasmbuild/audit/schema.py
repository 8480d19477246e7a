"""What files of records have to look like: as much of OSV as is read here, and all that is ours."""

from __future__ import annotations

Schema = dict[str, object]

ABOUT = "wasmbuild/advisories/1"


def _text(pattern: str, description: str, most: int = 200) -> Schema:
    return {"type": "string", "pattern": rf"^{pattern}$(?!\n)", "maxLength": most, "description": description}


def _object(required: Schema, optional: Schema | None = None, *, more: bool = False) -> Schema:
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return schema if more else {**schema, "additionalProperties": False}


def _array(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": 1000}


def _choice(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


_ID = _text(
    r"(?:GHSA(?:-[0-9a-z]{4}){3}|x_wasmbuild-[0-9A-Za-z.-]+)", "an id of GitHub, or one that starts with x_wasmbuild-"
)
_WORD = _text(r"[a-z0-9][a-z0-9_-]*", "a name of lowercase letters, digits, '-' and '_'")
_PROSE: Schema = {"type": "string", "minLength": 1, "maxLength": 10_000}
_VERSION = _text(r"[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.]+)?", 'a version such as "48.0.8", or "0"')
_TIME = _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?Z", "a time of RFC 3339 in UTC")
_SETTING: Schema = {"type": ["boolean", "string"], "description": "the value of a setting"}
_SHAPE: Schema = {
    "type": ["boolean", "object"],
    "properties": {"minimum": _whole(0, 1 << 53), "contains": _WORD},
    "additionalProperties": False,
    "description": "true, false, a minimum or what a list has to contain",
}


def _named(values: Schema) -> Schema:
    return {"type": "object", "propertyNames": _WORD, "additionalProperties": values}


RECORD_SCHEMA: Schema = _object(
    {
        "id": _ID,
        "modified": _TIME,
        "summary": _PROSE,
        "details": _PROSE,
        "affected": _array(
            _object(
                {
                    "ranges": _array(
                        _object(
                            {
                                "type": _choice("SEMVER"),
                                "events": _array(_object({}, {"introduced": _VERSION, "fixed": _VERSION}), 1),
                            }
                        ),
                        1,
                    ),
                },
                {
                    "ecosystem_specific": _object(
                        {}, {"affects": _object({}, {"arch": _array(_WORD), "os": _array(_WORD)}, more=True)}, more=True
                    ),
                    "database_specific": _object(
                        {},
                        {
                            "strategy": _array(_WORD, 1),
                            "features": _array(_array(_WORD, 1), 1),
                            "settings": _array(_named(_SETTING), 1),
                            "shape": _array(_named(_SHAPE), 1),
                            "isa": _named({"type": "boolean"}),
                            "pointer-width": _whole(32, 64),
                            "match": _choice("certain", "possible"),
                        },
                    ),
                },
                more=True,
            ),
            1,
        ),
        "database_specific": _object(
            {
                "kind": _choice("codegen", "validator", "layout"),
                "severity": _choice("low", "medium", "high", "critical", "unscored"),
                "confidence": _choice("reproduced", "source", "notes"),
            }
        ),
    },
    {
        "aliases": _array(_text(r"[0-9A-Za-z_.-]+", "an id of another database")),
        "withdrawn": _TIME,
        "references": _array(
            _object({"type": _WORD | {"pattern": "^[A-Z]+$"}, "url": _text(r"https://[ -~]+", "an address", 1000)})
        ),
    },
    more=True,
)
"""A record, as far as it is read here; the rest of OSV may be there too."""

ABOUT_SCHEMA: Schema = _object(
    {
        "schema": {"type": "string", "const": ABOUT},
        "date": _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2026-11-28"),
        "settings": _named(_SETTING),
        "settings-through": _whole(1, 9999),
        "support": _object(
            {
                "first": _object({"line": _whole(1, 9999), "year": _whole(2000, 9000), "month": _whole(1, 12)}),
                "day": _whole(1, 28),
                "months": _whole(1, 1200),
                "long-term": _object({"every": _whole(1, 9999), "months": _whole(1, 1200)}),
            }
        ),
        "excluded": _object({"compared": _array(_ID), "by-title": _array(_ID)}),
    }
)
"""``database.json``, the one file beside the records."""
