"""What ``[audit]`` lets pass, and how old records may be."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from audited import (
    Shell,
    declare,
)

import wasmbuild.audit
import wasmbuild.commands.audit


def test_severities_below_fail_on_pass(shell: Shell, built: Path) -> None:
    declare('[audit]\nfail-on = "critical"\n')
    shell("out/x64")
    shell("out/arm", status=1)


def test_what_is_let_pass_does_not_fail(shell: Shell, built: Path) -> None:
    ignored = '[[audit.ignore]]\nid = "{}"\nreason = "looked at"\n'
    ids = ("CVE-2026-115893", "GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g")
    declare("".join(ignored.format(id) for id in ids[:2]))
    assert shell.report(status=1)["ok"] is False
    declare("".join(ignored.format(id) for id in ids))
    report = shell.report()
    statuses = {entry["id"]: entry["status"] for entry in report["artifacts"]}
    assert statuses["jump@arm"] == "not affected"
    passed = {each["id"]: each["ignored"] for entry in report["artifacts"] for each in entry["advisories"]}
    assert passed["GHSA-mghf-wjfp-p5xm"] == "looked at"
    said = shell()
    assert "  let pass: jump@arm: looked at\n" in said
    assert said.endswith(": 2 unknown, 3 let pass, 3 not affected\n")


def test_an_ignore_that_names_nothing_is_told(shell: Shell, built: Path) -> None:
    declare('[[audit.ignore]]\nid = "CVE-2026-115894"\nreason = "looked at"\n')
    assert "audit.ignore names CVE-2026-115894, which is no advisory" in shell(status=1)


@pytest.mark.parametrize(("today", "over"), [("2027-03-31", False), ("2027-04-01", True)])
def test_an_ignore_past_its_date_is_an_error(
    shell: Shell, built: Path, monkeypatch: pytest.MonkeyPatch, today: str, over: bool
) -> None:
    monkeypatch.setattr(wasmbuild.commands.audit, "today", lambda: date.fromisoformat(today))
    declare(
        '[audit]\nfail-on = "critical"\n'
        '[[audit.ignore]]\nid = "GHSA-mghf-wjfp-p5xm"\nreason = "looked at"\nuntil = 2027-03-31\n'
    )
    shell(status=2 if over else 0)
    assert ("wasmbuild.toml: audit.ignore[0].until: 2027-03-31 is over" in shell.err) == over


@pytest.mark.parametrize(("today", "told"), [("2027-02-26", False), ("2027-02-27", True)])
def test_old_records_are_told(
    shell: Shell, built: Path, monkeypatch: pytest.MonkeyPatch, today: str, told: bool
) -> None:
    monkeypatch.setattr(wasmbuild.commands.audit, "today", lambda: date.fromisoformat(today))
    assert ("the records are 91 days old" in shell("out", status=1)) == told


def test_other_records_can_be_taken(shell: Shell, built: Path) -> None:
    records = Path(shutil.copytree(Path(wasmbuild.audit.__file__).parent / "advisories", "records"))
    for path in records.glob("GHSA-*"):
        if path.stem != "GHSA-mghf-wjfp-p5xm":
            path.unlink()
    assert shell.affected("out", "--db", "records") == {"jump@arm": {"GHSA-mghf-wjfp-p5xm"}}
    (records / "GHSA-mghf-wjfp-p5xm.json").write_text("{}")
    shell("out", "--db", "records", status=2)
    assert "wasmbuild audit: --db: records/GHSA-mghf-wjfp-p5xm.json" in shell.err
    shell("out", "--db", "nowhere", status=2)
