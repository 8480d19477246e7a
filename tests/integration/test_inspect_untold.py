"""``wasmbuild inspect`` says why it does not tell something, to people and in JSON."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from support import Project

from wasmbuild.inspection.report import JSON_SCHEMA

# A function with a `try` and no `catch`.
LEGACY = bytes.fromhex("0061736d01000000 0104016000 00 03020100 0a0801060006 40190b0b")


def inspected(project: Project, path: str) -> tuple[dict[str, Any], str]:
    """Return what is told of a module, as JSON and as text without its line breaks."""
    document = json.loads(project.run("inspect", "--json", path).stdout)
    jsonschema.validate(document, JSON_SCHEMA)
    return document["files"][0]["webassembly"], " ".join(project.run("inspect", path).stdout.split())


def test_a_module_that_is_too_large_to_be_validated(project: Project) -> None:
    size = 33 << 20
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21])
    (project.root / "large.wasm").write_bytes(b"\0asm\1\0\0\0" + b"\0" + length + b"\4data" + bytes(size - 5))
    told, shown = inspected(project, "large.wasm")
    why = "it is larger than 33.6 MB, and validated by a build alone"
    assert (told["features"], told["validated_by"], told["problem"]) == (None, None, why)
    assert f" needs not told: {why} uses " in shown


def test_a_module_whose_use_of_proposals_is_not_told(project: Project) -> None:
    (project.root / "legacy.wasm").write_bytes(LEGACY)
    told, shown = inspected(project, "legacy.wasm")
    assert told["traits"] is None
    assert told["untold"].startswith("it uses legacy exceptions, which Wasmtime lacks (")
    assert f" uses not told: {told['untold']} " in shown
    (project.root / "plain.wat").write_text("(module)")
    assert inspected(project, "plain.wat")[0]["untold"] is None
