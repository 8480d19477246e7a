"""Every directory of ``tests/projects/good`` is a declaration, with its plan in ``expected.json``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from building import load

from wasmbuild.plan.document import to_json
from wasmbuild.plan.graph import plan

PROJECTS = Path(__file__).parents[2] / "projects" / "good"


@pytest.mark.parametrize("directory", sorted(PROJECTS.iterdir()), ids=lambda directory: directory.name)
def test_good_project(directory: Path) -> None:
    data = json.loads(json.dumps(to_json(plan(load(directory / "wasmbuild.toml")))))
    expected = json.loads((directory / "expected.json").read_text(encoding="utf-8"))
    if "memory" not in expected["limits"]:
        # Undeclared, it depends on the system.
        del data["limits"]["memory"]
    assert data == expected
    # Equal dicts may differ in order, and the order of all of them is fixed.
    assert json.dumps(data) == json.dumps(expected)
