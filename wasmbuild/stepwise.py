"""A build that another system runs artifact by artifact in its own process: what doit and SCons stand on."""

from __future__ import annotations

import atexit
import os
import threading
from _thread import allocate_lock

from wasmbuild import interrupts
from wasmbuild.builder.job_slots import is_offered
from wasmbuild.builder.jobserver import inherited
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.contextlib import contextmanager
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wasmbuild.audit.known_faults import KnownFaults
    from wasmbuild.builder.jobserver import Jobserver
    from wasmbuild.builder.noop import Snapshot
    from wasmbuild.builder.session import Session
    from wasmbuild.builder.work import ArtifactOutcome
    from wasmbuild.builder.workspace import Planned, Workspace
    from wasmbuild.project.declared import Artifact

_IDLE_SECONDS = 0.1


class Conclusion(NamedTuple):
    """What is not as it should be after all: artifacts, and targets whose manifest is another by now.

    ``known`` is what is known against the compiler.
    """

    wrong: list[Artifact]
    unfinished: list[str]
    known: KnownFaults


class StepwiseBuild:
    """One build of a workspace, from the first artifact that is asked for to the manifests.

    All threads share its session, which a build that has nothing to do never opens; another process that compiles for
    it has one of its own for each artifact, since the compilers of the first answer to that process alone. When the
    process ends, everything is let go of, whatever threads are in the middle of.
    """

    def __init__(
        self,
        workspace: Workspace,
        say: Callable[[str], None],
        process: int | None = None,
        more: Callable[[], object] = lambda: False,
    ) -> None:
        """``say`` shows a line to people; ``process`` is the number of the one whose build it is, by default this.

        ``more`` tells, under the lock of ``progress``, whether there is more to compile, which would take the directory
        again.
        """
        self.workspace = workspace
        self.say = say
        self.progress = threading.Condition()
        """Of what keeps the directory, and of whatever else of this build is waited for."""
        self.kept_by = 0
        self._process = process or os.getpid()
        self._more = more
        self._session: Session | None = None
        self._mutex = allocate_lock()
        self._said: set[str] = set()
        self._server: Jobserver | None = None
        self._tokens: list[bytes] = []
        self._idle: threading.Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a session that this process shares."""
        return self._session is not None and not self.is_elsewhere

    @property
    def is_elsewhere(self) -> bool:
        """Whether the build is that of another process, which has this one compile for it."""
        return os.getpid() != self._process

    def session(self, planned: Planned | None = None, looked: Snapshot | None = None) -> Session:
        """Return the session: of a plan, of which ``looked`` was found just now, or else of what is declared now.

        Raises WasmbuildError.
        """
        if self.is_elsewhere:
            from wasmbuild.builder.cache import selection

            selection.keep_transferring()
            return self.workspace.session(alone=True)
        with self._mutex:
            if self._session is None:
                self._session = self.workspace.session(planned, looked=looked)
                atexit.register(self._end)
                if is_offered():
                    # What is held of the jobs of a build around this one is given back.
                    interrupts.raise_when_terminated()
            return self._session

    @contextmanager
    def begun(self, planned: Planned | None = None) -> Iterator[Session]:
        """Have the build directory, and keep it in the process that is shared. Raises WasmbuildError."""
        session = self.session(planned)
        try:
            session.begin(on_wait=self.say)
            yield session
        finally:
            if session is not self._session:
                session.close()
                self._tell(session)

    def compile(self, session: Session, id: str, *, parallel: bool, force: bool = False) -> ArtifactOutcome:
        """Bring one artifact up to date, when the build around this process, if one counts jobs, has one for it.

        It then has one thread; with ``parallel``, all cores where nobody counts. ``force`` is that of the session.
        """
        artifact = session.artifacts[id]
        # In such a process one compiles after the other, with the job that this process is.
        if not is_offered() or self.is_elsewhere:
            return session.compile(artifact, parallel=parallel and not is_offered(), force=force)
        with self._job():
            return session.compile(artifact, parallel=False, force=force)

    @contextmanager
    def _job(self) -> Iterator[None]:
        with self._mutex:
            if self._server is None:
                self._server = inherited()
            server = self._server
        if server is None:
            # Windows has semaphores, of which nobody is asked for a job: who runs the threads says how many there are.
            yield
            return
        token = server.acquire()
        if token is None:
            raise WasmbuildError("the build was interrupted")
        with self._mutex:
            self._tokens.append(token)
        try:
            yield
        finally:
            self._give_back(token)

    def _give_back(self, token: bytes) -> None:
        """Give a token back, unless that was done when the process ended amid its compile."""
        with self._mutex:
            if token not in self._tokens or self._server is None:
                return
            self._tokens.remove(token)
        self._server.release(token)

    def close(self) -> None:
        """Let other builds in; the next artifact takes the directory again. Raises DiskError."""
        if self._session is None or self.is_elsewhere:
            return
        # The moment after which it rests may be that in which the process ends.
        with self._mutex:
            self._session.close()
        self._tell(self._session)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the directory meanwhile, and for a moment afterwards.

        To take it again is to look at everything again, too much after each compile. But what runs next may be a build
        in the same directory that waits for it.
        """
        with self.progress:
            self.kept_by += 1
            self._stay()
        try:
            yield
        finally:
            with self.progress:
                self.kept_by -= 1
                self.progress.notify_all()
                if not self.kept_by and self.is_open:
                    self._rest_soon()

    def rest(self) -> None:
        """Let other builds in, unless something keeps the directory, or there is more to compile. Raises DiskError."""
        with self.progress:
            if not self.kept_by and not self._more():
                self.close()

    def _rest_soon(self) -> None:
        self._idle = threading.Timer(_IDLE_SECONDS, self._rest)
        self._idle.daemon = True
        try:
            self._idle.start()
        except RuntimeError:  # this process may start no thread
            self._rest()

    def _rest(self) -> None:
        try:
            self.rest()
        except WasmbuildError as error:
            self.say(str(error))

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def end(self) -> None:
        """Let go of everything in a process that goes on, unless something keeps the directory; that lets go later.

        Raises DiskError.
        """
        if self.is_elsewhere:
            return
        with self.progress:
            self._stay()
            if self.kept_by:
                return
            atexit.unregister(self._end)
            if self._server is not None:
                self._server.close()
                self._server = None
            self.close()

    def _tell(self, session: Session) -> None:
        """Say what people should know of a remote cache, once in each process."""
        report = session.remote_report()
        for problem in report.problems if report is not None else ():
            if problem not in self._said:
                self._said.add(problem)
                self.say(problem)

    def conclude(self, session: Session) -> Conclusion:
        """Write manifests and index after all artifacts, and say what does not stand whole. Raises DiskError."""
        from wasmbuild.audit.known_faults import of_build

        session.finish()
        known = of_build(session, self.workspace.audit_policy())
        return Conclusion([status.artifact for status in session.outdated()], session.unfinished(), known)

    def _end(self) -> None:
        from wasmbuild.toolchain import process

        interrupts.hear_no_more()
        process.kill_all()
        if self._server is not None and not self.is_elsewhere:
            self._server.stop()
            for token in tuple(self._tokens):
                self._give_back(token)
        try:
            self.close()
        except WasmbuildError as error:
            self.say(str(error))
