"""The builds of this process, one for each wasmbuild.toml."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from doit.globals import Globals

from wasmbuild import boundary, files, streams
from wasmbuild.builder.workspace import Planned, Workspace
from wasmbuild.doit.kinds import kind
from wasmbuild.errors import UsageError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.stepwise import StepwiseBuild

if TYPE_CHECKING:
    from doit.dependency import Dependency
    from doit.task import Task

    from wasmbuild.plan.graph import Plan
    from wasmbuild.plan.placement import Placement
    from wasmbuild.project.declared import Artifact


class BuildArguments(NamedTuple):
    """A wasmbuild.toml, an absolute path, and what its build is told besides: plain values, for doit's processes."""

    config: str
    build_dir: str | None = None
    state_dir: str | None = None
    sources: tuple[tuple[str, str], ...] = ()
    targets: tuple[str, ...] = ()
    program: str | None = None
    process: int | None = None
    """The number of the process whose build it is; doit's others are not always forked from it."""

    def here(self) -> BuildArguments:
        """Return the same for a build of this process."""
        return self._replace(process=os.getpid())

    def placement(self) -> Placement:
        """Return the same as builds take it; other tasks make the sources. Raises UsageError."""
        from wasmbuild.plan.placement import placement

        return placement(
            self.build_dir, self.state_dir, dict(self.sources), self.targets, self.program, awaited=bool(self.sources)
        )


class Build:
    """One build, from looking at what is there to the last manifest.

    With doit's threads all tasks share it. In doit's processes each compile is a build of its own, one after the other.
    """

    def __init__(self, arguments: BuildArguments) -> None:
        # Which run of doit it is for, None for one that is about to begin.
        self.run: Dependency | None = Globals.dep_manager
        self.planned: Planned | None = None
        self.error: WasmbuildError | None = None
        self.up_to_date = False
        self.outdated: set[str] = set()
        self.reported: set[str] = set()
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._sources: dict[str, str] = {}
        self._signatures: dict[str, files.Signature | None] = {}
        self._unfinished: set[str] = set()
        self._tasks = 0
        self._foreign = True
        self._asked: set[str] = set()
        self._artifacts: dict[str, Artifact] = {}
        placed: Placement | None = None
        try:
            placed = arguments.placement()
        except WasmbuildError as error:
            self.error = error
        self.workspace = Workspace(_shown(arguments.config), placed)
        self.steps = StepwiseBuild(self.workspace, say, arguments.process, more=lambda: self._unfinished)
        if self.error is None:
            try:
                with boundary.as_wasmbuild_error():
                    self._look()
            except WasmbuildError as error:
                self.error = error

    def _look(self) -> None:
        self.planned = self.workspace.planned()
        if self.steps.is_elsewhere:
            # What is to be done has been found, and each compile looks at what it needs.
            return
        self._note(self.planned.plan)
        looked = self.workspace.look(self.planned)
        self.up_to_date = looked.whole
        if self.up_to_date:
            return
        session = self.steps.session(self.planned, looked)
        session.check()
        # The largest first, so that no core waits for a long compile that started last.
        for status in session.outdated():
            self._reasons[status.artifact.id] = status.reasons or (f"cannot be built: {status.error}",)
        self.outdated = set(self._reasons)

    def _note(self, plan: Plan) -> None:
        self._sources = {module.name: str(module.source) for module in plan.modules}
        self._signatures = {path: files.signature_of(path) for path in self._sources.values()}

    def in_order(self, plan: Plan) -> list[tuple[Artifact, tuple[str, ...] | None]]:
        """Return all artifacts in the order in which they are best built, each with the reasons if it was outdated."""
        artifacts = {artifact.id: artifact for artifact in plan.artifacts}
        outdated = [(artifacts.pop(id), reasons) for id, reasons in self._reasons.items()]
        return [*outdated, *((artifact, None) for artifact in artifacts.values())]

    def is_right(self, id: str, tasks: Mapping[str, Task]) -> bool:
        """Tell whether an artifact is right; one whose source has changed since it was looked at is looked at again.

        Where all of doit's tasks are of this build, none of them changes a source.
        """
        path = self._sources[id.rpartition("@")[0]]
        self._see(tasks)
        if self._foreign and files.signature_of(path) != self._signatures[path]:
            self.outdated.add(id)
            # Whatever is wrong, the compile will tell. Nobody lets go meanwhile of what it is looked at with.
            with self.steps.kept(), contextlib.suppress(WasmbuildError, KeyError):
                session = self.steps.session()
                if session.look_again(session.artifacts[id]).right:
                    self.outdated.discard(id)
        return id not in self.outdated

    def is_alone(self, tasks: Mapping[str, Task]) -> bool:
        """Tell whether all of doit's tasks are of this build and none asks what another has made."""
        self._see(tasks)
        return not self._foreign and not self._asked

    def is_asked(self, name: str, tasks: Mapping[str, Task]) -> bool:
        """Tell whether any of doit's tasks asks what a task of ours has made, alone or with its group."""
        self._see(tasks)
        return bool(self._asked) and (name in self._asked or name.partition(":")[0] in self._asked)

    def _see(self, tasks: Mapping[str, Task]) -> None:
        if self._tasks != len(tasks):
            self._tasks = len(tasks)
            self._asked = {task for asking in tasks.values() for task, _ in asking.getargs.values()}
            ours = all(map(kind, tasks.values()))
            self._foreign = not ours or len(_builds) > 1

    @property
    def plan(self) -> Plan:
        """The plan that doit's tasks were made from."""
        if self.planned is None:
            raise ValueError("without a plan the one task is the one that fails")
        return self.planned.plan

    def artifact(self, id: str) -> Artifact:
        """Return an artifact of the plan."""
        if not self._artifacts:
            self._artifacts = {artifact.id: artifact for artifact in self.plan.artifacts}
        return self._artifacts[id]

    def is_untouched(self) -> bool:
        """Tell whether everything is as the last whole build left it, as far as doit has come."""
        return self.up_to_date and not self.steps.is_open

    def end(self) -> None:
        """Let other builds in, for good: the run that it was for has ended, whatever was selected and never came up.

        Where a task runs doit itself, compiles of the run around it may go on; they let go when they end.
        """
        try:
            self.steps.end()
        except WasmbuildError as error:
            say(str(error))

    def select(self, id: str) -> None:
        """Note that doit is going to run a task; it asks in order, by one thread, before the task runs."""
        with self.steps.progress:
            self._unfinished.add(id)

    def finished(self, id: str) -> None:
        with self.steps.progress:
            self._unfinished.discard(id)
            self.steps.progress.notify_all()

    def unfinished(self) -> int:
        with self.steps.progress:
            return len(self._unfinished)

    def wait(self) -> None:
        """Wait until every compile that doit selected so far has ended, if this process can see that."""
        if not self.steps.is_elsewhere:
            with self.steps.progress:
                self.steps.progress.wait_for(lambda: not self._unfinished)

    def wait_for_all(self) -> None:
        """Wait until nothing is compiled or written, and have the index name what stands.

        Raises UsageError where that cannot be seen, DiskError.
        """
        if self.steps.is_elsewhere:
            raise UsageError(
                "in a process of its own a verification cannot see the compiles; run doit with -P thread, "
                'set par_type = "thread" in DOIT_CONFIG, or name the tasks it follows: verify(basename="compile")'
            )
        with self.steps.progress:
            self.steps.progress.wait_for(lambda: not self._unfinished and not self.steps.kept_by)
            self.steps.close()


