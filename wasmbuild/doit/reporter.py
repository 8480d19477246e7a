"""What doit shows while it compiles: a line for each artifact, a live bar on a terminal, a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from doit.exceptions import BaseFail, UnmetDependency
from doit.reporter import ConsoleReporter
from doit.task import Task

from wasmbuild.console import Console
from wasmbuild.doit.checks import settle
from wasmbuild.doit.kinds import MANIFESTS, META, OUTDATED, UP_TO_DATE
from wasmbuild.lean_typing import Any, TextIO
from wasmbuild.progress import Progress


class Reporter(ConsoleReporter):
    """doit's console reporter, with a line for each artifact that is compiled and none for what is up to date."""

    desc = "artifacts as they are compiled, and a summary"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self._progress = Progress(Console(outstream))
        self._ended = False

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Sequence[str]) -> None:
        """Count what is going to be compiled; nothing else has all tasks before the first of them is asked."""
        settle(tasks)
        self._progress.total = sum(_kind(task) == OUTDATED for task in _with_subtasks(tasks, selected_tasks))

    def execute_task(self, task: Task) -> None:
        kind = _kind(task)
        if kind in (OUTDATED, UP_TO_DATE):
            if kind == UP_TO_DATE:  # doit was told to run everything
                self._progress.total += 1
            self._progress.start(_id(task))
        elif kind is None:
            super().execute_task(task)

    def add_success(self, task: Task) -> None:
        self._end_with(task)
        if _kind(task) in (OUTDATED, UP_TO_DATE):
            made = task.values
            how = {name: made[name] for name in ("restored", "worker")}
            self._progress.done(_id(task), made["reasons"], made["seconds"], made["size"], **how)

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        kind = _kind(task)
        if kind in (OUTDATED, UP_TO_DATE):
            self._progress.fail(_id(task), fail.message)
        elif kind is None:
            super().add_failure(task, fail)
        elif kind == MANIFESTS and isinstance(fail, UnmetDependency):
            self._end_with(task)
        elif not isinstance(fail, UnmetDependency) and fail.message not in self._progress.failed:
            self._progress.console.write(f"{self._progress.console.bad('error:')} {fail.message}")

    def skip_uptodate(self, task: Task) -> None:
        self._end_with(task)
        kind = _kind(task)
        if kind in (OUTDATED, UP_TO_DATE):
            self._progress.total -= kind == OUTDATED
            self._progress.up_to_date += 1
        elif kind is None:
            super().skip_uptodate(task)

    def complete_run(self) -> None:
        self._end()
        super().complete_run()

    def _end_with(self, task: Task) -> None:
        """Sum up before what comes next, once the manifests are written: they come after all artifacts."""
        if _kind(task) == MANIFESTS and not self._progress.unfinished:
            self._end()

    def _end(self) -> None:
        if not self._ended and (self._progress.total or self._progress.up_to_date):
            self._ended = True
            self._progress.end()


def _kind(task: Task) -> str | None:
    return task.meta.get(META) if task.meta else None


def _id(task: Task) -> str:
    return str(task.name.partition(":")[2])


def _with_subtasks(tasks: Mapping[str, Task], names: Sequence[str]) -> Iterator[Task]:
    for name in names:
        task = tasks[name]
        yield task
        if task.has_subtask:
            yield from (tasks[subtask] for subtask in task.task_dep if tasks[subtask].subtask_of == name)
