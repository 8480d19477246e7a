"""The story of a verification, told on a console: a table of what was proved, and what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wasmbuild.console import Console, counted

if TYPE_CHECKING:
    from wasmbuild.verify.report import Entry, Report

_NONE = "nothing"


def tell(report: Report, console: Console) -> None:
    """Write a table with a row for each artifact, then what this host could not try and why, then a summary."""
    rows = [(entry.id, entry.level or _NONE, entry.required) for entry in report.artifacts]
    header = ("artifact", "proved", "required")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(3)]
    console.say(console.bold(_row(header, widths)))
    for entry, row in zip(report.artifacts, rows, strict=True):
        verdict = console.good("ok") if entry.ok else f"{console.bad('FAILED')}  {_failure(entry)}"
        console.say(f"{_row(row, widths)}  {verdict}") if entry.ok else console.write(f"{_row(row, widths)}  {verdict}")
    untried = Counter(entry.message for entry in report.artifacts if entry.ok and entry.message)
    for message, count in untried.items():
        console.say(console.dim(f"{counted(count, 'artifact')}: {message}"))
    console.say(summary(report))


def summary(report: Report) -> str:
    """Return one line that says what was proved."""
    levels = Counter(entry.level for entry in report.artifacts if entry.ok)
    failed = sum(not entry.ok for entry in report.artifacts)
    parts = [f"{count} {level}" for level, count in sorted(levels.items(), key=lambda item: str(item[0]))]
    parts += [f"{failed} failed"] if failed else []
    return f"{counted(len(report.artifacts), 'artifact')} verified: {', '.join(parts) or 'none there'}"


def _failure(entry: Entry) -> str:
    return f"not {entry.failed}: {entry.message}" if entry.failed else entry.message


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
