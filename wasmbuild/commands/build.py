"""``wasmbuild build``: everything that is declared, or what is selected of it."""

from __future__ import annotations

import sys

from wasmbuild.builder.workspace import Planned, Workspace
from wasmbuild.commands import options, placing
from wasmbuild.errors import DONE, FAILED, UsageError, WasmbuildError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from wasmbuild.audit.known_faults import KnownFaults
    from wasmbuild.builder.reproducibility import ReproducibilityResult
    from wasmbuild.builder.session import Session
    from wasmbuild.builder.work import ArtifactOutcome
    from wasmbuild.console.progress import Progress
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.audit_policy import AuditPolicy


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", metavar="SELECTOR", nargs="*", help="globs over ids, such as 'checksum@*'")
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=options.positive,
        help="compile N at a time (default: one for each core, or as many as the build around this one has jobs for)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show errors only")
    parser.add_argument(
        "--lock-timeout",
        metavar="SECONDS",
        type=options.seconds,
        help="give up when another build keeps the directory for longer (default: wait)",
    )
    parser.add_argument(
        "--check-reproducible",
        action="store_true",
        help="compile what is selected once more, without the cache, and fail where other bytes come of it",
    )
    parser.add_argument(
        "--executor",
        metavar="ADDRESS",
        help="where to compile: local, or dask://HOST:8786 for a scheduler of Dask (default: as WASMBUILD_EXECUTOR in "
        "the environment, or [build] executor, says, else local)",
    )
    options.add_no_cache(parser)
    options.add_push(parser)
    placing.add_directories(parser)
    placing.add_sources(parser)
    placing.add_selection(parser, "; artifacts of others leave the build directory")
    placing.add_step(parser)
    parser.add_argument(
        "--cargo",
        action="store_true",
        help="build from a build.rs, what a program for Cargo's target can load: artifacts in $OUT_DIR/wasm/<target>/, "
        "the engine in $OUT_DIR/wasm/engine.rs, and on stdout what Cargo is to watch; --build-dir NAME puts them into "
        "$OUT_DIR/NAME",
    )
    options.add_config(parser)
    options.add_json(parser, "what was done")
    parser.add_argument(
        "--watch", action="store_true", help="build and verify again whenever the declaration or a source changes"
    )


def run(arguments: argparse.Namespace) -> int:
    options.check_push("build", arguments)
    options.check_depfile("build", arguments)
    if arguments.cargo:
        from wasmbuild.commands import cargo

        return cargo.build(arguments, lambda: _run(arguments, cargo.ending))
    return _run(arguments, placing.ending)


def _run(
    arguments: argparse.Namespace,
    ending: Callable[[argparse.Namespace, Workspace, Plan], Callable[[], None]],
) -> int:
    workspace = Workspace(arguments.config, placing.placement(arguments))
    if arguments.watch:
        from wasmbuild.commands import watch

        watch.run(arguments, workspace, lambda planned: _built(arguments, workspace, planned))
    planned = workspace.planned()
    if not placing.is_step(arguments):
        return _built(arguments, workspace, planned)
    if arguments.selectors:
        raise UsageError(
            f"wasmbuild build: {arguments.selectors[0]} selects artifacts, and a step of another build makes all of "
            f"them; select with --target or --for, or leave out --build-dir, --stamp and --depfile"
        )
    end = ending(arguments, workspace, planned.plan)
    done = False
    try:
        code = _built(arguments, workspace, planned)
        if code == DONE:
            end()
            done = True
    finally:
        # Whatever a build makes there gives the directory a new time, however it ends.
        if not done and arguments.stamp is None:
            placing.take_back(arguments, planned.plan)
    return code


def _built(arguments: argparse.Namespace, workspace: Workspace, planned: Planned) -> int:
    # Who selects has selected none of them: they have no ids.
    lost = [] if arguments.selectors else list(map(str, planned.plan.refused))
    looked = workspace.look(planned)
    # Whether there is anywhere to push to is told by the session.
    if looked.whole and not arguments.check_reproducible and not arguments.push:
        selected = options.select(arguments.selectors, [artifact.id for artifact in planned.plan.artifacts])
        if arguments.executor is not None:
            from wasmbuild.builder.executors import backends

            # Nobody is asked there, but what is no address is told all the same.
            backends.requested(arguments.executor, None)
        return _nothing_to_do(arguments, selected, lost)
    from wasmbuild.commands import build_report
    from wasmbuild.console.progress import Progress
    from wasmbuild.console.terminal import Console

    console = Console(sys.stderr, quiet=arguments.quiet)
    session = workspace.session(
        planned,
        cached=not arguments.no_cache,
        push=arguments.push,
        looked=looked,
        executor=arguments.executor,
        say=console.say,
    )
    outcomes: dict[str, ArtifactOutcome] = {}
    again: list[ReproducibilityResult] = []
    changed: list[str] = []
    try:
        try:
            selected = options.select(arguments.selectors, session.artifacts)
            session.begin(arguments.lock_timeout, console.say)
            wanted = set(selected)
            wrong = [status for status in session.outdated() if status.artifact.id in wanted]
            progress = Progress(console, len(wrong), len(selected) - len(wrong))
            _build(session, [status.artifact.id for status in wrong], outcomes, progress, arguments.jobs)
            changed = session.finish()
            if arguments.check_reproducible:
                whole = [session.artifacts[id] for id in selected if session.statuses[id].right]
                session.compile_again(whole, jobs=arguments.jobs, on_done=again.append)
            known = _audited(session, workspace.audit_policy(), built=session.has_made)
        finally:
            session.close()
    except WasmbuildError as error:
        if outcomes:
            # Whoever mends this is not to find out only then what failed for another reason.
            progress.end(lost)
            if arguments.json:
                build_report.print_json(selected, outcomes, changed, [*lost, str(error)])
        raise
    made = build_report.Made(selected, outcomes, again, changed, known, lost)
    return build_report.tell(arguments, session, progress, made)


def _build(
    session: Session, ids: list[str], outcomes: dict[str, ArtifactOutcome], progress: Progress, jobs: int | None
) -> None:
    """Compile what is out of date, and put what became of each into ``outcomes``: those stand however it ends."""

    def done(outcome: ArtifactOutcome) -> None:
        outcomes[outcome.id] = outcome
        if outcome.error is not None:
            progress.fail(outcome.id, str(outcome.error))
        else:
            progress.done(
                outcome.id,
                outcome.reasons,
                outcome.seconds,
                outcome.size,
                restored=outcome.restored,
                worker=outcome.worker,
            )

    session.compile_all(
        [session.artifacts[id] for id in ids],
        jobs=jobs,
        on_start=lambda artifact: progress.start(artifact.id),
        on_done=done,
    )


def _audited(session: Session, policy: AuditPolicy, *, built: bool) -> KnownFaults | None:
    """Return what is known against what was built, if anything new was said of it or the declaration wants it so."""
    if not built and "build" not in policy.enforce:
        return None
    from wasmbuild.audit.known_faults import of_build

    return of_build(session, policy)


def _nothing_to_do(arguments: argparse.Namespace, selected: list[str], lost: list[str]) -> int:
    if arguments.json:
        from wasmbuild.commands.build_report import print_json

        print_json(selected, {}, [], lost)
    for message in lost:
        print(f"error: {message}", file=sys.stderr)
    if not arguments.quiet:
        noun = "artifact is" if len(selected) == 1 else "artifacts are"
        print(f"{len(selected)} {noun} up to date", file=sys.stderr)
    return FAILED if lost else DONE
