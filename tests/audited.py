"""Manifests as far as an audit reads them, written by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wasmbuild.audit.report import JSON_SCHEMA
from wasmbuild.cli import main

TRAITS: dict[str, Any] = {
    "features": [],
    "tags": 0,
    "odd-tags-with": [],
    "odd-tags-image-size": 0,
    "passive-data": False,
    "br-table": 0,
    "function-body": 120,
    "function-values": 4000,
    "call-ref": False,
    "try-table": False,
    "string-transcoding": False,
    "memory64": False,
    "table64": False,
    "shared-memory": False,
}
"""Of a plain module."""

GC = {"features": ["gc", "reference-types"]}
EXCEPTIONS_AND_GC = {"features": ["exceptions", "gc", "reference-types"], "tags": 2, "try-table": True}
ONE_TAG_AND_PASSIVE_DATA = {
    "features": ["bulk-memory", "exceptions"],
    "tags": 1,
    "odd-tags-with": ["passive-data"],
    "passive-data": True,
}
HUGE_BR_TABLE = {"br-table": 270_000}
TRIPLES = {
    "x64": "x86_64-unknown-linux-gnu",
    "arm": "aarch64-unknown-linux-gnu",
    "riscv": "riscv64gc-unknown-linux-gnu",
    "s390x": "s390x-unknown-linux-gnu",
    "windows": "x86_64-pc-windows-msvc",
    "pulley": "pulley64",
    "pulley32": "pulley32",
}


def artifact(module: str, traits: dict[str, Any] | None, *, kind: str = "module") -> dict[str, Any]:
    """Return an artifact of a manifest; ``traits`` are those that a plain module has not, None for no traits at all."""
    known = {} if traits is None else {"traits": {**TRAITS, **traits}}
    return {"module": module, "kind": kind, "path": f"{module}.cwasm", "sha256": "0" * 64, **known}


def manifest(
    artifacts: list[dict[str, Any]],
    *,
    target: str = "x64",
    triple: str | None = None,
    compiler: str = "48.0.2",
    engine: dict[str, Any] | None = None,
    isa_flags: dict[str, Any] | None = None,
) -> bytes:
    document = {
        "schema": "wasmbuild/manifest/1",
        "project": "demo",
        "target": {"name": target, "triple": triple or TRIPLES[target], "cpu": None, "isa_flags": isa_flags or {}},
        "wasmtime": {"major": int(compiler.partition(".")[0]), "compiler": compiler, "compiler_sha256": "0" * 64},
        "engine": {"embedder": "c-api", **(engine or {})},
        "require": None,
        "artifacts": artifacts,
    }
    return json.dumps(document).encode()


def ship(directory: Path, manifests: dict[str, bytes]) -> Path:
    """Write manifests by target, and the index of them, into a directory."""
    targets = []
    for target, data in manifests.items():
        path = directory / target / "manifest.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        triple = json.loads(data)["target"]["triple"]
        sha256 = hashlib.sha256(data).hexdigest()
        targets.append({"name": target, "triple": triple, "path": f"{target}/manifest.json", "sha256": sha256})
    index = {"schema": "wasmbuild/index/1", "project": "demo", "targets": targets}
    (directory / "index.json").write_text(json.dumps(index))
    return directory


MODULES = [
    artifact("plain", {}),
    artifact("jump", HUGE_BR_TABLE),
    artifact("throw", EXCEPTIONS_AND_GC),
    artifact("tag", ONE_TAG_AND_PASSIVE_DATA),
]
TOML = """
[project]
name = "demo"
build-dir = "out"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.plain]
source = "plain.wat"
"""


class Shell:
    """The command, run in this process in a directory of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        code = main(["audit", *arguments])
        out, self.err = self._capsys.readouterr()
        assert code == status, out + self.err
        return out

    def report(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self("--json", *arguments, status=status))
        jsonschema.Draft202012Validator(JSON_SCHEMA).validate(report)
        return report

    def affected(self, *arguments: str, status: int = 1) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for entry in self.report(*arguments, status=status)["artifacts"]:
            ids = {each["id"] for each in entry["advisories"] if each["verdict"] == "affected"}
            assert (entry["status"] == "affected") == bool(ids)
            if ids:
                found[entry["id"]] = ids
        return found


def declare(audit: str) -> None:
    Path("wasmbuild.toml").write_text(TOML + audit)
