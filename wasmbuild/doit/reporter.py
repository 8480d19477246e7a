"""What doit shows while it compiles: a line for each artifact, a live bar on a terminal, a summary."""

from __future__ import annotations

from doit.exceptions import BaseFail, UnmetDependency
from doit.reporter import ConsoleReporter
from doit.task import Task

from wasmbuild import streams
from wasmbuild.console.progress import Progress
from wasmbuild.console.terminal import Console
from wasmbuild.doit.kinds import FOUND_RIGHT, MANIFESTS, OUTDATED, UP_TO_DATE, kind
from wasmbuild.doit.skipping import SkippedTasks, waited_for
from wasmbuild.lean.typing import Any, TextIO


class Reporter(ConsoleReporter):
    """doit's console reporter, with a line for each artifact that is compiled and none for what is up to date."""

    desc = "artifacts as they are compiled, and a summary"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        super().__init__(streams.losing(outstream), options)
        self._progress = Progress(Console(self.outstream))
        self._skipped: SkippedTasks | None = None
        self._ended = False

    def initialize(self, tasks: dict[str, Task], selected_tasks: list[str]) -> None:
        """Count what is going to be compiled; nothing else has all tasks before the first of them is asked."""
        self._progress.total = sum(kind(task) == OUTDATED for task in waited_for(tasks, selected_tasks))
        self._skipped = SkippedTasks(tasks, selected_tasks)

    def execute_task(self, task: Task) -> None:
        which = kind(task)
        if which in (OUTDATED, UP_TO_DATE):
            if which == UP_TO_DATE:  # doit was told to run everything
                self._progress.total += 1
            self._progress.start(_id(task))
        elif which is None:
            super().execute_task(task)

    def add_success(self, task: Task) -> None:
        self._end_with(task)
        if kind(task) in (OUTDATED, UP_TO_DATE):
            made = task.values
            if not made["reasons"]:
                self._progress.found_right(_id(task))
                return
            how = {name: made[name] for name in ("restored", "worker")}
            self._progress.done(_id(task), made["reasons"], made["seconds"], made["size"], **how)

    def add_failure(self, task: Task, fail: BaseFail) -> None:
        which = kind(task)
        if which in (OUTDATED, UP_TO_DATE):
            self._progress.fail(_id(task), fail.message)
        elif which is None:
            super().add_failure(task, fail)
        elif which == MANIFESTS and isinstance(fail, UnmetDependency):
            self._end_with(task)
        elif not isinstance(fail, UnmetDependency) and fail.message not in self._progress.failed:
            self._progress.console.error(fail.message)

    def skip_uptodate(self, task: Task) -> None:
        self._end_with(task)
        which = kind(task)
        if which in (OUTDATED, UP_TO_DATE):
            self._progress.total -= which == OUTDATED
            self._progress.up_to_date += 1
        elif which == FOUND_RIGHT and self._skipped is not None:
            self._skipped.drop_dependencies()
            self._progress.up_to_date += len(self._skipped.names)
        elif which is None:
            super().skip_uptodate(task)

    def complete_run(self) -> None:
        self._end()
        super().complete_run()

    def _end_with(self, task: Task) -> None:
        """Sum up before what comes next, once the manifests are written: they come after all artifacts."""
        if kind(task) == MANIFESTS and not self._progress.unfinished:
            self._end()

    def _end(self) -> None:
        if not self._ended and (self._progress.total or self._progress.up_to_date):
            self._ended = True
            self._progress.end()


def _id(task: Task) -> str:
    return str(task.name.partition(":")[2])
