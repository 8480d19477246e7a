"""What doit asks when a task comes up: whether it is up to date."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from doit.dependency import UptodateCalculator

from wasmbuild.doit import made
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from doit.dependency import Dependency
    from doit.task import Task

    from wasmbuild.doit.builds import Build


class _Check(UptodateCalculator, ABC):
    """Tells doit whether a task is up to date, and other tasks what it made.

    doit takes what others ask for (``getargs``) from its database, which is new now and then, and knows nothing of
    builds that went on without it.
    """

    # doit asks for the signature of every callable, and to work it out takes longer than all the rest.
    __signature__ = inspect.Signature([inspect.Parameter("task", inspect.Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(self, build: Build) -> None:
        self._build = build
        self._database: Dependency | None = None
        self._tasks: Mapping[str, Task] = {}

    def setup(self, dep_manager: Dependency, tasks_dict: Mapping[str, Task]) -> None:
        self._database = dep_manager
        self._tasks = tasks_dict

    def __call__(self, task: Task) -> bool:
        if not self._is_right(task):
            return False
        if self._database is not None and self._build.is_asked(task.name, self._tasks):
            values = self._made(task)
            known = self._database.get_values(task.name) or {}
            if any(known.get(key) != value for key, value in values.items()):
                task.values = task.result = values
                self._database.save_success(task)
        return True

    @abstractmethod
    def _is_right(self, task: Task) -> bool:
        """Tell whether what the task makes is right."""

    @abstractmethod
    def _made(self, task: Task) -> dict[str, Any]:
        """Return what other tasks may ask for."""


class ArtifactCheck(_Check):
    """Tells whether an artifact is right, when the tasks that may make its source have run.

    Its text is why the artifact has to be compiled, for ``doit info``.
    """

    def __init__(self, build: Build, reasons: Sequence[str] = ("its source has changed since doit started",)) -> None:
        super().__init__(build)
        self._text = "; ".join(reasons)

    def _is_right(self, task: Task) -> bool:
        # It has served its purpose: the order of tasks. What changed is told by our records; doit's database would take
        # every file that is new to it for a change.
        task.file_dep.clear()
        id = task.name.partition(":")[2]
        if self._build.is_right(id, self._tasks):
            return True
        self._build.select(id)
        return False

    def _made(self, task: Task) -> dict[str, Any]:
        return made.artifact(self._build.artifact(task.name.partition(":")[2]), self._build.plan.build_dir)

    def __repr__(self) -> str:
        return self._text


class IndexCheck(_Check):
    """Tells whether everything is as the last whole build left it."""

    def _is_right(self, task: Task) -> bool:
        return self._build.is_untouched()

    def _made(self, task: Task) -> dict[str, Any]:
        return made.index(self._build.plan.build_dir)
