"""The JSON Schemas of record, manifest and index: what is published is what the readers obey."""

from __future__ import annotations

from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS
from wasmbuild.formats.strict_json import INT_MAX, INT_MIN
from wasmbuild.formats.traits import ODD_TAGS_WITH
from wasmbuild.project import cases, levels

Schema = dict[str, object]

RECORD = "wasmbuild/record/1"
MANIFEST = "wasmbuild/manifest/1"
INDEX = "wasmbuild/index/1"

LEVELS = levels.LEVELS
"""Levels of verification that a manifest can demand, lowest first."""

# "$" also matches before a last newline in some dialects of regular expressions, hence the lookahead.
_END = r"$(?!\n)"
_PART = r"(?!\.)[A-Za-z0-9._-]{0,199}[A-Za-z0-9_-]"
_NAME = rf"{_PART}(?:/{_PART})*"
_SOURCE_PART = r"(?!\.{1,2}(?:/|$))[^/\\\u0000]+"


def _text(pattern: str, description: str, most: int = 1000) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}{_END}", "maxLength": most, "description": description}


def _strict(properties: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _few(items: Schema, most: int, least: int = 0) -> Schema:
    return {**_array(items), "minItems": least, "maxItems": most}


def _range(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _choice(values: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(values)}


_NAME_OF_ONE_PART = _text(_PART, "a name of letters, digits, '.', '_' and '-' that does not start with a dot")
_NAME_OF_MODULE = _text(_NAME, "a name of letters, digits, '.', '_', '-' and '/', no part of it starting with a dot")
_TRIPLE = _text(r"[A-Za-z0-9_.-]+", 'a target triple such as "aarch64-unknown-linux-gnu"', 100)
_SHA256 = _text(r"[0-9a-f]{64}", "a SHA-256 of 64 lowercase hexadecimal digits", 64)
_SIZE: Schema = {"type": "integer", "minimum": 0, "maximum": (1 << 63) - 1}
_VERSION = _text(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+.][0-9A-Za-z.+-]*)?", 'a version such as "48.0.8"', 100)
_SOURCE_PATH: Schema = {
    **_text(rf"(?!/|[A-Za-z]:)(?:\.\./)*{_SOURCE_PART}(?:/{_SOURCE_PART})*", "a relative path with forward slashes"),
    "maxLength": 4096,
}
_WASM_NAME: Schema = {"type": "string", "maxLength": 100_000}
_WASM_TYPE = _text(r"[ -~]*", "a type", 100_000)
_KIND = _choice(("module", "component"))
_SETTING_NAME = _text(r"[a-z0-9][a-z0-9_-]*", "the name of a setting", 100)
_INTEGER: Schema = {"minimum": INT_MIN, "maximum": INT_MAX}
_FLAGS: Schema = {
    "type": "object",
    "propertyNames": _SETTING_NAME,
    "additionalProperties": {
        "type": ["boolean", "integer", "string"],
        **_INTEGER,
        "maxLength": 1000,
        "description": "true or false, a whole number or text",
    },
}
_ENGINE: Schema = {
    "type": "object",
    "required": ["embedder"],
    "properties": {"embedder": _SETTING_NAME},
    "propertyNames": _SETTING_NAME,
    "additionalProperties": {
        **_FLAGS,
        "type": ["boolean", "integer", "string", "object"],
        **_INTEGER,
        "maxLength": 1000,
        "description": "the value of a setting",
    },
}
_FREE_TEXT: Schema = {"type": "string", "maxLength": cases.MAX_TEXT}
_BASE64: Schema = {"type": "string", "maxLength": 4 * cases.MAX_DIRECTORY // 3 + 4}
_VALUES = _few({"type": ["boolean", "number", "string", "array", "object"], "description": "a value"}, cases.MAX_VALUES)
_TEST = _strict(
    {"call": {"type": "string", "maxLength": cases.MAX_NAME}, "args": _VALUES},
    {
        "returns": _VALUES,
        "traps": {**_FREE_TEXT, "minLength": 1, "description": "a part of Wasmtime's words for a trap"},
        "exit": _range(*cases.EXITS),
        "stdout": _FREE_TEXT,
        "stderr": _FREE_TEXT,
        "wasi": _strict(
            {"argv": _few(_FREE_TEXT, cases.MAX_VALUES, 1)},
            {
                "env": {"type": "object", "additionalProperties": _FREE_TEXT},
                "stdin": _FREE_TEXT,
                "files": {"type": "object", "additionalProperties": _FREE_TEXT},
                "dirs": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "additionalProperties": _BASE64},
                    "description": "directories to read, by path, with their files in base64",
                },
            },
        ),
        "imports": _choice(cases.STAND_INS),
        "fuel": _range(*cases.FUEL),
        "time_limit": _range(*cases.SECONDS),
    },
)
_CORE_IMPORT = _strict({"module": _WASM_NAME, "name": _WASM_NAME, "kind": _choice(CORE_KINDS), "type": _WASM_TYPE})
_CORE_EXPORT = _strict({"name": _WASM_NAME, "kind": _choice(CORE_KINDS), "type": _WASM_TYPE})
_COMPONENT_EXTERN = _strict({"name": _WASM_NAME, "kind": _choice(COMPONENT_KINDS)})


