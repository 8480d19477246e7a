"""Builds for programs in Python: ``plan``, ``build`` and ``verify``, which print nothing and fail with exceptions.

from wasmbuild import api

built = api.build("wasmbuild.toml")
print(built.artifacts["checksum@pi"].path)
api.verify(built.build_dir)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from wasmbuild import boundary
from wasmbuild.errors import FAILED, DeclarationError, UsageError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project.filenames import CONFIG

if TYPE_CHECKING:
    from wasmbuild.builder.work import ArtifactOutcome
    from wasmbuild.builder.workspace import Planned, Workspace
    from wasmbuild.errors import Mistake
    from wasmbuild.plan.graph import Plan
    from wasmbuild.plan.placement import Placement
    from wasmbuild.verify import Report, Verdict

__all__ = [
    "BuildError",
    "Built",
    "BuiltArtifact",
    "KnownFaultError",
    "VerificationError",
    "build",
    "plan",
    "verify",
]

AnyPath = str | os.PathLike[str]


class BuiltArtifact(NamedTuple):
    """An artifact that is right: its absolute path, size in bytes, and SHA-256 in hex.

    ``reasons`` say why this build made it; they are empty for one that was up to date.
    """

    id: str
    path: Path
    size: int
    sha256: str
    reasons: tuple[str, ...] = ()


class Built(NamedTuple):
    """A build directory that is whole: an absolute path, and its artifacts by id, ``module@target``."""

    build_dir: Path
    artifacts: Mapping[str, BuiltArtifact]

    @property
    def compiled(self) -> tuple[str, ...]:
        """The ids of what this build made, as opposed to what was up to date."""
        return tuple(artifact.id for artifact in self.artifacts.values() if artifact.reasons)


class BuildError(WasmbuildError):
    """Some artifacts could not be built; all others are as they should be, and the last good ones are still there.

    ``failures`` has the error of each by id, ``refused`` the files of globs that can be no module. ``ended_by`` is what
    then ended the build before all was done, such as a DiskError; None where nothing did. Its text has one line or more
    for each, with the id or the file in front.
    """

    def __init__(
        self,
        failures: Mapping[str, WasmbuildError],
        refused: Iterable[Mistake] = (),
        ended_by: WasmbuildError | None = None,
    ) -> None:
        self.failures = dict(failures)
        self.refused = tuple(refused)
        self.ended_by = ended_by
        ended = () if ended_by is None else (ended_by,)
        told = _told((f"{id}: {error}" for id, error in self.failures.items()), self.refused)
        super().__init__("\n".join([told, *map(str, ended)]))
        self.exit_code = max((error.exit_code for error in (*self.failures.values(), *ended)), default=FAILED)


def _told(problems: Iterable[str], refused: Iterable[Mistake]) -> str:
    return "\n".join([*problems, *map(str, refused)])


def _judged(verdict: Verdict) -> str:
    return f"{verdict.id}: {verdict.message}" if verdict.is_artifact else verdict.message


class KnownFaultError(WasmbuildError):
    """All is built, by a compiler with known faults that ``[audit] enforce`` does not let pass.

    ``refused`` are the files of globs that can be no module; its text has them too.
    """

    exit_code = FAILED

    def __init__(self, known: str, refused: Iterable[Mistake] = ()) -> None:
        self.refused = tuple(refused)
        super().__init__(_told([known], self.refused))


class VerificationError(WasmbuildError):
    """Some artifact does not reach the level that is required of it; ``report`` has the verdict on each."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__("\n".join(_judged(entry) for entry in report.artifacts if not entry.ok))
        self.exit_code = report.exit_code


def plan(
    config: AnyPath = CONFIG,
    *,
    build_dir: AnyPath | None = None,
    sources: Mapping[str, AnyPath] | None = None,
    targets: Iterable[str] = (),
    program: str | None = None,
) -> Plan:
    """Return what a wasmbuild.toml declares, resolved; nothing is compiled and nothing written.

    The keywords are those of ``build``. Raises DeclarationError with all mistakes, UsageError, ToolchainError.
    """
    from wasmbuild.plan.placement import placement

    with boundary.as_wasmbuild_error():
        return _workspace(config, placement(build_dir, None, sources, targets, program)).planned().plan


