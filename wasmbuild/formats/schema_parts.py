"""What the JSON Schemas of several formats have in common."""

from __future__ import annotations

from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS
from wasmbuild.formats.traits import ODD_TAGS_WITH

Schema = dict[str, object]

# "$" also matches before a last newline in some dialects of regular expressions, hence the lookahead.
_END = r"$(?!\n)"
PART = r"(?!\.)[A-Za-z0-9._-]{0,199}[A-Za-z0-9_-]"
NAME = rf"{PART}(?:/{PART})*"
PATH_PART = r"(?!\.{1,2}(?:/|$))[^/\\\u0000]+"


def text(pattern: str, description: str, most: int = 1000) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}{_END}", "maxLength": most, "description": description}


def strict(properties: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def few(items: Schema, most: int, least: int = 0) -> Schema:
    return {**array(items), "minItems": least, "maxItems": most}


def between(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def choice(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}


NAME_OF_ONE_PART = text(PART, "a name of letters, digits, '.', '_' and '-' that does not start with a dot")
SHA256 = text(r"[0-9a-f]{64}", "a SHA-256 of 64 lowercase hexadecimal digits", 64)
SIZE: Schema = {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1}
SOURCE_PATH = text(
    rf"(?!/|[A-Za-z]:)(?:\.\./)*{PATH_PART}(?:/{PATH_PART})*", "a relative path with forward slashes", 4096
)
_WASM_NAME: Schema = {"type": "string", "maxLength": 100_000}
_WASM_TYPE = text(r"[ -~]*", "a type", 100_000)
KIND = choice(("module", "component"))
_CORE_IMPORT = strict({"module": _WASM_NAME, "name": _WASM_NAME, "kind": choice(CORE_KINDS), "type": _WASM_TYPE})
_CORE_EXPORT = strict({"name": _WASM_NAME, "kind": choice(CORE_KINDS), "type": _WASM_TYPE})
_COMPONENT_EXTERN = strict({"name": _WASM_NAME, "kind": choice(COMPONENT_KINDS)})


_COUNT = between(0, (1 << 32) - 1)
_YES_OR_NO: Schema = {"type": "boolean"}
TRAITS = strict(
    {
        "features": few(text(r"[a-z0-9][a-z0-9-]*", "the name of a proposal", 100), 1000),
        "tags": _COUNT,
        "odd-tags-with": few(choice(ODD_TAGS_WITH), len(ODD_TAGS_WITH)),
        "odd-tags-image-size": between(0, 1 << 64),
        "passive-data": _YES_OR_NO,
        "br-table": _COUNT,
        "function-body": _COUNT,
        "function-values": _COUNT,
        "call-ref": _YES_OR_NO,
        "try-table": _YES_OR_NO,
        "string-transcoding": _YES_OR_NO,
        "memory64": _YES_OR_NO,
        "table64": _YES_OR_NO,
        "shared-memory": _YES_OR_NO,
    }
)


def by_kind(properties: Schema, optional: Schema) -> Schema:
    """Add imports and exports: a core module gives each of them a type, a component a kind only."""
    return {
        **strict({**properties, "imports": {}, "exports": {}}, optional),
        "if": {"type": "object", "properties": {"kind": {"type": "string", "const": "module"}}},
        "then": _externs(_CORE_IMPORT, _CORE_EXPORT),
        "else": _externs(_COMPONENT_EXTERN, _COMPONENT_EXTERN),
    }


def _externs(an_import: Schema, an_export: Schema) -> Schema:
    return {"type": "object", "properties": {"imports": array(an_import), "exports": array(an_export)}}


def published(name: str, title: str, schema: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        "title": title,
        **schema,
    }
