"""Tasks for doit that are alike: doit checks every attribute of every task, most of what thousands of them take.

What ``doit.loader`` makes of a dict is made so once here, and the others are copies of that one with what is their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doit.task import Task

_OWN = {"name", "subtask_of", "_actions", "file_dep", "targets", "uptodate", "doc", "meta"}


def made(described: Iterator[dict[str, Any]]) -> Iterator[Task | dict[str, Any]]:
    """Yield tasks in the place of dicts, or the dicts where this doit makes tasks in another way.

    Of those with ``file_dep`` all have the same keys: ``basename``, ``name``, ``actions``, ``file_dep``, ``targets``,
    ``uptodate``, ``doc``, ``meta``, and others with the same values. Their paths are strings, ``uptodate`` is made of
    callables alone. The first dict is that of their group.
    """
    if not vars(Task("pattern", [])).keys() >= _OWN:
        yield from described
        return
    group: Task | None = None
    copies: _Copies | None = None
    for each in described:
        if "name" in each and each["name"] is None:
            rest = {name: value for name, value in each.items() if name not in ("basename", "name")}
            group = Task(each["basename"], None, has_subtask=True, **rest)
            yield group
        elif group is not None and "file_dep" in each:
            copies = copies or _Copies(each)
            task = copies.one(each)
            group.task_dep.append(task.name)
            yield task
        else:
            yield each


class _Copies:
    def __init__(self, described: dict[str, Any]) -> None:
        self._basename = described["basename"]
        self._pattern = vars(Task(**{name: value for name, value in described.items() if name != "basename"}))
        # What doit adds to one of them must not be in all of them.
        self._containers = [
            name for name, value in self._pattern.items() if type(value) in (list, dict, set) and name not in _OWN
        ]

    def one(self, described: dict[str, Any]) -> Task:
        task = Task.__new__(Task)
        own = vars(task)
        own.update(self._pattern)
        for name in self._containers:
            own[name] = own[name].copy()
        own["name"] = f"{self._basename}:{described['name']}"
        own["subtask_of"] = self._basename
        own["_actions"] = described["actions"]
        own["file_dep"] = set(described["file_dep"])
        own["targets"] = described["targets"]
        own["uptodate"] = [(check, [], {}) for check in described["uptodate"]]
        own["doc"] = described["doc"]
        own["meta"] = described["meta"]
        return task
