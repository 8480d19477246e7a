"""The JSON Schemas of manifest and index, and of all formats by name: what is published is what the readers obey."""

from __future__ import annotations

from wasmbuild.formats.documents import INDEX, MANIFEST, RECORD
from wasmbuild.formats.record_rules import JSON_SCHEMA as RECORD_SCHEMA
from wasmbuild.formats.schema_parts import (
    KIND,
    NAME,
    NAME_OF_ONE_PART,
    SHA256,
    SIZE,
    SOURCE_PATH,
    TRAITS,
    Schema,
    array,
    between,
    by_kind,
    choice,
    few,
    published,
    strict,
    text,
)
from wasmbuild.formats.strict_json import INT_MAX, INT_MIN
from wasmbuild.project import cases
from wasmbuild.project.case_values import MAX_TEXT, MAX_VALUES
from wasmbuild.project.levels import LEVELS

_NAME_OF_MODULE = text(NAME, "a name of letters, digits, '.', '_', '-' and '/', no part of it starting with a dot")
_TRIPLE = text(r"[A-Za-z0-9_.-]+", 'a target triple such as "aarch64-unknown-linux-gnu"', 100)
_VERSION = text(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+.][0-9A-Za-z.+-]*)?", 'a version such as "48.0.8"', 100)
_SETTING_NAME = text(r"[a-z0-9][a-z0-9_-]*", "the name of a setting", 100)
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
_FREE_TEXT: Schema = {"type": "string", "maxLength": MAX_TEXT}
_BASE64: Schema = {"type": "string", "maxLength": 4 * cases.MAX_DIRECTORY // 3 + 4}
_VALUES = few({"type": ["boolean", "number", "string", "array", "object"], "description": "a value"}, MAX_VALUES)
_TEST = strict(
    {"call": {"type": "string", "maxLength": cases.MAX_NAME}, "args": _VALUES},
    {
        "returns": _VALUES,
        "traps": {**_FREE_TEXT, "minLength": 1, "description": "a part of Wasmtime's words for a trap"},
        "exit": between(*cases.EXITS),
        "stdout": _FREE_TEXT,
        "stderr": _FREE_TEXT,
        "wasi": strict(
            {"argv": few(_FREE_TEXT, MAX_VALUES, 1)},
            {
                "env": {"type": "object", "additionalProperties": _FREE_TEXT},
                "stdin": _FREE_TEXT,
                "files": {"type": "object", "additionalProperties": _FREE_TEXT},
                "dirs": {
                    "type": "object",
                    "additionalProperties": SHA256,
                    "description": "directories to read, by path: each the key of what it holds in directories",
                },
            },
        ),
        "imports": choice(cases.STAND_INS),
        "fuel": between(*cases.FUEL),
        "time_limit": between(*cases.SECONDS),
    },
)
_DIRECTORIES: Schema = {
    "type": "object",
    "propertyNames": SHA256,
    "additionalProperties": {"type": "object", "additionalProperties": _BASE64},
    "description": "what directories hold that tests read: files in base64, by path, by the SHA-256 of that object",
}


def _path(suffix: str) -> Schema:
    description = (
        f'a relative path that ends in ".{suffix}": forward slashes, letters, digits, ".", "_" and "-", '
        "no part starting with a dot"
    )
    return text(rf"{NAME}\.{suffix}", description)


JSON_SCHEMAS: dict[str, Schema] = {
    RECORD: RECORD_SCHEMA,
    MANIFEST: published(
        MANIFEST,
        "The manifest of one target",
        strict(
            {
                "schema": {"type": "string", "const": MANIFEST},
                "project": NAME_OF_ONE_PART,
                "target": strict(
                    {
                        "name": NAME_OF_ONE_PART,
                        "triple": _TRIPLE,
                        "cpu": {
                            **text(r"[A-Za-z0-9][A-Za-z0-9._-]*", "the name of a CPU level, or null", 100),
                            "type": ["string", "null"],
                        },
                        "isa_flags": _FLAGS,
                    }
                ),
                "wasmtime": strict(
                    {
                        "major": {"type": "integer", "minimum": 1, "maximum": 9999},
                        "compiler": _VERSION,
                        "compiler_sha256": SHA256,
                    },
                    {"runtime": _VERSION},
                ),
                "engine": _ENGINE,
                "require": {
                    "type": ["string", "null"],
                    "enum": [*LEVELS, None],
                },
                "artifacts": array(
                    by_kind(
                        {
                            "module": _NAME_OF_MODULE,
                            "kind": KIND,
                            "path": _path("cwasm"),
                            "size": SIZE,
                            "sha256": SHA256,
                            "key": SHA256,
                            "source": strict({"path": SOURCE_PATH, "sha256": SHA256}),
                        },
                        {
                            "tests": few(_TEST, cases.MAX_CASES, 1),
                            "traits": TRAITS,
                            "wasm": strict({"path": _path("wasm"), "size": SIZE, "sha256": SHA256}),
                        },
                    )
                ),
            },
            {"directories": _DIRECTORIES},
        ),
    ),
    INDEX: published(
        INDEX,
        "The index of a build directory",
        strict(
            {
                "schema": {"type": "string", "const": INDEX},
                "project": NAME_OF_ONE_PART,
                "targets": array(
                    strict({"name": NAME_OF_ONE_PART, "triple": _TRIPLE, "path": _path("json"), "sha256": SHA256})
                ),
            }
        ),
    ),
}
"""By name of the format: its JSON Schema (draft 2020-12)."""