_builds: dict[BuildArguments, Build] = {}


def of(arguments: BuildArguments) -> Build:
    """Return the build of a wasmbuild.toml, the same one each time in one run of doit."""
    if arguments not in _builds:
        _builds[arguments] = Build(arguments)
    return _builds[arguments]


def of_run(arguments: BuildArguments) -> Build:
    """Return the build of a wasmbuild.toml for the run of doit that makes its tasks now."""
    end_former()
    build = of(arguments)
    build.run = Globals.dep_manager
    return build


def anew(arguments: BuildArguments) -> Build:
    """Return a build that looks at a wasmbuild.toml now, for a run of doit that is about to begin."""
    former = _builds.pop(arguments, None)
    if former is not None:
        former.end()
    build = of(arguments)
    build.run = None
    return build


def end_former() -> None:
    """End the builds of former runs of doit in this process: what they looked at may have changed since.

    A run is told from others by its database: each makes its own, before it makes tasks, and delayed tasks are made
    with the same.
    """
    for arguments, build in tuple(_builds.items()):
        if build.run is not None and build.run is not Globals.dep_manager:
            del _builds[arguments]
            build.end()


def is_alone(tasks: Mapping[str, Task]) -> bool:
    """Tell whether all of doit's tasks are of one build and none asks what another has made."""
    return any(build.is_alone(tasks) for build in _builds.values())


def _shown(config: str) -> Path:
    """Return a path as people write it, from the working directory, unless that is on another drive."""
    return Path(files.relative(config))


def say(text: str) -> None:
    streams.losing(sys.stderr).write(text + "\n")
