"""What ``wasmbuild inspect`` says as JSON, and a module to ask it about."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from support import Project

from wasmbuild.inspection.report import JSON_SCHEMA

LOG = """(module
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 10)
  (data (i32.const 16) "polynomial")
  (func (export "sum") (param i32 i64) (result i32) (call $log (local.get 0)) (i32.load (i32.const 16))))"""


def inspected(project: Project, *arguments: str, status: int = 0) -> Any:
    document = json.loads(project.run("inspect", "--json", *arguments, status=status).stdout)
    jsonschema.validate(document, JSON_SCHEMA)
    assert document["ok"] == (status == 0)
    return document
