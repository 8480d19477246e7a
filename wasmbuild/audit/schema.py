"""What files of records have to look like: as much of OSV as is read here, and all that is ours."""

from __future__ import annotations

from wasmbuild.formats.schema_parts import Schema, between, choice, few, strict, text

ABOUT = "wasmbuild/advisories/1"


def _open(required: Schema, optional: Schema | None = None) -> Schema:
    return {**strict(required, optional), "additionalProperties": {}}


_ID = text(
    r"(?:GHSA(?:-[0-9a-z]{4}){3}|x_wasmbuild-[0-9A-Za-z.-]+)", "an id of GitHub, or one that starts with x_wasmbuild-"
)
_WORD = text(r"[a-z0-9][a-z0-9_-]*", "a name of lowercase letters, digits, '-' and '_'")
_PROSE: Schema = {"type": "string", "minLength": 1, "maxLength": 10_000}
_VERSION = text(r"[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.]+)?", 'a version such as "48.0.8", or "0"')
_TIME = text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?Z", "a time of RFC 3339 in UTC")
_SETTING: Schema = {"type": ["boolean", "integer", "string"], "description": "the value of a setting"}
_SHAPE: Schema = {
    "type": ["boolean", "object"],
    "properties": {"minimum": between(0, 1 << 53), "above": _WORD, "contains": _WORD},
    "additionalProperties": False,
    "description": "true, false, a minimum, a setting that a number is above, or what a list has to contain",
}


def _array(items: Schema, least: int = 0) -> Schema:
    return few(items, 1000, least)


def _named(values: Schema) -> Schema:
    return {"type": "object", "propertyNames": _WORD, "additionalProperties": values}


RECORD_SCHEMA: Schema = _open(
    {
        "id": _ID,
        "modified": _TIME,
        "summary": _PROSE,
        "details": _PROSE,
        "affected": _array(
            _open(
                {
                    "ranges": _array(
                        strict(
                            {
                                "type": choice(("SEMVER",)),
                                "events": _array(strict({}, {"introduced": _VERSION, "fixed": _VERSION}), 1),
                            }
                        ),
                        1,
                    ),
                },
                {
                    "ecosystem_specific": _open(
                        {}, {"affects": _open({}, {"arch": _array(_WORD), "os": _array(_WORD)})}
                    ),
                    "database_specific": strict(
                        {},
                        {
                            "strategy": _array(_WORD, 1),
                            "features": _array(_array(_WORD, 1), 1),
                            "settings": _array(_named(_SETTING), 1),
                            "shape": _array(_named(_SHAPE), 1),
                            "isa": _named({"type": "boolean"}),
                            "pointer-width": between(32, 64),
                            "match": choice(("certain", "possible")),
                        },
                    ),
                },
            ),
            1,
        ),
        "database_specific": strict(
            {
                "kind": choice(("codegen", "validator", "layout")),
                "severity": choice(("low", "medium", "high", "critical", "unscored")),
                "confidence": choice(("reproduced", "source", "notes")),
            }
        ),
    },
    {
        "aliases": _array(text(r"[0-9A-Za-z_.-]+", "an id of another database")),
        "withdrawn": _TIME,
        "references": _array(
            strict({"type": _WORD | {"pattern": "^[A-Z]+$"}, "url": text(r"https://[ -~]+", "an address")})
        ),
    },
)
"""A record, as far as it is read here; the rest of OSV may be there too."""

ABOUT_SCHEMA: Schema = strict(
    {
        "schema": {"type": "string", "const": ABOUT},
        "date": text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2026-11-28"),
        "settings": _named(_SETTING),
        "settings-through": between(1, 9999),
        "support": strict(
            {
                "first": strict({"line": between(1, 9999), "year": between(2000, 9000), "month": between(1, 12)}),
                "day": between(1, 28),
                "months": between(1, 1200),
                "long-term": strict({"every": between(1, 9999), "months": between(1, 1200)}),
            }
        ),
        "excluded": strict({"compared": _array(_ID), "by-title": _array(_ID)}),
    }
)
"""``database.json``, the one file beside the records."""
