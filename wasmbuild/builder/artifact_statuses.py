"""The status of each artifact while they are made, and so which targets have a manifest."""

from __future__ import annotations

from _thread import allocate_lock

from wasmbuild.builder.checker import Status
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.builder.examining import SourceFacts
    from wasmbuild.builder.manifests import Manifests
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Target


class ArtifactStatuses:
    """What is known of each artifact. A manifest goes with the first that is not right, and comes with the last.

    Threads may call ``settle``, ``doubt`` and ``touch`` at once; who calls ``replace`` has the ``mutex``.
    """

    def __init__(self, plan: Plan, manifests: Manifests) -> None:
        self.by_id: dict[str, Status] = {}
        self.mutex = allocate_lock()
        # Modules of which something was looked at again or made: their artifacts are looked at in the end.
        self.touched: set[str] = set()
        # Of those that were made, by id.
        self.made_from: dict[str, SourceFacts] = {}
        self._plan = plan
        self._manifests = manifests
        self._wrong: dict[str, int] = {}

    def outdated(self) -> list[Status]:
        """Return what is not right, the largest sources first, so that none of them is left for the end."""
        # Of thousands, most are right: to ask each by its property takes twice as long.
        wrong = [status for status in self.by_id.values() if status.reasons or status.error is not None]
        return sorted(wrong, key=lambda status: -status.source_size)

    def count(self) -> None:
        """Begin to count what is wrong; the manifests of targets that are not whole go. Raises DiskError."""
        self._wrong = {target.name: 0 for target in self._plan.targets}
        for status in self.outdated():
            self._wrong[status.artifact.target.name] += 1
        self._manifests.retract({name for name, count in self._wrong.items() if count})

    def is_whole(self, target: Target) -> bool:
        """Tell whether all artifacts of a target are right, as far as was counted."""
        return not self._wrong[target.name]

    def touch(self, module_name: str) -> None:
        """Have the artifacts of a module looked at in the end."""
        self.touched.add(module_name)

    def doubt(self, id: str) -> None:
        """Take an artifact that is right for one that is not. Raises DiskError."""
        with self.mutex:
            self.replace(self.by_id[id]._replace(reasons=("asked for",)), counted=True)

    def settle(self, id: str, source: SourceFacts) -> None:
        """Note that an artifact that was not right is now, made from a source that was seen so.

        The last one of a target brings its manifest back. Raises DiskError.
        """
        with self.mutex:
            self.made_from[id] = source
            self.replace(self.by_id[id]._replace(reasons=()), counted=True)

    def replace(self, status: Status, *, counted: bool) -> None:
        """Take another status of an artifact for what is so; nothing is written unless it is ``counted``.

        Raises DiskError.
        """
        id, target = status.artifact.id, status.artifact.target
        was_right = self.by_id[id].right
        self.by_id[id] = status
        if not counted or status.right == was_right:
            return
        self._wrong[target.name] += 1 if was_right else -1
        if not self._wrong[target.name]:
            self._manifests.write(target)
        elif was_right:
            self._manifests.retract([target.name])
