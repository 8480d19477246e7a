"""What inspection found as JSON, ``wasmbuild/inspection/1``, and its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wasmbuild.audit.judge import VERDICTS, Finding
from wasmbuild.formats.extern import COMPONENT_KINDS, CORE_KINDS, Export, Import
from wasmbuild.formats.schema_parts import TRAITS, Schema, array, or_null, published, strict
from wasmbuild.formats.traits import Traits
from wasmbuild.inspection import roles
from wasmbuild.inspection.calls import calls
from wasmbuild.inspection.difference import Comparison
from wasmbuild.inspection.facts import ArtifactDescription, Description, Origin, Section, WebAssembly
from wasmbuild.lean.typing import Any
from wasmbuild.project.audit_policy import SEVERITIES

SCHEMA = "wasmbuild/inspection/1"


def to_json(descriptions: Sequence[Description], comparison: Comparison | None) -> str:
    """Return descriptions, and how two of them differ, as JSON. The last line ends with a newline."""
    document = {
        "schema": SCHEMA,
        "ok": not any(description.error for description in descriptions),
        "files": [_description(description) for description in descriptions],
        "comparison": None
        if comparison is None
        else {
            "sentence": comparison.sentence,
            "differences": [{"what": what, "a": left, "b": right} for what, left, right in comparison.differences],
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _description(description: Description) -> dict[str, Any]:
    artifact, webassembly = description.artifact, description.webassembly
    return {
        "path": description.path,
        "kind": description.kind,
        "size": description.size,
        "sha256": description.sha256,
        "error": description.error or None,
        "notes": list(description.notes),
        "load_with": calls(description).right if not description.error else None,
        "artifact": _artifact(artifact) if artifact is not None else None,
        "webassembly": _webassembly(webassembly) if webassembly is not None else None,
        "origin": _origin(description.origin) if description.origin is not None else None,
    }


def _artifact(artifact: ArtifactDescription) -> dict[str, Any]:
    engine = artifact.engine
    return {
        "kind": artifact.kind,
        "wasmtime": artifact.line,
        "triple": artifact.triple,
        "architecture": artifact.architecture,
        "cpu": {
            "level": artifact.cpu.level,
            "features": list(artifact.cpu.features),
            "isa_flags": dict(artifact.cpu.flags),
        },
        "engine": {
            "settings": dict(engine.settings) if engine.settings is not None else None,
            "exact": engine.exact,
            "unnamed": list(engine.unnamed),
            "problem": engine.problem or None,
        },
        "cranelift_flags": dict(artifact.cranelift_flags),
        "sections": _sections(artifact.sections),
        "faults": [_fault(finding) for finding in artifact.faults] if artifact.faults is not None else None,
    }


def _webassembly(described: WebAssembly) -> dict[str, Any]:
    return {
        "kind": described.kind,
        "binary_sha256": described.binary_sha256,
        "imports": _externs(described.imports),
        "exports": _externs(described.exports),
        "memories": list(described.memories),
        "starts": described.starts,
        "validated_by": described.line,
        "features": list(described.features) if described.features is not None else None,
        "problem": described.problem or None,
        "traits": _traits(described.traits),
        "untold": described.untold or None,
        "sections": _sections(described.sections),
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "file": origin.file,
        "id": origin.id,
        "source": {"path": origin.source, "sha256": origin.source_sha256, "wasm_sha256": origin.wasm_sha256},
        "compiler": origin.compiler or None,
        "traits": _traits(origin.traits),
        "imports": _externs(origin.imports),
        "exports": _externs(origin.exports),
    }


def _traits(traits: Traits | None) -> dict[str, Any] | None:
    return traits.to_json() if traits is not None else None


def _fault(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.advisory.id,
        "severity": SEVERITIES[finding.advisory.weight],
        "verdict": finding.verdict,
        "reason": finding.reason,
        "fixed": finding.fixed,
    }


def _externs(externs: Sequence[Import] | Sequence[Export]) -> list[dict[str, str]]:
    return [extern._asdict() for extern in externs]


def _sections(sections: Sequence[Section]) -> list[dict[str, Any]]:
    return [{"name": section.name, "size": section.size, "role": section.role} for section in sections]


def _strict(properties: dict[str, Any], *, nullable: bool = False) -> dict[str, Any]:
    return or_null(strict(properties)) if nullable else strict(properties)


_TEXT: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_SIZE: Schema = {"type": "integer", "minimum": 0}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT_OR_NULL = or_null(_TEXT)
_DIGEST_OR_NULL = or_null(_DIGEST)
_KIND: Schema = {"type": "string", "enum": ["module", "component"]}
_FLAGS: Schema = {"type": "object", "additionalProperties": {"type": ["boolean", "integer", "string"]}}
_EXTERN_KIND = {"type": "string", "enum": list(dict.fromkeys((*CORE_KINDS, *COMPONENT_KINDS)))}
_IMPORTS = array(_strict({"module": _TEXT, "name": _TEXT, "kind": _EXTERN_KIND, "type": _TEXT}))
_EXPORTS = array(_strict({"name": _TEXT, "kind": _EXTERN_KIND, "type": _TEXT}))
_SECTIONS = array(_strict({"name": _TEXT, "size": _SIZE, "role": {"type": "string", "enum": list(roles.ROLES)}}))

_TRAITS_OR_NULL = {**or_null(TRAITS), "description": "what decides whether a known fault concerns it"}
_FAULT = _strict(
    {
        "id": _TEXT,
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "verdict": {"type": "string", "enum": list(reversed(VERDICTS))},
        "reason": {**_TEXT, "description": "one line for people"},
        "fixed": {**_TEXT_OR_NULL, "description": "the first version of the line that mends it, or of a later line"},
    }
)

JSON_SCHEMA: dict[str, object] = published(
    SCHEMA,
    "What files say of themselves",
    _strict(
        {
            "schema": {"type": "string", "const": SCHEMA},
            "ok": {**_BOOLEAN, "description": "whether every file could be described"},
            "files": array(
                _strict(
                    {
                        "path": {**_TEXT, "description": "as it was named"},
                        "kind": {"type": "string", "enum": ["artifact", "module", "component", "text", "other"]},
                        "size": {**_SIZE, "type": ["integer", "null"], "description": "bytes"},
                        "sha256": _DIGEST_OR_NULL,
                        "error": {**_TEXT_OR_NULL, "description": "why a file of kind other cannot be described"},
                        "notes": array(_TEXT),
                        "load_with": {
                            "type": ["object", "null"],
                            "additionalProperties": _TEXT,
                            "description": "the call that loads it, by language",
                        },
                        "artifact": _strict(
                            {
                                "kind": _KIND,
                                "wasmtime": {**_TEXT, "description": "Wasmtime's major version"},
                                "triple": _TEXT,
                                "architecture": {**_TEXT_OR_NULL, "description": "null for one that is unknown"},
                                "cpu": _strict({"level": _TEXT_OR_NULL, "features": array(_TEXT), "isa_flags": _FLAGS}),
                                "engine": _strict(
                                    {
                                        "settings": {
                                            "type": ["object", "null"],
                                            "description": "as in [engine] of wasmbuild.toml, what is not the default",
                                        },
                                        "exact": {
                                            **_BOOLEAN,
                                            "description": "whether a reference with these settings is the same",
                                        },
                                        "unnamed": array(_TEXT),
                                        "problem": {**_TEXT_OR_NULL, "description": "why settings is null"},
                                    }
                                ),
                                "cranelift_flags": _FLAGS,
                                "sections": _SECTIONS,
                                "faults": {
                                    "type": ["array", "null"],
                                    "items": _FAULT,
                                    "description": "known ones of its compiler; null where nothing says which that was",
                                },
                            },
                            nullable=True,
                        ),
                        "webassembly": _strict(
                            {
                                "kind": _KIND,
                                "binary_sha256": {**_DIGEST, "description": "of the binary that text stands for"},
                                "imports": _IMPORTS,
                                "exports": _EXPORTS,
                                "memories": array(_TEXT),
                                "starts": {**_BOOLEAN, "description": "whether it has a start function"},
                                "validated_by": {
                                    "type": ["integer", "null"],
                                    "description": "the line of Wasmtime that told features and problem",
                                },
                                "features": {
                                    "type": ["array", "null"],
                                    "items": _TEXT,
                                    "description": "settings without which it is not valid; null where not told",
                                },
                                "problem": {
                                    **_TEXT_OR_NULL,
                                    "description": "why Wasmtime cannot compile it, or why features is null",
                                },
                                "traits": _TRAITS_OR_NULL,
                                "untold": {**_TEXT_OR_NULL, "description": "why traits is null"},
                                "sections": _SECTIONS,
                            },
                            nullable=True,
                        ),
                        "origin": _strict(
                            {
                                "file": {**_TEXT, "description": "the record or manifest that says so"},
                                "id": _TEXT,
                                "source": _strict({"path": _TEXT, "sha256": _DIGEST, "wasm_sha256": _DIGEST_OR_NULL}),
                                "compiler": _TEXT_OR_NULL,
                                "traits": {
                                    **_TRAITS_OR_NULL,
                                    "description": "of the source; null where whoever recorded it could not tell them",
                                },
                                "imports": _IMPORTS,
                                "exports": _EXPORTS,
                            },
                            nullable=True,
                        ),
                    }
                )
            ),
            "comparison": _strict(
                {
                    "sentence": _TEXT,
                    "differences": array(
                        _strict(
                            {
                                "what": _TEXT,
                                "a": {"description": "in the first file; null where it has none of it"},
                                "b": {"description": "in the second file"},
                            }
                        )
                    ),
                },
                nullable=True,
            ),
        }
    ),
)
"""The JSON Schema (draft 2020-12) of ``to_json``."""
