"""``wasmbuild manifest``: the last step of a build that makes artifacts one by one; it compiles nothing."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import options, placing
from wasmbuild.errors import DISK, DONE, CompileError, DiskError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable

if TYPE_CHECKING:
    import argparse

    from wasmbuild.builder.checker import Status
    from wasmbuild.builder.session import Session
    from wasmbuild.plan.graph import Plan


def configure(parser: argparse.ArgumentParser) -> None:
    placing.add_directories(parser)
    placing.add_sources(parser)
    placing.add_selection(parser, "; the index leaves out others, and what was made for them stays")
    options.add_restat(parser)
    options.add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    workspace = Workspace(arguments.config, placing.placement(arguments, keeps=True))
    planned = workspace.planned()
    lost = list(map(str, planned.plan.refused))
    if arguments.restat and not lost and workspace.is_up_to_date(planned):
        return DONE
    session = workspace.session(planned, cached=False)
    try:
        session.begin(careful=True)
        wrong = session.outdated()
        if not wrong and not lost and not arguments.restat:
            session.touch_manifests()
        try:
            changed = session.finish()
        except DiskError:
            session.remove_index()
            raise
        faults = _not_let_pass(session, planned.plan)
        if wrong or lost or changed or faults:
            # It is what other builds know this step by, and Make takes the file that a step left for its success.
            session.remove_index()
    finally:
        session.close()
    problems = [f"{status.artifact.id}: {_problem(session, status)}" for status in wrong] + lost
    problems += [f"{id}: changed while its manifest was written; run this step again" for id in changed]
    problems += faults
    if problems:
        of_host = any(status.error is not None and status.error.exit_code == DISK for status in wrong)
        raise (DiskError if of_host else CompileError)("\n".join(problems))
    return DONE


def _not_let_pass(session: Session, plan: Plan) -> list[str]:
    """Return what is known against what stands where ``[audit] enforce`` has a build fail by it, and it does."""
    if "build" not in plan.audit.enforce:
        return []
    from wasmbuild.audit.known_faults import of_build

    known = of_build(session, plan.audit)
    return [known.line] if known.fails and known.line is not None else []


def _problem(session: Session, status: Status) -> str:
    if status.error is not None:
        return str(status.error)
    # Make sees that such a one is newer than what it is made of, and would run the compile never again.
    path = files.relative(session.path(status.artifact))
    harmed = os.path.lexists(path) and not session.agrees(status.artifact)
    fix = f"delete {printable(path)} and make it again" if harmed else "make it first"
    return f"{', '.join(status.reasons)}; {fix}, with wasmbuild compile --record or build"
