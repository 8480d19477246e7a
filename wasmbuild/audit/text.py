"""An audit in words: what is wrong, by fault and by artifact, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wasmbuild.audit import choice
from wasmbuild.audit.database import LAYOUT, Advisory
from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED, UNKNOWN, Finding
from wasmbuild.audit.report import STALE_DAYS, AuditedArtifact, AuditReport, supported
from wasmbuild.audit.versions import Version, parse
from wasmbuild.engine.lines import own_release_only
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project.audit_policy import SEVERITIES
from wasmbuild.project.keys import dotted
from wasmbuild.text import listed, printable
from wasmbuild.toolchain.search_path import VARIABLE

if TYPE_CHECKING:
    from datetime import date

    from wasmbuild.audit.choice import CompilerChoice
    from wasmbuild.project.declared import Project

_SHOWN = 8


def story(report: AuditReport, today: date, project: Project | None = None) -> Iterator[str]:
    """Yield the lines that tell of a report: each fault with its artifacts, the state of things, a summary.

    ``project`` is the declaration of what was audited, where there is one.
    """
    for advisory, findings in _by_advisory(report):
        names = ", ".join((advisory.id, *advisory.aliases))
        severity = SEVERITIES[advisory.weight] if advisory.severity in SEVERITIES else "unscored, counts as high"
        yield f"{names} ({severity}): {advisory.summary}"
        for (verdict, reason), ids in findings.items():
            yield f"  {verdict}: {listed(ids, _SHOWN)}: {reason}"
        yield f"  {advisory.url}" if advisory.url else f"  {advisory.details}"
        yield ""
    for unreadable in report.unreadable:
        yield f"{unreadable.path} {unreadable.message}"
    yield from _advice(report, project)
    yield from _absent(report)
    yield from _state(report, today)
    yield summary(report)


def summary(report: AuditReport) -> str:
    """Return one line that says how many artifacts are how."""
    count = report.count()
    passed = sum(entry.alike for entry in report.entries if entry.is_let_pass)
    numbers = {status: report.count(status) for status in (AFFECTED, UNKNOWN)}
    numbers |= {"let pass": passed, NOT_AFFECTED: report.count(NOT_AFFECTED) - passed}
    parts = [f"{number} {how}" for how, number in numbers.items() if number]
    noun = "artifact" if count == 1 else "artifacts"
    known = f"{len(report.database.advisories)} known faults of Wasmtime, as of {report.database.date}"
    return f"{count} {noun} held against {known}: {', '.join(parts) or 'none there'}"


def _advice(report: AuditReport, project: Project | None) -> Iterator[str]:
    """Yield what mends what is affected, one line for each version that compiled and each way."""
    ways = choice.of(project)
    for compiler, upgrade in _upgrades(report).items():
        of = f"compiled by {printable(compiler)}"
        if upgrade.version is not None:
            how = ", ".join(_steps(upgrade, _table(project, upgrade.own.major), ways))
            yield f"{of}: compile again with {upgrade.version} or later{_why_moved(upgrade)}: {how}"
        if upgrade.without:
            also = " as well" if upgrade.version is not None else ""
            yield f"{of}: no release is known to mend {listed(upgrade.without)}{also}"
        if upgrade.layout:
            fix = "compile with the runtime's own version, or move both to the last release of the line"
            yield f"{of}: what loads it has another layout; {fix}"


def _why_moved(upgrade: _Upgrade) -> str:
    if not upgrade.by_other:
        return ""
    enough = f" ({upgrade.own} mends {listed(upgrade.by_own)})" if upgrade.by_own else ""
    return f", since line {upgrade.own.line} never got what mends {listed(upgrade.by_other)}{enough}"


def _steps(upgrade: _Upgrade, table: str, ways: CompilerChoice) -> Iterator[str]:
    """Yield what has to be done for a version to compile; ``table`` is where the declaration asks for one."""
    version = upgrade.version
    is_executable = bool(ways.named_by) and not ways.is_embedded
    if is_executable:
        place = "in" if ways.named_by == VARIABLE else "as"
        yield f"name an executable of Wasmtime {version} {place} {ways.named_by}"
    else:
        if ways.is_embedded:
            yield f"leave out {ways.named_by}"
        yield f"wasmbuild toolchain install {version} gets it"
    # One that is named is taken whatever release of its line is asked for, as long as no later one is.
    if not is_executable or upgrade.by_other or (version is not None and own_release_only(version.major)):
        yield f'[{table}] wasmtime = "{version}" asks for it'
    if ways.locked:
        yield "then wasmbuild lock"


def _table(project: Project | None, line: int) -> str:
    """Return the table whose ``wasmtime`` asks for a release of a line: that of a target where targets name it."""
    named = [] if project is None or project.line == line else project.targets
    return next((dotted("targets", target.name) for target in named if target.engine.line == line), "toolchain")


class _Upgrade(NamedTuple):
    """What mends what one version compiled: a version, if any, and what that does not mend.

    ``own`` is the release of the compiler's own line that mends the most, ``by_own`` is what it mends, ``by_other``
    what only another line does, that of ``version``.
    """

    version: Version | None
    without: list[str]
    layout: bool
    own: Version
    by_own: list[str]
    by_other: list[str]


def _upgrades(report: AuditReport) -> dict[str, _Upgrade]:
    wrong, doubtful = _by_compiler(report, AFFECTED), _by_compiler(report, UNKNOWN)
    versions = {compiler: parse(compiler) for compiler in wrong}
    return {
        name: _upgrade(version, wrong[name], doubtful.get(name, ())) for name, version in versions.items() if version
    }


def _by_compiler(report: AuditReport, verdict: str) -> dict[str, list[Advisory]]:
    found: dict[str, dict[str, Advisory]] = {}
    for entry in report.entries:
        for finding in _counted(entry, verdict):
            found.setdefault(entry.compiler, {})[finding.advisory.id] = finding.advisory
    return {compiler: list(advisories.values()) for compiler, advisories in found.items()}


def _upgrade(compiler: Version, wrong: Sequence[Advisory], doubtful: Sequence[Advisory]) -> _Upgrade:
    coded, doubtful = ([each for each in some if each.kind != LAYOUT] for some in (wrong, doubtful))
    own = _mending(compiler, coded, doubtful, compiler.line)
    last = _mending(own, coded, doubtful)
    by_own = [advisory.id for advisory in coded if not advisory.holding(own)]
    without = [advisory.id for advisory in coded if advisory.holding(last)]
    by_other = [advisory.id for advisory in coded if advisory.id not in (*by_own, *without)]
    version = last if by_own or by_other else None
    return _Upgrade(version, without, len(coded) < len(wrong), own, by_own, by_other)


def _mending(
    version: Version, wrong: Iterable[Advisory], doubtful: Iterable[Advisory] = (), line: str | None = None
) -> Version:
    """Return the first version, from one on, that has none of the faults, as far as any release (of a line) has a fix.

    What is ``doubtful`` moves nothing to another line. It is looked for step by step: what mends one fault may have
    another, which was introduced again on its line.
    """
    while True:
        fixes = [
            end
            for advisories, of_line in ((wrong, line), (doubtful, version.line))
            for advisory in advisories
            for _, end in advisory.holding(version)
            if end is not None and of_line in (None, end.line)
        ]
        if not fixes:
            return version
        version = max(fixes)


def note(report: AuditReport, more: str, ways: CompilerChoice) -> str | None:
    """Return one line for a build or a verification, None where nothing is known against its compilers.

    ``more`` is the command that says more.
    """
    count, unknown = report.count(), report.count(UNKNOWN)
    wrong = [(entry.alike, found) for entry in report.entries if (found := list(_counted(entry, AFFECTED)))]
    layouts = [(alike, finding) for alike, found in wrong for finding in found if finding.advisory.kind == LAYOUT]
    if layouts:
        crashing = sum(alike for alike, _ in layouts)
        reason, advisory = layouts[0][1].reason, layouts[0][1].advisory.id
        are = "they are" if crashing > 1 else "it is"
        faulty = sum(alike for alike, found in wrong if any(each.advisory.kind != LAYOUT for each in found))
        also = f", and {faulty} with known faults of the compiler{_mended(report, ways)}" if faulty else ""
        return f"{_share(crashing, count)} would crash where {are} loaded ({advisory}: {reason}){also}: {more}"
    affected = sum(alike for alike, _ in wrong)
    if affected:
        worst = _worst(finding.advisory for _, found in wrong for finding in found)
        have = "have" if affected > 1 else "has"
        known_faults = f"known faults of the compiler ({worst}){_mended(report, ways)}"
        return f"{_share(affected, count)} {have} {known_faults}: {more}"
    compilers = {version: found for version, found in report.compilers.items() if found}
    if not compilers:
        return None
    whose = listed([f"Wasmtime {printable(version)}" for version in compilers])
    known = {advisory.id: advisory for found in compilers.values() for advisory in found}
    fixes = {(version, each.id): _fix(version, each) for version, found in compilers.items() for each in found}
    open_ = {id for (_, id), fix in fixes.items() if fix is None}
    of_which = f"{len(known) - len(open_)} of which" if open_ else "which"
    last = [
        max((fix for (of, _), fix in fixes.items() if fix and of == version), default=None) for version in compilers
    ]
    mended = _releases(last, ways, of_which)
    is_one = len(known) == 1
    number = "1 known fault" if is_one else f"{len(known)} known faults"
    faults = f"compiled by {whose}, with {number} ({_worst(known.values())}){mended}"
    if unknown:
        have = "have" if unknown > 1 else "has"
        return f"{faults}; whether {_share(unknown, count)} {have} {'it' if is_one else 'any'} is not known: {more}"
    none = "the artifact does not have" if count == 1 else f"none of {count} artifacts has"
    passed = any(
        finding.verdict != NOT_AFFECTED and finding.advisory.id in entry.ignored
        for entry in report.entries
        for finding in entry.findings
    )
    need = "it needs" if is_one else "they need"
    return f"{faults}; {none} what {need}{', but for what is let pass' if passed else ''}: {more}"


def _share(number: int, count: int) -> str:
    return "the artifact" if count == 1 else f"{number} of {count} artifacts"


def _mended(report: AuditReport, ways: CompilerChoice) -> str:
    """Say what mends all that is affected; nothing where that is not all of it, which an audit tells."""
    found = _upgrades(report).values()
    whole = not any(upgrade.by_other or upgrade.without for upgrade in found)
    return _releases([upgrade.version for upgrade in found], ways, "which") if whole else ""


def _releases(versions: Iterable[Version | None], ways: CompilerChoice, which: str) -> str:
    """Say which releases mend what was told, and what gets them where that is enough; nothing where none is known."""
    known = sorted({version for version in versions if version is not None})
    if not known:
        return ""
    commands = [f"wasmbuild toolchain install {version}" for version in known]
    if ways.locked:
        commands.append("wasmbuild lock")
    mend = "mends" if len(known) == 1 else "mend"
    declared = ways.named_by or any(own_release_only(version.major) for version in known)
    how = "" if declared else f" ({', then '.join(commands)})"
    return f", {which} {listed([str(version) for version in known])} {mend}{how}"


def _fix(compiler: str, advisory: Advisory) -> Version | None:
    """Return the first release of a compiler's own line without a fault, None where that line never got the fix."""
    version = parse(compiler)
    if version is None:
        return None
    mended = _mending(version, [advisory], line=version.line)
    return None if advisory.holding(mended) else mended


