"""What doit asks when a task comes up: whether it is up to date."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from doit.task import Task

    from wasmbuild.doit.builds import Build


class Check:
    """Tells doit whether an artifact is right, when the tasks that may make its source have run.

    Its text is why the artifact has to be compiled, for ``doit info``.
    """

    # doit asks for the signature of every callable, and to work it out takes longer than all the rest.
    __signature__ = inspect.Signature([inspect.Parameter("task", inspect.Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(self, build: Build, reasons: Sequence[str] = ("its source has changed since doit started",)) -> None:
        self._build = build
        self._text = "; ".join(reasons)

    def __call__(self, task: Task) -> bool:
        # It has served its purpose: the order of tasks. What changed is told by our records; doit's database would take
        # every file that is new to it for a change.
        task.file_dep.clear()
        id = task.name.partition(":")[2]
        if self._build.is_right(id):
            return True
        self._build.select(id)
        return False

    def __repr__(self) -> str:
        return self._text
