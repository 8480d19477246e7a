"""What a build did, told to people, and to programs that ask for JSON."""

from __future__ import annotations

from wasmbuild.commands import options
from wasmbuild.console.figures import counted
from wasmbuild.errors import DONE, FAILED
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import argparse

    from wasmbuild.audit.known_faults import KnownFaults
    from wasmbuild.builder.cache.answers import RemoteReport
    from wasmbuild.builder.reproducibility import ReproducibilityResult
    from wasmbuild.builder.session import Session
    from wasmbuild.builder.work import ArtifactOutcome
    from wasmbuild.console.progress import Progress

SCHEMA = "wasmbuild/build/1"


class Made(NamedTuple):
    """What became of the artifacts that were ``selected``, by id.

    Those with ``outcomes`` were out of date, those of ``again`` were to be compiled once more, and of those that are
    ``changed`` the source is another one now. ``known`` is what is known against what was built, ``lost`` are messages
    of what could be no artifact.
    """

    selected: list[str]
    outcomes: dict[str, ArtifactOutcome]
    again: list[ReproducibilityResult]
    changed: list[str]
    known: KnownFaults | None
    lost: list[str]


def tell(arguments: argparse.Namespace, session: Session, progress: Progress, made: Made) -> int:
    """Tell how a build ended whose session is closed; return the exit code."""
    from wasmbuild.builder.work import ArtifactOutcome

    console, known = progress.console, made.known
    if made.outcomes and (unused := session.cache_problem()) is not None:
        fix = "WASMBUILD_CACHE names another directory, or off"
        console.say(f"the cache of this machine is {unused.told()}; {fix}")
    remote = session.remote_report()
    if remote is not None:
        _tell_remote(progress, remote, push=arguments.push)
    for id in made.changed:
        progress.fail(id, "changed while it was built; build again")
    if known is not None and known.line is not None:
        (console.write if known.fails else console.say)(known.line)
    progress.end(made.lost)
    different = {
        each.id: ArtifactOutcome(each.id, (), 0.0, 0, each.error) for each in made.again if each.error is not None
    }
    if arguments.check_reproducible:
        for id, outcome in sorted(different.items()):
            console.error(str(outcome.error), of=id)
        compiled = [each for each in made.again if each.compiled]
        same = sum(each.error is None for each in compiled)
        console.say(f"{counted(len(compiled), 'artifact')} compiled again: {same} with the same bytes")
    outcomes = {**made.outcomes, **different}
    refused = known is not None and known.fails
    if arguments.json:
        faults = [known.line] if known is not None and known.line is not None and known.fails else []
        print_json(made.selected, outcomes, made.changed, made.lost + faults, remote=remote)
    codes = [outcome.error.exit_code for outcome in outcomes.values() if outcome.error is not None]
    return max(codes, default=FAILED if made.changed or refused or made.lost else DONE)


def _tell_remote(progress: Progress, remote: RemoteReport, *, push: bool) -> None:
    progress.taken, progress.pushed = remote.taken, remote.pushed
    for problem in remote.problems:
        progress.console.say(problem)
    if push and progress.compiled == remote.pushed == 0 and not remote.problems:
        progress.console.say(
            "nothing was pushed: that is done with what a build compiles, and this one compiled nothing"
        )


def print_json(
    selected: list[str],
    outcomes: dict[str, ArtifactOutcome],
    changed: list[str],
    errors: list[str],
    *,
    remote: RemoteReport | None = None,
) -> None:
    """Print what became of the artifacts that were selected, and what failed besides."""
    artifacts: list[dict[str, Any]] = []
    for id in selected:
        outcome = outcomes.get(id)
        if id in changed:
            artifacts.append({"id": id, "outcome": "failed", "error": "changed while it was built"})
        elif outcome is None:
            artifacts.append({"id": id, "outcome": "up-to-date"})
        elif outcome.error is not None:
            artifacts.append({"id": id, "outcome": "failed", "error": str(outcome.error)})
        else:
            artifacts.append(
                {
                    "id": id,
                    "outcome": "restored" if outcome.restored else "compiled",
                    "reasons": list(outcome.reasons),
                    "seconds": round(outcome.seconds, 3),
                    "size": outcome.size,
                    **({} if outcome.worker is None else {"worker": outcome.worker}),
                }
            )
    ok = not errors and all(artifact["outcome"] != "failed" for artifact in artifacts)
    document: dict[str, Any] = {"schema": SCHEMA, "ok": ok, "artifacts": artifacts, "errors": errors}
    if remote is not None:
        document["remote"] = {**remote._asdict(), "problems": list(remote.problems)}
    options.print_json(document)
