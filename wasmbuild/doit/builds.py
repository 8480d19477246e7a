"""The builds of this process, one for each wasmbuild.toml, and the actions of the tasks that belong to them.

The actions are importable functions with plain arguments, so that doit may run them in any way it likes.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed

from wasmbuild.build.workspace import Workspace
from wasmbuild.errors import UsageError, WasmbuildError

if TYPE_CHECKING:
    from wasmbuild.build.noop import Known
    from wasmbuild.build.session import Session


class Build:
    """One build, from looking at what is there to the last manifest.

    With doit's threads all tasks share it. In doit's processes each compile is a build of its own, one after the other.
    """

    def __init__(self, config: Path) -> None:
        self._process = os.getpid()
        self.workspace = Workspace(config)
        self.known: Known | None = self.workspace.up_to_date()
        self.error: WasmbuildError | None = None
        self.session: Session | None = None
        self.outdated: frozenset[str] = frozenset()
        self._mutex = threading.Lock()
        self._progress = threading.Condition()
        self._unfinished: set[str] = set()
        if self.known is None:
            try:
                session = self.open()
                session.check()
                self.outdated = frozenset(status.artifact.id for status in session.outdated())
            except WasmbuildError as error:
                self.error = error

    def open(self) -> Session:
        """Return the session, which a build that has nothing to do starts without. Raises WasmbuildError."""
        if self._elsewhere:
            # The session of the process that was forked has children that answer to that process alone.
            return self.workspace.session()
        with self._mutex:
            if self.session is None:
                self.session = self.workspace.session()
                atexit.register(self._end)
            return self.session

    def leave(self, session: Session) -> None:
        """Let go of a session that no other task is going to use. Raises StoreError."""
        if session is not self.session:
            session.close()

    def rest(self) -> None:
        """Let other builds in, unless doit has selected more to compile, which would take the directory again."""
        with self._progress:
            if not self._unfinished and self.session is not None:
                self.session.close()

    def _end(self) -> None:
        """Let go of everything when the process ends, which doit's daemon threads may not expect."""
        from wasmbuild.toolchain import child

        child.kill_all()
        if self.session is not None and not self._elsewhere:
            try:
                self.session.close()
            except WasmbuildError as error:
                _say(str(error))

    def select(self, id: str) -> bool:
        """Note that doit is going to run a task; it asks in order, by one thread, before the task runs."""
        with self._progress:
            self._unfinished.add(id)
        return False

    def finished(self, id: str) -> None:
        with self._progress:
            self._unfinished.discard(id)
            self._progress.notify_all()

    def unfinished(self) -> int:
        with self._progress:
            return len(self._unfinished)

    def wait(self) -> None:
        """Wait until every compile that doit selected so far has ended. Raises UsageError where that cannot be seen."""
        if self._elsewhere:
            raise UsageError(
                "in a process of its own a verification cannot see the compiles; run doit with -P thread, "
                'or set par_type = "thread" in DOIT_CONFIG'
            )
        with self._progress:
            self._progress.wait_for(lambda: not self._unfinished)

    @property
    def _elsewhere(self) -> bool:
        return os.getpid() != self._process


_builds: dict[str, Build] = {}


def of(config: str) -> Build:
    """Return the build of a wasmbuild.toml (an absolute path), the same one each time."""
    if config not in _builds:
        _builds[config] = Build(_shown(config))
    return _builds[config]


class OutOfDate:
    """Tells doit that a task has to run; its text is the reason, for ``doit info``."""

    def __init__(self, build: Build, id: str, reasons: Sequence[str]) -> None:
        self._build = build
        self._id = id
        self._text = "; ".join(reasons)

    def __call__(self) -> bool:
        return self._build.select(self._id)

    def __repr__(self) -> str:
        return self._text


def compile_artifact(config: str, id: str) -> dict[str, Any] | TaskFailed:
    """Compile one artifact; one that was up to date when doit looked is compiled because doit was told to."""
    from wasmbuild.build.run import cores

    build = of(config)
    try:
        session = build.open()
        try:
            session.begin(on_wait=_say)
            outcome = session.compile(
                session.artifacts[id], parallel=build.unfinished() < cores(), force=id not in build.outdated
            )
        finally:
            build.leave(session)
    except WasmbuildError as error:
        return TaskFailed(str(error))
    finally:
        build.finished(id)
    if outcome.error is not None:
        return TaskFailed(str(outcome.error))
    return {"reasons": list(outcome.reasons), "seconds": outcome.seconds, "size": outcome.size}


def write_manifests(config: str) -> TaskFailed | None:
    """Write the manifests of whole targets and the index, and note what is known, after the selected compiles.

    In a process of its own it does not wait: the last compile of a target writes its manifest anyway.
    """
    build = of(config)
    try:
        session = build.open()
        try:
            if session is build.session:
                build.wait()
            session.begin(on_wait=_say)
            changed = session.finish() if session is build.session else []
        finally:
            build.leave(session)
        build.rest()
    except WasmbuildError as error:
        return TaskFailed(str(error))
    if changed:
        return TaskFailed(f"{', '.join(changed)}: changed while it was built; run doit again")
    return None


def verify_artifacts(config: str) -> TaskFailed | None:
    """Verify what stands in the build directory, after all compiles that doit runs in this process."""
    from wasmbuild.console import Console
    from wasmbuild.verdicts import summary, tell
    from wasmbuild.verify import verify

    build = of(config)
    try:
        build.wait()
        report = verify([build.workspace.root], targets=build.workspace.runners())
    except WasmbuildError as error:
        return TaskFailed(str(error))
    tell(report, Console(sys.stdout))
    return None if report.ok else TaskFailed(summary(report))


def fail(message: str) -> TaskFailed:
    """Fail with what is wrong with the declaration."""
    return TaskFailed(message)


def _shown(config: str) -> Path:
    """Return a path as people write it, from the working directory, where it is below that."""
    path = Path(config)
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