_COUNT = _range(0, (1 << 32) - 1)
_YES_OR_NO: Schema = {"type": "boolean"}
_TRAITS = _strict(
    {
        "features": _few(_text(r"[a-z0-9][a-z0-9-]*", "the name of a proposal", 100), 1000),
        "tags": _COUNT,
        "odd-tags-with": _few(_choice(ODD_TAGS_WITH), len(ODD_TAGS_WITH)),
        "passive-data": _YES_OR_NO,
        "br-table": _COUNT,
        "function-body": _COUNT,
        "call-ref": _YES_OR_NO,
        "try-table": _YES_OR_NO,
        "string-transcoding": _YES_OR_NO,
        "memory64": _YES_OR_NO,
        "table64": _YES_OR_NO,
        "shared-memory": _YES_OR_NO,
    }
)


def _by_kind(properties: Schema, optional: Schema | None = None) -> Schema:
    """Add imports and exports: a core module gives each of them a type, a component a kind only."""
    return {
        **_strict({**properties, "imports": {}, "exports": {}}, optional),
        "if": {"type": "object", "properties": {"kind": {"type": "string", "const": "module"}}},
        "then": _externs(_CORE_IMPORT, _CORE_EXPORT),
        "else": _externs(_COMPONENT_EXTERN, _COMPONENT_EXTERN),
    }


def _externs(an_import: Schema, an_export: Schema) -> Schema:
    return {"type": "object", "properties": {"imports": _array(an_import), "exports": _array(an_export)}}


def _path(suffix: str) -> Schema:
    description = (
        f'a relative path that ends in ".{suffix}": forward slashes, letters, digits, ".", "_" and "-", '
        "no part starting with a dot"
    )
    return _text(rf"{_NAME}\.{suffix}", description)


def _published(name: str, title: str, schema: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        "title": title,
        **schema,
    }


JSON_SCHEMAS: dict[str, Schema] = {
    RECORD: _published(
        RECORD,
        "The record beside an artifact",
        _by_kind(
            {
                "schema": {"type": "string", "const": RECORD},
                "id": _text(rf"{_NAME}@{_PART}", 'an id such as "checksum@pi"', 2001),
                "key": _SHA256,
                "inputs": {"type": "object"},
                "artifact": _strict({"size": _SIZE, "sha256": _SHA256}),
                "kind": _KIND,
                "source": _strict({"path": _SOURCE_PATH, "sha256": _SHA256, "wasm_sha256": _SHA256}),
            },
            {"traits": _TRAITS},
        ),
    ),
    MANIFEST: _published(
        MANIFEST,
        "The manifest of one target",
        _strict(
            {
                "schema": {"type": "string", "const": MANIFEST},
                "project": _NAME_OF_ONE_PART,
                "target": _strict(
                    {
                        "name": _NAME_OF_ONE_PART,
                        "triple": _TRIPLE,
                        "cpu": {
                            **_text(r"[A-Za-z0-9][A-Za-z0-9._-]*", "the name of a CPU level, or null", 100),
                            "type": ["string", "null"],
                        },
                        "isa_flags": _FLAGS,
                    }
                ),
                "wasmtime": _strict(
                    {
                        "major": {"type": "integer", "minimum": 1, "maximum": 9999},
                        "compiler": _VERSION,
                        "compiler_sha256": _SHA256,
                    }
                ),
                "engine": _ENGINE,
                "require": {
                    "type": ["string", "null"],
                    "enum": [*LEVELS, None],
                },
                "artifacts": _array(
                    _by_kind(
                        {
                            "module": _NAME_OF_MODULE,
                            "kind": _KIND,
                            "path": _path("cwasm"),
                            "size": _SIZE,
                            "sha256": _SHA256,
                            "key": _SHA256,
                            "source": _strict({"path": _SOURCE_PATH, "sha256": _SHA256}),
                        },
                        {
                            "tests": _few(_TEST, cases.MAX_CASES, 1),
                            "traits": _TRAITS,
                            "wasm": _strict({"path": _path("wasm"), "size": _SIZE, "sha256": _SHA256}),
                        },
                    )
                ),
            }
        ),
    ),
    INDEX: _published(
        INDEX,
        "The index of a build directory",
        _strict(
            {
                "schema": {"type": "string", "const": INDEX},
                "project": _NAME_OF_ONE_PART,
                "targets": _array(
                    _strict({"name": _NAME_OF_ONE_PART, "triple": _TRIPLE, "path": _path("json"), "sha256": _SHA256})
                ),
            }
        ),
    ),
}
"""By name of the format: its JSON Schema (draft 2020-12)."""
