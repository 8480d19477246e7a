"""The story of a verification, told on a console: what was proved of each artifact and target, and what is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence

from wasmbuild.console.figures import counted, human_seconds
from wasmbuild.console.terminal import Console
from wasmbuild.files import seen_from_here
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG
from wasmbuild.project.levels import LEVELS
from wasmbuild.text import listed

if TYPE_CHECKING:
    from wasmbuild.lean.pathlib import Path
    from wasmbuild.verify.outcomes import Verdict
    from wasmbuild.verify.report import Report

_NONE = "nothing"
_NAMED = 3


def tell(report: Report, console: Console, again: Sequence[str], *, verbose: bool = False) -> None:
    """Write a row for each artifact, one for each target, what this host could not try and why, and a summary.

    Why takes a line for each kind of reason; ``verbose`` says of each target what to do about it. ``again`` are the
    arguments with which ``wasmbuild verify`` says so.
    """
    seconds = report.seconds or (0.0,) * len(report.artifacts)
    rows = [
        (entry.id, entry.level or _NONE, entry.required, human_seconds(taken))
        for entry, taken in zip(report.artifacts, seconds, strict=True)
    ]
    header, *lines = _aligned([("artifact", "proved", "required", "time"), *rows], "<<<>")
    console.say(console.bold(header))
    results = [
        f"{line}  {console.good('ok')}" if entry.ok else f"{line}  {console.bad(_verdict(entry))}  {_failure(entry)}"
        for entry, line in zip(report.artifacts, lines, strict=True)
        if not (entry.ok and console.quiet)
    ]
    if results:
        console.write("\n".join(results))
    targets = _targets(zip(report.artifacts, seconds, strict=True))
    if targets:
        header, *lines = _aligned([("target", "artifacts", *LEVELS, "failed", "time"), *targets], "<>>>>>>>")
        console.say("\n" + "\n".join((console.bold(header), *lines)) + "\n")
    for line in _notes(report) if verbose else _untried(report, again):
        console.say(console.dim(line))
    console.say(summary(report))


def _notes(report: Report) -> list[str]:
    """Return what there is to say of artifacts that passed, in full."""
    notes: dict[str, list[str]] = {}
    for entry in report.artifacts:
        if entry.ok and entry.message:
            notes.setdefault(entry.message, []).append(entry.id)
    return [
        f"{ids[0] if len(ids) == 1 else counted(len(ids), 'artifact')}: {message}" for message, ids in notes.items()
    ]


def _untried(report: Report, again: Sequence[str]) -> list[str]:
    """Return a line for each level that was not tried, and what this host lacks for it; other notes in full."""
    from wasmbuild.verify.outcomes import LACKS

    untried: dict[tuple[str, str], list[str]] = {}
    rest = []
    for entry in report.artifacts:
        if entry.ok and entry.lacks is not None:
            level = LEVELS[LEVELS.index(entry.level or LEVELS[0]) + 1]
            untried.setdefault((level, entry.lacks), []).append(entry.id)
        elif entry.ok and entry.message:
            rest.append(f"{entry.id}: {entry.message}")
    lines = []
    for (level, lacks), ids in untried.items():
        targets = list(dict.fromkeys(id.rpartition("@")[2] for id in ids))
        whose = f"{counted(len(ids), 'artifact')} of {listed(targets, _NAMED)}"
        lines.append(f"{whose} not {level}: {LACKS[lacks]}")
    if lines:
        import shlex

        lines.append(f"{shlex.join(('wasmbuild', 'verify', '-v', *again))} says more of that")
    return [*rest, *lines]


def arguments_for(build_dir: Path, config: Path) -> list[str]:
    """Return the arguments with which ``wasmbuild verify`` proves a build directory by a declaration's runners."""
    declaration = seen_from_here(os.path.abspath(config))
    named = [] if declaration == CONFIG else ["--config", declaration]
    return [*named, seen_from_here(build_dir)]


def summary(report: Report) -> str:
    """Return one line that says what was proved."""
    levels = Counter(entry.level for entry in report.artifacts if entry.ok)
    failed = sum(not entry.ok and entry.verified for entry in report.artifacts)
    unverified = sum(not entry.verified for entry in report.artifacts)
    parts = [f"{count} {level}" for level, count in sorted(levels.items(), key=lambda item: str(item[0]))]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{unverified} not verified"] if unverified else []
    verified = counted(len(report.artifacts) - unverified, "artifact")
    return f"{verified} verified: {', '.join(parts) or 'none there'}"


def _targets(verdicts: Iterable[tuple[Verdict, float]]) -> list[tuple[str, ...]]:
    """Return a row for each target: of how many artifacts each level holds, and how long they took together."""
    targets: dict[str, list[tuple[Verdict, float]]] = {}
    for entry, taken in verdicts:
        if entry.target is not None:
            targets.setdefault(entry.target, []).append((entry, taken))
    rows = []
    for target, found in targets.items():
        reached = [LEVELS.index(entry.level) for entry, _ in found if entry.level is not None]
        holds = [sum(highest >= level for highest in reached) for level in range(len(LEVELS))]
        counts = (len(found), *holds, sum(not entry.ok and entry.verified for entry, _ in found))
        rows.append((target, *map(str, counts), human_seconds(sum(taken for _, taken in found))))
    return rows


def _verdict(entry: Verdict) -> str:
    return "FAILED" if entry.verified else "NOT VERIFIED"


def _failure(entry: Verdict) -> str:
    if not entry.verified:
        return entry.message
    return f"not {entry.failed}: {entry.message}" if entry.failed else entry.message


def _aligned(rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Return rows as lines of columns, each to the side that ``sides`` has for it."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)) for row in rows
    ]
