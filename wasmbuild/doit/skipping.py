"""Skipping artifacts that were found right: to come to thousands of tasks and skip each takes most of a run.

doit tells nobody whether it was told to run everything (``-a``). So it comes first to a task that is up to date, and
where it skips that one, it would skip all of these: then no task that it comes to next waits for them any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from doit.dependency import SqliteDB
from doit.globals import Globals
from doit.task import Task

from wasmbuild.doit import builds
from wasmbuild.doit.kinds import FOUND_RIGHT, META, UP_TO_DATE, kind

MEMORY = ":memory:"
"""The name of a database of doit's that is new in each run."""

_NAME = "_found_right"


class SkippedTasks:
    """The artifacts that doit need not come to, of tasks that it is about to run."""

    def __init__(self, tasks: dict[str, Task], selected: list[str]) -> None:
        """``tasks`` are all of doit's, by name, and ``selected`` those that it runs, before it has looked at either.

        An artifact that is selected by its name is come to.
        """
        self._tasks = tasks
        self.names: set[str] = set()
        tasks[_NAME] = Task(_NAME, None, uptodate=[True], meta={META: FOUND_RIGHT})
        if _remembers_nothing() and builds.is_alone(tasks):
            right = {task.name for task in waited_for(tasks, selected) if kind(task) == UP_TO_DATE}
            self.names = right.difference(selected)
        if self.names:
            selected.insert(0, _NAME)

    def drop_dependencies(self) -> None:
        """Let nothing wait for them: doit has skipped the task that it came to first."""
        for task in self._tasks.values():
            if task.task_dep:
                task.task_dep = [name for name in task.task_dep if name not in self.names]


def waited_for(tasks: Mapping[str, Task], selected: Sequence[str]) -> Iterator[Task]:
    """Yield tasks that are selected, and those that they wait for, each once."""
    seen: set[str] = set()
    waiting: list[Iterable[str]] = [selected]
    while waiting:
        for name in waiting.pop():
            if name not in seen:
                seen.add(name)
                task = tasks[name]
                yield task
                if task.task_dep:
                    waiting.append(task.task_dep)


def _remembers_nothing() -> bool:
    """Tell whether nobody can have told doit to ignore any task."""
    database = Globals.dep_manager
    return database is not None and database.db_class is SqliteDB and database.name == MEMORY