def build(
    config: AnyPath = CONFIG,
    *,
    build_dir: AnyPath | None = None,
    state_dir: AnyPath | None = None,
    sources: Mapping[str, AnyPath] | None = None,
    targets: Iterable[str] = (),
    program: str | None = None,
    jobs: int | None = None,
    lock_timeout: float | None = None,
    executor: str | None = None,
    on_compiled: Callable[[str], None] = lambda id: None,
) -> Built:
    """Make what a wasmbuild.toml declares, as far as it is not made, and return what is there.

    ``build_dir`` takes the place of the declared one, and may be anywhere. The lock and what is remembered lie in
    ``state_dir``, by default ``.wasmbuild`` in the build directory. ``sources`` are files by the names of modules, in
    the place of those that are declared; records keep the declared text. ``targets`` are globs over names of targets,
    by default all; with ``program``, a triple, only those are built whose artifacts a program of that triple can load.
    Artifacts of others leave the build directory.

    ``jobs`` compiles run at a time, by default one for each core, or as many as the build around this one has jobs for.
    ``executor`` is the address of where they run, such as ``"dask://host:8786"``, by default as the environment or the
    declaration says. Another build in the same directory is waited for,
    ``lock_timeout`` seconds at most. ``on_compiled`` is called with each id as it is made, by this thread.

    Raises DeclarationError with all mistakes (for files of globs that can be no module when the rest is built),
    BuildError with all that failed and those files, KnownFaultError, ToolchainError, UsageError, and DiskError where
    the directory cannot be written; what ends a build in which something failed already is a BuildError's ``ended_by``.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"build: jobs is {jobs}, and at least 1 has to run; leave it out for one for each core")
    from wasmbuild.plan.placement import placement

    with boundary.as_wasmbuild_error():
        workspace = _workspace(config, placement(build_dir, state_dir, sources, targets, program))
        planned = workspace.planned()
        reasons: dict[str, tuple[str, ...]] = {}
        if not workspace.is_up_to_date(planned):
            reasons = _built(workspace, planned, jobs, lock_timeout, executor, on_compiled)
        if planned.plan.refused:
            raise DeclarationError(planned.plan.refused)
        return Built(planned.plan.build_dir, _artifacts(planned.plan, reasons))


def verify(
    *paths: AnyPath,
    level: str | None = None,
    index_sha256: str | None = None,
    config: AnyPath | None = None,
) -> Report:
    """Prove that artifacts are what was declared and that they load, and return the verdicts, all of which hold.

    ``paths`` are build directories, manifests and indexes. ``level`` is demanded of each artifact (``"intact"``,
    ``"consistent"``, ``"loaded"`` or ``"tested"``), and no higher one is tried. ``index_sha256`` pins the bytes of the
    one index that is named. The runners of the targets that ``config`` declares load their artifacts; without it, there
    are none: they are commands, and never come with what is verified.

    Raises VerificationError where one does not hold or could not be judged, DeclarationError, UsageError,
    ToolchainError, HostError.
    """
    from wasmbuild.verify import verify as verify_paths

    if not paths:
        raise UsageError("verify: name what is to be verified: a build directory, a manifest or an index")
    with boundary.as_wasmbuild_error():
        own = () if config is None else _workspace(config, None).project().targets
        report = verify_paths(paths, level=level, index_sha256=index_sha256, targets=own)
    if not report.ok:
        raise VerificationError(report)
    return report


def _workspace(config: AnyPath, placement: Placement | None) -> Workspace:
    from wasmbuild.builder.workspace import Workspace

    return Workspace(Path(config), placement)


def _built(
    workspace: Workspace,
    planned: Planned,
    jobs: int | None,
    lock_timeout: float | None,
    executor: str | None,
    on_compiled: Callable[[str], None],
) -> dict[str, tuple[str, ...]]:
    """Build what is out of date; return why, by id."""
    # Before a thread of ours does, and is taken for the program's main thread.
    import threading  # noqa: F401

    from wasmbuild.audit.known_faults import of_build

    failures: dict[str, WasmbuildError] = {}
    reasons: dict[str, tuple[str, ...]] = {}

    def done(outcome: ArtifactOutcome) -> None:
        if outcome.error is not None:
            failures[outcome.id] = outcome.error
        else:
            reasons[outcome.id] = outcome.reasons
            on_compiled(outcome.id)

    session = workspace.session(planned, executor=executor)
    try:
        try:
            session.begin(lock_timeout)
            wrong = [status.artifact for status in session.outdated()]
            session.compile_all(wrong, jobs=jobs, on_start=lambda artifact: None, on_done=done)
            changed = session.finish()
            policy = workspace.audit_policy()
            known = of_build(session, policy) if "build" in policy.enforce else None
        finally:
            session.close()
    except WasmbuildError as error:
        if failures:
            raise BuildError(failures, planned.plan.refused, error) from error
        raise
    failures.update((id, WasmbuildError("changed while it was built; build again")) for id in changed)
    if failures:
        raise BuildError(failures, planned.plan.refused)
    if known is not None and known.fails:
        raise KnownFaultError(str(known.line), planned.plan.refused)
    return reasons


def _artifacts(plan: Plan, reasons: Mapping[str, tuple[str, ...]]) -> dict[str, BuiltArtifact]:
    from wasmbuild.builder.records import read_record

    found = {}
    for artifact in plan.artifacts:
        path = plan.build_dir.joinpath(*artifact.path.split("/"))
        record = read_record(path)
        found[artifact.id] = BuiltArtifact(artifact.id, path, record.size, record.sha256, reasons.get(artifact.id, ()))
    return found
