"""What the reporter tells our tasks by: an entry of their ``meta``, and its values."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from doit.task import Task

META = "wasmbuild"

OUTDATED = "outdated"
UP_TO_DATE = "up-to-date"
MANIFESTS = "manifests"
FOUND_RIGHT = "found-right"
OTHER = "other"


def kind(task: Task) -> str | None:
    """Return what a task of ours is, ``None`` for another."""
    return task.meta.get(META) if task.meta else None
