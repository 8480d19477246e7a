"""The builds of this process, one for each wasmbuild.toml."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wasmbuild import boundary, files
from wasmbuild.builder.workspace import Workspace
from wasmbuild.errors import UsageError, WasmbuildError
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from wasmbuild.builder.noop import Known
    from wasmbuild.builder.session import Session


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
        self.outdated: set[str] = set()
        self._declared: frozenset[str] | None = None
        self._sources: dict[str, str] = {}
        self._signatures: dict[str, files.Signature | None] = {}
        self._mutex = threading.Lock()
        self._progress = threading.Condition()
        self._unfinished: set[str] = set()
        self._busy = 0
        self._timer: threading.Timer | None = None
        if self.known is not None:
            self._note(self.known.sources)
            return
        try:
            with boundary.told():
                session = self.open()
                self._note({module.name: str(module.source) for module in session.plan.modules})
                session.check()
                self.outdated = {status.artifact.id for status in session.outdated()}
        except WasmbuildError as error:
            self.error = error

    def _note(self, sources: dict[str, str]) -> None:
        self._sources = sources
        self._signatures = {path: _signature(path) for path in sources.values()}

    def is_right(self, id: str) -> bool:
        """Tell whether an artifact is right; one whose source has changed since it was looked at is looked at again."""
        path = self._sources[id.rpartition("@")[0]]
        if _signature(path) != self._signatures[path]:
            self.outdated.add(id)
            # Whatever is wrong, the compile will tell.
            with contextlib.suppress(WasmbuildError, KeyError):
                session = self.open()
                if session.look_again(session.artifacts[id]).right:
                    self.outdated.discard(id)
        return id not in self.outdated

    def is_known(self) -> bool:
        """Tell whether everything is as the last whole build left it, as far as doit has come."""
        return self.known is not None and self.session is None

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

    def declared(self) -> frozenset[str]:
        """Return the absolute paths of all that the declaration has built, whatever is remembered of an earlier build.

        Raises WasmbuildError.
        """
        if self._declared is None:
            plan = self.session.plan if self.session is not None else self.workspace.plan()
            paths = [filenames.INDEX, *(f"{target.name}/{filenames.MANIFEST}" for target in plan.targets)]
            for artifact in plan.artifacts:
                paths += [artifact.path, f"{artifact.path}.json"]
                if artifact.module.ship_source:
                    paths.append(artifact.wasm_path)
            self._declared = frozenset(os.path.join(plan.build_dir, *path.split("/")) for path in paths)
        return self._declared

    def leave(self, session: Session) -> None:
        """Let go of a session that no other task is going to use. Raises StoreError."""
        if session is not self.session:
            session.close()

    def rest(self) -> None:
        """Let other builds in, unless doit has selected more to compile, which would take the directory again.

        Raises StoreError.
        """
        with self._progress:
            if not self._unfinished and not self._busy and self.session is not None and not self._elsewhere:
                self.session.close()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the directory meanwhile, and for a moment afterwards.

        To take it again is to look at everything again, too much after each compile. But another task may be a build in
        the same directory that waits for it.
        """
        with self._progress:
            self._busy += 1
            if self._timer is not None:
                self._timer.cancel()
        try:
            yield
        finally:
            with self._progress:
                self._busy -= 1
                if not self._busy and self.session is not None and not self._elsewhere:
                    self._timer = threading.Timer(_IDLE_SECONDS, self._rest)
                    self._timer.daemon = True
                    self._timer.start()

    def _rest(self) -> None:
        try:
            self.rest()
        except WasmbuildError as error:
            say(str(error))

    def _end(self) -> None:
        """Let go of everything when the process ends, which doit's daemon threads may not expect."""
        from wasmbuild.toolchain import child

        child.kill_all()
        with self._progress:
            if self.session is not None and not self._elsewhere:
                try:
                    self.session.close()
                except WasmbuildError as error:
                    say(str(error))

    def select(self, id: str) -> None:
        """Note that doit is going to run a task; it asks in order, by one thread, before the task runs."""
        with self._progress:
            self._unfinished.add(id)

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
                'set par_type = "thread" in DOIT_CONFIG, or name the tasks it follows: verify(basename="compile")'
            )
        with self._progress:
            self._progress.wait_for(lambda: not self._unfinished)

    @property
    def _elsewhere(self) -> bool:
        return os.getpid() != self._process


_builds: dict[str, Build] = {}

_IDLE_SECONDS = 0.1


def of(config: str) -> Build:
    """Return the build of a wasmbuild.toml (an absolute path), the same one each time."""
    if config not in _builds:
        _builds[config] = Build(_shown(config))
    return _builds[config]


def _shown(config: str) -> Path:
    """Return a path as people write it, from the working directory, where it is below that."""
    path = Path(config)
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _signature(path: str) -> files.Signature | None:
    try:
        return files.signature(os.stat(path))
    except OSError:
        return None


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
