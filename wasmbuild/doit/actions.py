"""The actions of our tasks: importable functions with plain arguments, so that doit may run them in any way."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import ParamSpec

from doit.exceptions import TaskFailed

from wasmbuild import boundary
from wasmbuild.doit import made
from wasmbuild.doit.builds import of, say
from wasmbuild.errors import WasmbuildError
from wasmbuild.lean_typing import TYPE_CHECKING, Any, TypeVar
from wasmbuild.text import listed

if TYPE_CHECKING:
    from pathlib import Path

    from wasmbuild.builder.workspace import Workspace
    from wasmbuild.doit.builds import Build

_SHOWN = 3

Given = ParamSpec("Given")
Made = TypeVar("Made")


def _as_failed_task(action: Callable[Given, Made]) -> Callable[Given, Made | TaskFailed]:
    """Let an error end in a failed task with its message."""

    @functools.wraps(action)
    def run(*arguments: Given.args, **options: Given.kwargs) -> Made | TaskFailed:
        try:
            with boundary.as_wasmbuild_error():
                return action(*arguments, **options)
        except WasmbuildError as error:
            return TaskFailed(str(error))

    return run


@_as_failed_task
def compile_artifact(config: str, id: str) -> dict[str, Any] | TaskFailed:
    """Compile one artifact; one that was up to date when doit looked is compiled because doit was told to."""
    from wasmbuild.builder.scheduler import cores

    build = of(config)
    with build.busy():
        try:
            session = build.open()
            try:
                session.begin(on_wait=say)
                if id not in session.artifacts:
                    return TaskFailed(f"{id}: is not declared any more; run doit again")
                outcome = session.compile(
                    session.artifacts[id], parallel=build.unfinished() < cores(), force=id not in build.outdated
                )
            finally:
                build.leave(session)
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
def write_manifests(config: str) -> dict[str, Any] | TaskFailed:
    """Write the manifests and the index, and note what is known, after the compiles: the task depends on all of them.

    It fails where what is declared does not stand whole after all.
    """
    build = of(config)
    with build.busy():
        session = build.open()
        try:
            session.begin(on_wait=say)
            session.finish()
            changed = [status.artifact.id for status in session.outdated()]
            unfinished = session.unfinished()
            lost = session.plan.refused
            refused = _audited(build, session.plan.build_dir, "build")
            if refused:
                session.directory.forget_noop()
        finally:
            build.leave(session)
    build.rest()
    if changed:
        return TaskFailed(f"{_some(changed)}: changed while it was built; run doit again")
    if unfinished:
        return TaskFailed(f"{_some(unfinished)}: the manifest is not as it was written; run doit again")
    if lost:
        return TaskFailed("\n".join(map(str, lost)))
    return TaskFailed(refused) if refused else made.index(session.directory.root)


@_as_failed_task
def verify_artifacts(config: str, *, ordered: bool = False) -> TaskFailed | None:
    """Verify what stands in the build directory, after all compiles that doit runs in this process.

    With ``ordered``, doit has seen to that. It fails, too, where that is not what is declared now.
    """
    from wasmbuild.console import Console
    from wasmbuild.verification_table import summary, tell
    from wasmbuild.verify import verify

    build = of(config)
    if build.planned is None or build.error is not None:
        return TaskFailed(str(build.error))
    if not ordered:
        build.wait()
    report = verify([build.planned.plan.build_dir], targets=build.workspace.runners())
    outdated = _outdated(build.workspace)
    tell(report, Console(sys.stdout))
    problems = [] if report.ok else [summary(report)]
    refused = _audited(build, build.planned.plan.build_dir, "verify")
    if refused:
        problems.append(refused)
    if outdated:
        problems.append(f"not built as declared: {_some(outdated)}; run `doit compile`")
    return TaskFailed("\n".join(problems)) if problems else None


def _audited(build: Build, build_dir: Path, command: str) -> str:
    """Tell once what is known against the compiler of what was built; return it where that is not let pass."""
    from wasmbuild.audit.note import noted

    line, fails = noted([build_dir], build.workspace.audit_policy(), command)
    if line is not None and line not in build.reported and not fails:
        build.reported.add(line)
        sys.stdout.write(f"{line}\n")
    return line or "" if fails else ""


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


def remove_state(config: str, dryrun: bool) -> None:
    """Remove what is remembered of a build directory, after everything else there that was made: an action of clean."""
    build = of(config)
    if build.planned is not None and os.path.isdir(build.planned.plan.state_dir):
        sys.stdout.write(f"removing dir '{os.path.relpath(build.planned.plan.state_dir)}'\n")
        if not dryrun:
            shutil.rmtree(build.planned.plan.state_dir, ignore_errors=True)


def fail(message: str) -> TaskFailed:
    """Fail with what is wrong with the declaration."""
    return TaskFailed(message)
