"""Looking over a build directory: no file more closely than what is remembered of it asks for."""

from __future__ import annotations

from wasmbuild.builder import noop
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmbuild.builder.artifact_statuses import ArtifactStatuses
    from wasmbuild.builder.build_directory import BuildDirectory
    from wasmbuild.builder.checker import Checker, Status
    from wasmbuild.builder.manifests import Manifests
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact


class Survey:
    """Brings what is known of all artifacts (``statuses``) up to what is there.

    What the last whole build of this very plan left is right but for files that have other signatures by now.
    """

    def __init__(
        self,
        plan: Plan,
        looked: noop.Snapshot,
        directory: BuildDirectory,
        checker: Checker,
        manifests: Manifests,
        statuses: ArtifactStatuses,
    ) -> None:
        """``looked`` is what ``noop.look`` found just now: what it found unchanged is not looked at once more."""
        self.as_it_was = False
        """Whether the last whole build was of this plan, when the directory was taken."""
        self._plan = plan
        self._artifacts = dict(zip(looked.files.artifacts, plan.artifacts, strict=True))
        self._paths = looked.files.artifacts.values()
        self._identity = looked.identity
        self._directory = directory
        self._checker = checker
        self._manifests = manifests
        self._statuses = statuses
        self._seen = looked.signatures
        # Statuses are of what the memory knows, which nobody has held against the files.
        self._believing = False
        # Statuses stand for what was just looked at.
        self._fresh = False
        # Artifacts that were as the last whole build left them, as ``looked`` had it.
        self._unchanged: set[str] = set()

    def check(self) -> None:
        """Find out which artifacts are right. Raises DiskError."""
        statuses = self._statuses
        if not statuses.by_id and self._is_as_it_was():
            self._believe()
        before = statuses.by_id
        if self._fresh:
            self._fresh = False
            rest = [artifact for id, artifact in self._artifacts.items() if id not in before]
            checked = self._checker.check(rest, {})
            statuses.by_id = {**before, **checked}
        else:
            checked = statuses.by_id = self._checker.check(self._plan.artifacts, before)
        if self._believing:
            # Another build may have made one anew, record and all: it is right, and a manifest that was is not.
            self._believing = False
            anew = (status for id, status in checked.items() if status.right and status is not before.get(id))
            self._manifests.doubt({status.artifact.target.name for status in anew})

    def forget(self) -> None:
        """Forget all that was found: another build has had the directory meanwhile, or may have it from now on."""
        self._statuses.by_id, self._seen, self._unchanged = {}, (), set()
        self._believing = self._fresh = False
        self._manifests.doubt({target.name for target in self._plan.targets})

    def recall(self, *, ours: bool) -> bool:
        """Take up what is remembered, when the directory was just locked; tell whether nobody else made anything there.

        With ``ours``, what is known is what this process left there.
        """
        self.as_it_was = (ours and self.as_it_was) or self._is_as_it_was()
        if self.as_it_was and not self._statuses.by_id:
            self._believe()
        self._seen = ()
        return self.as_it_was or ours

    def look(self, *, ours: bool) -> None:
        """Look at what may have changed before the directory was locked, by its clock now. Raises DiskError."""
        if ours:
            return
        if self.as_it_was and self._unchanged and not self._fresh:
            # Nobody has built since: what was not as it was then is looked at again.
            rest = [artifact for id, artifact in self._artifacts.items() if id not in self._unchanged]
            self._statuses.by_id.update(self._checker.check(rest, {}))
        else:
            self._manifests.refuse_another_project()
            self.check()

    def look_again(self, artifact: Artifact) -> Status:
        """Look at one artifact closely, whatever is known of it. Raises DiskError."""
        self._statuses.touch(artifact.module.name)
        self._unchanged.discard(artifact.id)
        status = self._checker.check_one(artifact)
        self._statuses.replace(status, counted=self._directory.locked)
        return status

    def recheck(self) -> list[str]:
        """Look once more at what was touched; return the ids of what was right and no longer is. Raises DiskError."""
        statuses = self._statuses
        statuses.touched.update(self._young())
        self._directory.settle()
        touched = [artifact for artifact in self._plan.artifacts if artifact.module.name in statuses.touched]
        believed = list(filter(self._is_right, touched))
        statuses.by_id.update(self._checker.check(touched, statuses.by_id, statuses.made_from))
        return [artifact.id for artifact in believed if not self._is_right(artifact)]

    def _young(self) -> Iterator[str]:
        """Yield the modules of which a file was too young to be trusted: edited, or made by another process."""
        if young := self._directory.memory.young:
            for artifact, path in zip(self._plan.artifacts, self._paths, strict=True):
                if not young.isdisjoint((str(artifact.module.source), path, path + filenames.RECORD_SUFFIX)):
                    yield artifact.module.name

    def _is_right(self, artifact: Artifact) -> bool:
        return self._statuses.by_id[artifact.id].right

    def _believe(self) -> None:
        """Take all to be as the last whole build left it, but for files whose signatures are others by now."""
        self._believing = True
        if self._seen:
            self._fresh = True
            self._statuses.by_id = self._checker.unchanged(self._artifacts, self._seen)
            self._unchanged = set(self._statuses.by_id)
            self._seen = ()
        else:
            self._statuses.by_id = self._checker.believe(self._plan.artifacts)
        self._manifests.believe()

    def _is_as_it_was(self) -> bool:
        """Tell whether what is remembered is what the last whole build of this plan found."""
        return noop.is_of(self._plan, self._identity, self._directory.memory.notes.get(noop.WHOLE))
