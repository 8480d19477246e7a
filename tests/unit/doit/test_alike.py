"""Tasks that are copies: in nothing other than what doit makes of the same dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from doit.loader import generate_tasks
from doit.task import IOConfig, Task

from wasmbuild.doit import alike


def check(task: Task) -> bool:
    return True


def described() -> Iterator[dict[str, Any]]:
    yield {"basename": "compile", "name": None, "doc": "all of them", "meta": {"x": "group"}}
    for number in range(3):
        yield {
            "basename": "compile",
            "name": f"m{number}@x64",
            "actions": [(print, [f"m{number}"])],
            "file_dep": [f"m{number}.wasm"],
            "targets": [f"build/m{number}.cwasm"],
            "uptodate": [check],
            "clean": True,
            "io": {"capture": False},
            "doc": f"doc {number}",
            "meta": {"x": str(number)},
        }
    yield {"basename": "compile", "name": "manifests", "actions": [], "task_dep": ["compile:m0@x64"]}


def attributes(tasks: list[Task]) -> list[dict[str, Any]]:
    return [{k: vars(v) if isinstance(v, IOConfig) else v for k, v in vars(task).items()} for task in tasks]


def quick() -> list[Task]:
    def creator() -> Iterator[object]:
        yield from alike.made(described())

    return list(generate_tasks("compile", creator()))


def test_they_are_what_doit_makes_of_the_dicts() -> None:
    assert attributes(quick()) == attributes(generate_tasks("compile", described()))


def test_what_is_added_to_one_is_not_in_the_others() -> None:
    _, first, second, *_ = quick()
    for name, value in vars(first).items():
        if isinstance(value, (list, dict, set)) and name not in ("getargs",):
            assert value is not vars(second)[name], name


def test_another_doit_gets_the_dicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_OWN", {"an attribute that tasks do not have"})
    assert attributes(quick()) == attributes(generate_tasks("compile", described()))
