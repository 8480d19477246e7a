"""Judging artifacts: a pure function of what a manifest says of them and of the records of known faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wasmbuild.audit.conditions import Answer, Traits, all_of, any_of, configured, machine, of_source, on
from wasmbuild.audit.database import LAYOUT, Advisory, Affected, Database
from wasmbuild.audit.versions import Range, Version, parse, within
from wasmbuild.engine.lines import own_release_only
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable

AFFECTED, UNKNOWN, NOT_AFFECTED = "affected", "unknown", "not affected"
VERDICTS = (NOT_AFFECTED, UNKNOWN, AFFECTED)
"""Least to most severe."""


class AuditedTarget(NamedTuple):
    """What artifacts of one manifest have in common: the version that compiled, and what for.

    ``engine`` is canonical, ``isa_flags`` are all that are on; ``runtime`` is the version that will load, None where
    nobody says. ``library`` is one that loads them here: what would crash in it does, and nothing else follows.
    """

    compiler: str
    triple: str
    engine: Mapping[str, object]
    isa_flags: Mapping[str, object]
    runtime: str | None = None
    library: str | None = None


class Finding(NamedTuple):
    """One record, held against one artifact; ``reason`` is one line, ``fixed`` the first version that mends it."""

    advisory: Advisory
    verdict: str
    reason: str
    fixed: str | None


class _AffectedPart(NamedTuple):
    """A part of a record that is in question for a target: what the target makes of it, and why."""

    affected: Affected
    answer: Answer


class _OpenQuestion(NamedTuple):
    """A record whose range holds the compiler, as far as the target decides it.

    ``parts`` are those that traits decide; ``otherwise`` is the verdict where none of them holds.
    """

    advisory: Advisory
    parts: tuple[_AffectedPart, ...]
    otherwise: Finding
    behind: str
    known: bool
    fixed: str | None
    listed: bool


class Judge:
    """Judges the artifacts of one target. What the target alone decides is decided once."""

    def __init__(self, database: Database, target: AuditedTarget) -> None:
        self._target = target
        self.questions: list[_OpenQuestion] = []
        self.unreadable = ""
        compiler = parse(target.compiler)
        runtime = parse(target.runtime) if target.runtime is not None else None
        if compiler is None or (target.runtime is not None and runtime is None):
            self.unreadable = f"{printable(target.compiler if compiler is None else target.runtime)} is no version"
            compiler = Version(0, 0, 0)
        self._defaults = database.defaults if compiler.major <= database.defaults_through else {}
        self._machine = machine(target.triple)
        for advisory in database.advisories:
            question = (
                self._unreadable(advisory)
                if self.unreadable
                else self._layout(advisory, compiler, runtime)
                if advisory.kind == LAYOUT
                else self._question(advisory, compiler)
            )
            if question is not None:
                self.questions.append(question)
        shapes = [shape for question in self.questions for part in question.parts for shape in part.affected.shapes]
        self._asked_for = sorted({name for shape in shapes for name in shape} | {"features"})
        self._known: dict[tuple[str, str], tuple[Finding, ...]] = {}

    @property
    def advisories(self) -> list[Advisory]:
        """The records whose range holds the compiler, whatever the artifact."""
        return [question.advisory for question in self.questions if question.listed]

    def judge(self, kind: str, traits: Traits | None) -> tuple[Finding, ...]:
        """Return what each record means for an artifact, most severe records first.

        ``kind`` is ``module`` or ``component``; ``traits`` are None where the manifest has none. Records whose range
        does not hold the compiler say nothing of it and are left out. Equal artifacts get the same tuple.
        """
        deciding = None if traits is None else tuple(map(traits.get, self._asked_for))
        key = (kind, repr(deciding))
        if key not in self._known:
            self._known[key] = tuple(self._judged(kind, traits))
        return self._known[key]

    def _judged(self, kind: str, traits: Traits | None) -> Iterator[Finding]:
        for question in self.questions:
            finding = self._answer(question, kind, traits) if question.parts else question.otherwise
            if question.listed or finding.verdict != NOT_AFFECTED:
                yield finding

    def _answer(self, question: _OpenQuestion, kind: str, traits: Traits | None) -> Finding:
        answer = any_of([self._part(part, question.known, kind, traits) for part in question.parts])
        if answer.holds is False:
            return question.otherwise._replace(reason=answer.why)
        reason = f"{answer.why or f'compiled by {printable(self._target.compiler)}'}; {question.behind}"
        return Finding(question.advisory, AFFECTED if answer.holds else UNKNOWN, reason, question.fixed)

    def _part(self, part: _AffectedPart, known: bool, kind: str, traits: Traits | None) -> Answer:
        """Tell whether a part of a record is an artifact's; ``known`` says that nothing else is open."""
        answer = of_source(part.affected, kind, self._target.engine, self._defaults, traits)
        if not answer.holds:
            return answer
        if part.answer.holds is None:
            return part.answer
        if part.affected.possible:
            return Answer(None, f"{answer.why}, which may be enough" if answer.why else "it may be on this target")
        # What the module has is the reason, and that is all that is known.
        return answer if known else Answer(None, answer.why)

    def _question(self, advisory: Advisory, compiler: Version) -> _OpenQuestion | None:
        held = [(where, within(compiler, where.ranges)) for where in advisory.affected]
        ranges = [found for _, found in held if found is not None]
        if not ranges:
            return None
        fixed = _fixed(compiler, ranges)
        behind = f"fixed in {fixed}" if fixed else f"never fixed on line {compiler.line}"
        last = max((found.fixed for found in ranges if found.fixed), default=None)
        if not fixed and last:
            behind += f", fixed in {last}"
            fixed = str(last)
        return self._asked(advisory, [where for where, found in held if found is not None], behind, True, fixed, True)

    def _layout(self, advisory: Advisory, compiler: Version, runtime: Version | None) -> _OpenQuestion | None:
        ranges = [each for where in advisory.affected for each in where.ranges]
        before = within(compiler, ranges)
        # The first release of the other layout on that line; None where all releases of the line have the same.
        border = _fixed(compiler._replace(minor=0, patch=0, release=True), ranges)
        listed = before is not None
        if border is None or border == f"{compiler.major}.0.0":
            why = f"all releases of line {compiler.line} have the same layout"
            return self._settled(advisory, why) if listed else None
        if own_release_only(compiler.major):
            why = f"the loader of line {compiler.line} takes what its own version compiled only"
            return self._settled(advisory, why) if listed else None
        sides = {True: f"before {border}", False: f"from {border} on"}
        if runtime is None or runtime.major != compiler.major:
            library = parse(self._target.library or "")
            if (
                library is not None
                and library.major == compiler.major
                and (within(library, ranges) is not None) is not listed
            ):
                behind = f"crashes in {library}, the library here, since {compiler} has the layout of releases "
                behind += f"{sides[listed]}; write runtime under [engine] if another release loads it"
                return self._asked(advisory, list(advisory.affected), behind, True, border, listed)
            behind = f"runs in releases {sides[listed]} only; say with --runtime, or runtime under [engine], which one "
            return self._asked(advisory, list(advisory.affected), behind + "loads it", False, border, listed)
        if (within(runtime, ranges) is not None) is listed:
            why = f"{runtime} and the compiler {compiler} have the same layout"
            return self._settled(advisory, why) if listed else None
        behind = f"crashes in {runtime}, since {compiler} has the layout of releases {sides[listed]}"
        return self._asked(advisory, list(advisory.affected), behind, True, border, listed)

    def _asked(
        self, advisory: Advisory, parts: Iterable[Affected], behind: str, known: bool, fixed: str | None, listed: bool
    ) -> _OpenQuestion:
        """Return a record with those of its parts that the target does not rule out."""
        left, ruled_out = [], []
        for where in parts:
            answer = on(where, self._machine)
            if answer.holds is not False:
                answer = all_of(
                    (answer, configured(where, self._target.engine, self._target.isa_flags, self._defaults))
                )
            if answer.holds is False:
                ruled_out.append(answer)
            else:
                left.append(_AffectedPart(where, answer))
        why = any_of(ruled_out).why if ruled_out else ""
        otherwise = Finding(advisory, NOT_AFFECTED, why, fixed)
        return _OpenQuestion(advisory, tuple(left), otherwise, behind, known, fixed, listed)

    def _settled(self, advisory: Advisory, why: str) -> _OpenQuestion:
        return _OpenQuestion(advisory, (), Finding(advisory, NOT_AFFECTED, why, None), "", True, None, True)

    def _unreadable(self, advisory: Advisory) -> _OpenQuestion:
        return _OpenQuestion(advisory, (), Finding(advisory, UNKNOWN, self.unreadable, None), "", False, None, True)


def worst(findings: Iterable[Finding]) -> str:
    """Return the verdict on an artifact: that of the finding that is worst for it."""
    return max((finding.verdict for finding in findings), key=VERDICTS.index, default=NOT_AFFECTED)


def _fixed(version: Version, ranges: Iterable[Range]) -> str | None:
    """Return the first fix on the line of a version."""
    fixes = [each.fixed for each in ranges if each.fixed is not None and each.fixed.line == version.line]
    return str(min(fixes)) if fixes else None