def _worst(advisories: Iterable[Advisory]) -> str:
    advisory = min(advisories, key=lambda advisory: (-advisory.weight, advisory.id))
    return f"{SEVERITIES[advisory.weight]} {advisory.id}"


def _counted(entry: AuditedArtifact, verdict: str) -> Iterator[Finding]:
    for finding in entry.findings:
        if finding.advisory.id not in entry.ignored and finding.verdict == verdict:
            yield finding


def _by_advisory(report: AuditReport) -> list[tuple[Advisory, dict[tuple[str, str], list[str]]]]:
    """Return each fault that an artifact has or may have, most severe first, with the artifacts by verdict and why."""
    found: dict[str, tuple[Advisory, dict[tuple[str, str], list[str]]]] = {}
    for entry in report.entries:
        for finding in entry.findings:
            if finding.verdict == NOT_AFFECTED:
                continue
            ignored = entry.ignored.get(finding.advisory.id)
            key = (finding.verdict, finding.reason) if ignored is None else ("let pass", printable(ignored))
            findings = found.setdefault(finding.advisory.id, (finding.advisory, {}))[1]
            findings.setdefault(key, []).append(printable(entry.id))
    return sorted(found.values(), key=lambda item: (-item[0].weight, item[0].id))


def _absent(report: AuditReport) -> Iterator[str]:
    """Yield which faults of its compiler no artifact has."""
    has: dict[str, set[str]] = {}
    for entry in report.entries:
        found = {finding.advisory.id for finding in entry.findings if finding.verdict != NOT_AFFECTED}
        has.setdefault(entry.compiler, set()).update(found)
    for compiler, advisories in report.compilers.items():
        absent = [advisory.id for advisory in advisories if advisory.id not in has.get(compiler, ())]
        if absent:
            yield f"compiled by {printable(compiler)}: no artifact has what {listed(absent, _SHOWN)} needs"


def _state(report: AuditReport, today: date) -> Iterator[str]:
    for line, until, ended in supported(report, today):
        if ended:
            yield f"line {line} of Wasmtime has been out of support since {until}: what is found in it is not mended"
    age = (today - report.database.date).days
    if age > STALE_DAYS:
        yield f"the records are {age} days old: a newer wasmbuild has newer ones, and --db takes them from a directory"
    for name in report.unused:
        yield f"audit.ignore names {printable(name)}, which is no advisory that is known here: correct or remove it"
