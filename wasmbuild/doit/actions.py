"""The actions of our tasks: importable functions with plain arguments, so that doit may run them in any way."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable
from typing import ParamSpec

from doit.exceptions import TaskFailed

from wasmbuild import boundary, files, interrupts, streams
from wasmbuild.doit import made
from wasmbuild.doit.builds import BuildArguments, of
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING, Any, TextIO, TypeVar
from wasmbuild.text import listed

if TYPE_CHECKING:
    from doit.task import Task

    from wasmbuild.audit.known_faults import KnownFaults
    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.doit.builds import Build

_SHOWN = 3

_PATIENCE_SECONDS = 5

# Those of the verifications that run now.
_verified: set[threading.Event] = set()

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _stdout() -> TextIO:
    return streams.losing(sys.stdout)


def _as_failed_task(action: Callable[Parameters, Result]) -> Callable[Parameters, Result | TaskFailed]:
    """Let an error end in a failed task with its message, which doit writes as it is, whatever the terminal lacks."""

    @functools.wraps(action)
    def run(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result | TaskFailed:
        try:
            with boundary.as_wasmbuild_error():
                result = action(*arguments, **options)
        except WasmbuildError as error:
            result = TaskFailed(str(error))
        return TaskFailed(streams.fitting(_stdout(), result.message)) if isinstance(result, TaskFailed) else result

    return run


@_as_failed_task
def compile_artifact(arguments: BuildArguments, id: str, was_right: bool) -> dict[str, Any] | TaskFailed:
    """Compile one artifact; one that ``was_right`` when doit began, and still is, because doit was told to."""
    from wasmbuild.builder.job_slots import cores

    build = of(arguments)
    with build.steps.kept():
        try:
            with build.steps.begun() as session:
                if id not in session.artifacts:
                    return TaskFailed(f"{id}: is not declared any more; run doit again")
                alone = build.unfinished() < cores()
                outcome = build.steps.compile(session, id, parallel=alone, force=was_right and id not in build.outdated)
        finally:
            build.finished(id)
    if outcome.error is not None:
        return TaskFailed(str(outcome.error))
    facts = {
        "reasons": list(outcome.reasons),
        "seconds": outcome.seconds,
        "restored": outcome.restored,
        "worker": outcome.worker,
    }
    return {**made.artifact(session.artifacts[id], session.directory.root), **facts}


@_as_failed_task
def write_manifests(arguments: BuildArguments, task: Task) -> dict[str, Any] | TaskFailed:
    """Write the manifests and the index, and note what is known, after the compiles: the task depends on all of them.

    It fails where what is declared does not stand whole after all. ``task`` is given by doit: with ``-s`` it depends on
    nothing, and waits neither for compiles that fail nor for those of other processes.
    """
    build = of(arguments)
    build.wait()
    with build.steps.kept(), build.steps.begun() as session:
        wrong, unfinished, known = build.steps.conclude(session)
        lost = session.plan.refused
    build.steps.rest()
    refused = _report_known_faults(build, known)
    if wrong:
        ids = _some([artifact.id for artifact in wrong])
        if task.task_dep:
            return TaskFailed(f"{ids}: changed while it was built; run doit again")
        group = task.name.partition(":")[0]
        return TaskFailed(f"{ids}: not built when the manifests were written; run `doit {group}`, without -s")
    if unfinished:
        return TaskFailed(f"{_some(unfinished)}: the manifest is not as it was written; run doit again")
    if lost:
        return TaskFailed("\n".join(map(str, lost)))
    return TaskFailed(refused) if refused else made.index(session.directory.root)


@_as_failed_task
def verify_artifacts(arguments: BuildArguments, *, ordered: bool = False) -> TaskFailed | None:
    """Verify what stands in the build directory, after all compiles that doit runs in this process.

    With ``ordered``, doit has seen to that. It fails, too, where that is not what is declared now.
    """
    from wasmbuild.audit.known_faults import of_paths
    from wasmbuild.console.terminal import Console
    from wasmbuild.console.verification_table import arguments_for, summary, tell
    from wasmbuild.verify import verify

    build = of(arguments)
    if build.planned is None or build.error is not None:
        return TaskFailed(str(build.error))
    if not ordered:
        build.wait_for_all()
    ended = threading.Event()
    _verified.add(ended)
    try:
        # doit tells a process that the terminal told as well, and a second request would break the orderly end.
        with interrupts.ImmediateInterrupts():
            report = verify([build.planned.plan.build_dir], targets=build.workspace.runners())
    finally:
        _verified.discard(ended)
        ended.set()
    outdated = _outdated(build.workspace)
    tell(report, Console(_stdout()), arguments_for(build.planned.plan.build_dir, build.workspace.config))
    problems = [] if report.ok else [summary(report)]
    known = of_paths([build.planned.plan.build_dir], build.workspace.project())
    refused = _report_known_faults(build, known)
    if refused:
        problems.append(refused)
    if outdated:
        problems.append(f"not built as declared: {_some(outdated)}; run `doit compile`")
    return TaskFailed("\n".join(problems)) if problems else None


def end_all() -> None:
    """End what runs in other threads, before doit ends without waiting for them, and let them remove their files."""
    from wasmbuild.toolchain import process

    process.end_all()
    for ended in tuple(_verified):
        ended.wait(_PATIENCE_SECONDS)


def _report_known_faults(build: Build, known: KnownFaults) -> str:
    """Say once which faults the compiler of what was built is known to have; return that where it is not let pass."""
    if known.line is not None and known.line not in build.reported and not known.fails:
        build.reported.add(known.line)
        _stdout().write(f"{known.line}\n")
    return known.line or "" if known.fails else ""


def _outdated(workspace: Workspace) -> list[str]:
    """Return the ids of what is not as declared, looked at anew. Raises WasmbuildError."""
    planned = workspace.planned()
    if workspace.is_up_to_date(planned):
        return []
    session = workspace.session(planned)
    try:
        session.check()
        return [status.artifact.id for status in session.outdated()]
    finally:
        session.close()


def _some(names: Iterable[str]) -> str:
    return listed(sorted(names), _SHOWN)


def remove_state(arguments: BuildArguments, dryrun: bool) -> None:
    """Remove what is remembered of a build directory, after everything else there that was made: an action of clean."""
    build = of(arguments)
    if build.planned is None:
        return
    from wasmbuild.builder.build_directory import BuildDirectory

    plan = build.planned.plan
    directory = BuildDirectory(plan.build_dir, plan.state_dir)
    if directory.has_state:
        _stdout().write(f"removing what is remembered in '{files.relative(plan.state_dir)}'\n")
        if not dryrun:
            directory.delete_state()


@_as_failed_task
def fail(message: str) -> TaskFailed:
    """Fail with what is wrong with the declaration."""
    return TaskFailed(message)
