"""The release that an audit tells to compile with: it has none of the faults that the audit names."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from audited import EXCEPTIONS_AND_GC, GC, HUGE_BR_TABLE, TRAITS, TRIPLES

from wasmbuild.audit.choice import CompilerChoice
from wasmbuild.audit.database import LAYOUT, Database, bundled
from wasmbuild.audit.judge import AFFECTED, UNKNOWN
from wasmbuild.audit.report import AuditReport, judged
from wasmbuild.audit.shipment import ShippedArtifact, ShippedManifest
from wasmbuild.audit.text import note, story
from wasmbuild.audit.versions import Range, Version
from wasmbuild.project.audit_policy import AuditPolicy, Ignore

TYPED_SELECT = {"features": ["gc", "reference-types"]}
EVERYTHING = {**EXCEPTIONS_AND_GC, **HUGE_BR_TABLE, "function-body": 3_000_000, "table64": True, "call-ref": True}
GC_HEAP, WINCH, JUMP = "GHSA-43j2-gcp4-m22g", "x_wasmbuild-50.0.0", "GHSA-mghf-wjfp-p5xm"


def compiled(compiler: str, traits: dict[str, Any] | None, *, strategy: str = "cranelift") -> ShippedManifest:
    artifact = ShippedArtifact("m@arm", "module", None if traits is None else {**TRAITS, **traits})
    engine = {"embedder": "c-api", "strategy": strategy}
    return ShippedManifest("manifest.json", compiler, TRIPLES["arm"], engine, {}, (artifact,), None)


def report_of(*manifests: ShippedManifest, database: Database | None = None) -> AuditReport:
    return judged(manifests, database or bundled(), AuditPolicy())


def advice(report: AuditReport) -> list[str]:
    return [
        line for line in story(report, date(2026, 12, 1)) if line.startswith("compiled by") and "has what" not in line
    ]


def affected(report: AuditReport) -> set[str]:
    return found_as(report, AFFECTED)


def found_as(report: AuditReport, *verdicts: str) -> set[str]:
    found = [finding for entry in report.entries for finding in entry.findings if finding.verdict in verdicts]
    return {finding.advisory.id for finding in found if finding.advisory.kind != LAYOUT}


def changed(ranges: dict[str, list[tuple[str, str | None]]]) -> Database:
    """Return the records that came with wasmbuild, of which some have other ranges."""

    def version(text: str) -> Version:
        return Version(*map(int, text.split(".")))

    advisories = []
    for advisory in bundled().advisories:
        if advisory.id in ranges:
            held = tuple(Range(version(start), end and version(end)) for start, end in ranges[advisory.id])
            advisory = advisory._replace(affected=tuple(part._replace(ranges=held) for part in advisory.affected))
        advisories.append(advisory)
    return bundled()._replace(advisories=tuple(advisories))


def test_a_release_of_another_line_has_none_of_the_faults_that_are_told() -> None:
    """50.0.0 has what line 48 never got, and GHSA-43j2 once more, until 50.0.2."""
    report = report_of(compiled("48.0.2", GC), compiled("48.0.2", TYPED_SELECT, strategy="winch"))
    assert affected(report) == {GC_HEAP, WINCH}
    assert advice(report) == [
        f"compiled by 48.0.2: compile again with 50.0.2 or later, since line 48 never got what mends {WINCH} "
        f'(48.0.9 mends {GC_HEAP}): wasmbuild toolchain install 50.0.2 gets it, [toolchain] wasmtime = "50.0.2" asks '
        "for it"
    ]


def test_where_the_own_line_mends_nothing_another_one_alone_is_told() -> None:
    [told] = advice(report_of(compiled("48.0.9", TYPED_SELECT, strategy="winch")))
    assert f" with 50.0.0 or later, since line 48 never got what mends {WINCH}: wasmbuild toolchain install 50" in told


def test_what_the_release_for_the_others_has_for_good_is_told() -> None:
    """And the line of a build names no release, since none is enough."""
    database = changed({GC_HEAP: [("0.0.0", "48.0.9"), ("50.0.0", None)]})
    manifests = compiled("48.0.2", GC), compiled("48.0.2", TYPED_SELECT, strategy="winch")
    moved, left = advice(report_of(*manifests, database=database))
    assert f"with 50.0.0 or later, since line 48 never got what mends {WINCH} (48.0.9 mends {GC_HEAP}): " in moved
    assert left == f"compiled by 48.0.2: no release is known to mend {GC_HEAP} as well"
    told = note(report_of(*manifests, database=database), "more", CompilerChoice()) or ""
    assert " mend" not in told


def test_what_nothing_mends_is_told_without_a_release() -> None:
    report = report_of(compiled("48.0.2", GC), database=changed({GC_HEAP: [("0.0.0", None)]}))
    assert advice(report) == [f"compiled by 48.0.2: no release is known to mend {GC_HEAP}"]


def test_a_fault_that_came_back_on_the_line_is_mended_by_the_last_fix() -> None:
    database = changed({GC_HEAP: [("0.0.0", "48.0.3"), ("48.0.5", "48.0.9")], JUMP: [("0.0.0", "48.0.7")]})
    assert "compile again with 48.0.3 or later: " in advice(report_of(compiled("48.0.2", GC), database=database))[0]
    both = report_of(compiled("48.0.2", {**GC, **HUGE_BR_TABLE}), database=database)
    assert "compile again with 48.0.9 or later: " in advice(both)[0]
    assert "which 48.0.9 mends" in (note(both, "more", CompilerChoice()) or "")


def test_the_release_that_is_told_decides_what_is_unknown_too() -> None:
    """48.0.7 would mend what is known to be wrong, and leave open what its line mends later."""
    report = report_of(compiled("48.0.2", HUGE_BR_TABLE), compiled("48.0.2", None))
    assert affected(report) == {JUMP}
    assert GC_HEAP in found_as(report, UNKNOWN)
    [told] = advice(report)
    assert told.startswith("compiled by 48.0.2: compile again with 48.0.9 or later: ")
    assert "which 48.0.9 mends" in (note(report, "more", CompilerChoice()) or "")
    again = report_of(compiled("48.0.9", HUGE_BR_TABLE), compiled("48.0.9", None))
    assert not found_as(again, AFFECTED, UNKNOWN)
    let_pass = AuditPolicy(ignore=(Ignore(GC_HEAP, "looked at"),))
    passed = judged([compiled("48.0.2", HUGE_BR_TABLE), compiled("48.0.2", None)], bundled(), let_pass)
    assert "compile again with 48.0.7 or later: " in advice(passed)[0]


def test_what_is_unknown_moves_nothing_by_itself() -> None:
    """Neither to a release nor to another line, where what is affected is mended by none, or on its own line."""
    doubtful = compiled("48.0.2", None)
    assert advice(report_of(doubtful)) == []
    unmended = changed({JUMP: [("0.0.0", None)]})
    assert advice(report_of(compiled("48.0.2", HUGE_BR_TABLE), doubtful, database=unmended)) == [
        f"compiled by 48.0.2: no release is known to mend {JUMP}"
    ]
    elsewhere = changed({GC_HEAP: [("0.0.0", "50.0.2")]})
    [told] = advice(report_of(compiled("48.0.2", HUGE_BR_TABLE), doubtful, database=elsewhere))
    assert "compile again with 48.0.7 or later: " in told


def test_no_record_that_is_told_holds_the_release_that_is_told() -> None:
    borders = {
        border
        for advisory in bundled().advisories
        for part in advisory.affected
        for held in part.ranges
        for border in held
        if border is not None
    }

    def built(compiler: str) -> AuditReport:
        return report_of(*(compiled(compiler, EVERYTHING, strategy=strategy) for strategy in ("cranelift", "winch")))

    releases = {}
    for compiler in map(str, sorted(borders)):
        report = built(compiler)
        for line in advice(report):
            if found := re.search(r"compile again with ([0-9.]+) or later", line):
                releases[compiler] = found[1]
                assert not affected(report) & affected(built(found[1])), f"{compiler}: {line}"
    assert len(releases) > 20
