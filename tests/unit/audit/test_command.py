"""``wasmbuild audit`` as a user types it, on manifests alone."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import maker
import pytest
from audited import (
    EXCEPTIONS_AND_GC,
    GC,
    HUGE_BR_TABLE,
    ONE_TAG_AND_PASSIVE_DATA,
    artifact,
    manifest,
    ship,
)

import wasmbuild.audit
import wasmbuild.commands.audit
from wasmbuild.audit.report import JSON_SCHEMA
from wasmbuild.cli import main

MODULES = [
    artifact("plain", {}),
    artifact("jump", HUGE_BR_TABLE),
    artifact("throw", EXCEPTIONS_AND_GC),
    artifact("tag", ONE_TAG_AND_PASSIVE_DATA),
]
TOML = """
[project]
name = "demo"
build-dir = "out"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.plain]
source = "plain.wat"
"""


class Shell:
    """The command, run in this process in a directory of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        code = main(["audit", *arguments])
        out, self.err = self._capsys.readouterr()
        assert code == status, out + self.err
        return out

    def report(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self("--json", *arguments, status=status))
        jsonschema.Draft202012Validator(JSON_SCHEMA).validate(report)
        return report

    def affected(self, *arguments: str, status: int = 1) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for entry in self.report(*arguments, status=status)["artifacts"]:
            ids = {each["id"] for each in entry["advisories"] if each["verdict"] == "affected"}
            assert (entry["status"] == "affected") == bool(ids)
            if ids:
                found[entry["id"]] = ids
        return found


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.fixture
def built(shell: Shell) -> Path:
    return ship(Path("out"), {target: manifest(MODULES, target=target) for target in ("x64", "arm")})


def test_the_affected_are_named(shell: Shell, built: Path) -> None:
    found = shell.affected("out")
    assert found == {
        "jump@arm": {"GHSA-mghf-wjfp-p5xm"},
        "throw@arm": {"GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"},
        "throw@x64": {"GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"},
    }
    assert found == shell.affected("out/index.json") == shell.affected("out/x64", "out/arm/manifest.json", "out")


def test_what_remains_of_48_0_8(shell: Shell) -> None:
    ship(Path("out"), {"arm": manifest(MODULES, target="arm", compiler="48.0.8")})
    assert shell.affected("out", "--runtime", "48.0.0") == {
        "tag@arm": {"GHSA-p79w-pv2r-29qp"},
        "throw@arm": {"GHSA-43j2-gcp4-m22g"},
    }
    assert shell.affected("out", "--runtime", "48.0.8") == {"throw@arm": {"GHSA-43j2-gcp4-m22g"}}


def test_people_are_told_what_and_why_and_what_mends_it(shell: Shell, built: Path) -> None:
    told = shell("out", status=1)
    assert "GHSA-mghf-wjfp-p5xm, CVE-2026-115893 (critical): br_table with very many targets" in told
    assert "  affected: jump@arm: its largest br_table has 270,000 targets; fixed in 48.0.7\n" in told
    assert '[toolchain] wasmtime = "48.0.9"' in told
    assert told.endswith(
        "8 artifacts held against 36 known faults of Wasmtime, as of 2026-11-28: "
        "3 affected, 2 unknown, 3 not affected\n"
    )
    assert shell.err == ""


def test_a_shipment_without_faults_passes(shell: Shell) -> None:
    ship(Path("out"), {"x64": manifest([artifact("plain", {})])})
    assert "1 not affected" in shell("out")
    assert shell.report("out")["ok"] is True


@pytest.mark.parametrize("line", ["17.0.1", "45.0.0", "63.0.1"])
def test_lines_that_nothing_else_here_knows_are_judged(shell: Shell, line: str) -> None:
    unheard_of = {"wasm-of-the-future": True, "cranelift-flags": {"x": "y"}}
    data = manifest(MODULES, target="arm", compiler=line, engine=unheard_of, triple="pdp11-dec-unix")
    Path("manifest.json").write_bytes(data)
    report = shell.report("manifest.json", status=0 if line == "63.0.1" else 1)
    assert len(report["artifacts"]) == len(MODULES)
    [support] = report["support"]
    assert support == {"line": int(line[:2]), "until": support["until"], "ended": line < "60"}
    told = shell("manifest.json", status=0 if line == "63.0.1" else 1)
    assert ("out of support since" in told) == (line < "60")


def test_manifests_without_traits_are_unknown(shell: Shell) -> None:
    Path("manifest.json").write_bytes(manifest([artifact("old", None)]))
    [entry] = shell.report("manifest.json")["artifacts"]
    assert entry["status"] == "unknown"
    assert "does not say whether it uses gc" in shell("manifest.json")


def declare(audit: str) -> None:
    Path("wasmbuild.toml").write_text(TOML + audit)


def test_the_build_directory_of_the_declaration_is_the_default(shell: Shell, built: Path) -> None:
    declare("")
    assert shell.affected() == shell.affected("out")
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    os.chdir(elsewhere)
    assert shell.affected("--config", "../wasmbuild.toml", status=1).keys() == {"jump@arm", "throw@arm", "throw@x64"}


def test_without_paths_and_declaration_there_is_nothing_to_audit(shell: Shell) -> None:
    shell(status=2)
    assert "wasmbuild.toml: there is no such file" in shell.err


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
    assert "  let pass: jump@arm: looked at\n" in shell()


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--runtime", "48"), "is no version; write one such as 48.0.0"),
        (("--runtime", "new"), "is no version; write one such as 48.0.0"),
        (("--runtime", "48.0.0", "--runtime", "48.0.8"), "are of one line"),
        (("--runtime", "49.0.0"), "loads none of these artifacts, which are of line 48"),
        (("--json", "--sarif"), "ask for one of them"),
    ],
)
def test_what_does_not_go_together_is_refused(shell: Shell, built: Path, arguments: tuple[str, ...], told: str) -> None:
    shell("out", *arguments, status=2)
    assert told in shell.err


def _without(name: str) -> bytes:
    document = json.loads(manifest(MODULES))
    del document[name]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not JSON"),
        (b"[]", "must be an object"),
        (b"\xff", "is not UTF-8"),
        (maker.artifact(version="36.0.9"), "is an artifact that Wasmtime 36.0.9 precompiled for "),
        (b"\0asm\1\0\0\0", "is a core WebAssembly module; name a manifest, an index or a build directory"),
        (manifest(MODULES).replace(b"/1", b"/2"), 'schema: must be "wasmbuild/manifest/1"'),
        (_without("wasmtime"), "wasmtime: is missing"),
        (manifest([artifact("m", {"br-table": 0.5})]), "br-table: must be a trait"),
        (None, "is missing"),
    ],
)
def test_what_cannot_be_read_fails_and_the_rest_is_judged(shell: Shell, data: bytes | None, told: str) -> None:
    ship(Path("out"), {"x64": manifest([artifact("plain", {})])})
    if data is not None:
        Path("bad.json").write_bytes(data)
    report = shell.report("bad.json", "out", status=1)
    assert told in report["errors"][0]["message"]
    assert [entry["id"] for entry in report["artifacts"]] == ["plain@x64"]
    assert f"bad.json {report['errors'][0]['message']}" in shell("bad.json", "out", status=1)


def test_a_manifest_that_is_not_the_index_s_is_told(shell: Shell, built: Path) -> None:
    path = built / "arm" / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    report = shell.report("out", status=1)
    assert "is not the manifest that index.json names" in report["errors"][0]["message"]
    assert {entry["id"].rpartition("@")[2] for entry in report["artifacts"]} == {"x64"}


@pytest.mark.parametrize("path", ["../x64/manifest.json", "/etc/manifest.json", "x64/../../a.json", ".a/m.json"])
def test_an_index_leads_nowhere_else(shell: Shell, built: Path, path: str) -> None:
    index = json.loads((built / "index.json").read_text())
    index["targets"][0]["path"] = path
    (built / "index.json").write_text(json.dumps(index))
    report = shell.report("out", status=1)
    assert "targets[0].path" in report["errors"][0]["message"]
    assert report["artifacts"] == []


def test_a_directory_without_anything_is_told(shell: Shell) -> None:
    shell(".", status=1)
    assert "holds neither index.json nor a manifest.json" in shell(".", status=1)


def test_names_are_shown_without_escapes(shell: Shell) -> None:
    Path("manifest.json").write_bytes(manifest([artifact("\x1b[31mred", HUGE_BR_TABLE)], target="arm"))
    assert "\x1b" not in shell("manifest.json", status=1)


def test_sarif(shell: Shell, built: Path) -> None:
    declare('[[audit.ignore]]\nid = "GHSA-43j2-gcp4-m22g"\nreason = "looked at"\n')
    sarif = json.loads(shell("--sarif", "out", status=1))
    jsonschema.Draft202012Validator(SARIF).validate(sarif)
    [run] = sarif["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == rules
    errors = {result["ruleId"] for result in run["results"] if result["level"] == "error"}
    assert errors == {"GHSA-mghf-wjfp-p5xm", "GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"}
    passed = {result["ruleId"] for result in run["results"] if "suppressions" in result}
    assert passed == {"GHSA-43j2-gcp4-m22g"}
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert uris == {"out/arm/manifest.json", "out/x64/manifest.json"}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = {**required, **optional}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


_MESSAGE = _object({"text": {"type": "string", "minLength": 1}})
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
# What https://docs.oasis-open.org/sarif/sarif/v2.1.0/ says of the objects that are used here.
SARIF = _object(
    {
        "$schema": {"pattern": "sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "items": _object(
                {
                    "tool": _object(
                        {
                            "driver": _object(
                                {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": _object(
                                            {
                                                "id": {"type": "string"},
                                                "shortDescription": _MESSAGE,
                                                "fullDescription": _MESSAGE,
                                                "properties": {"type": "object"},
                                            },
                                            helpUri={"pattern": "^https://"},
                                        ),
                                    },
                                }
                            )
                        }
                    ),
                    "invocations": {
                        "items": _object(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": {
                                    "items": _object({"level": _LEVEL, "message": _MESSAGE})
                                },
                            }
                        )
                    },
                    "results": {
                        "items": _object(
                            {
                                "ruleId": {"type": "string"},
                                "level": _LEVEL,
                                "message": _MESSAGE,
                                "locations": {
                                    "items": _object(
                                        {
                                            "physicalLocation": _object(
                                                {"artifactLocation": _object({"uri": {"pattern": "^[!-~]+$"}})}
                                            ),
                                            "logicalLocations": {"type": "array"},
                                        }
                                    )
                                },
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                            },
                            suppressions={
                                "items": _object(
                                    {"kind": {"enum": ["inSource", "external"]}, "justification": {"type": "string"}}
                                )
                            },
                        )
                    },
                }
            )
        },
    }
)


def test_ten_thousand_artifacts_cost_one_judgement_each(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the target decides is decided once for each manifest, whatever is in it."""
    from wasmbuild.audit import judge

    made = []

    class Counted(judge.Judge):
        def __init__(self, *arguments: Any) -> None:
            made.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr("wasmbuild.audit.report.Judge", Counted)
    ship(
        Path("out"),
        {target: manifest([artifact(f"m{n}", GC) for n in range(500)], target=target) for target in ("x64", "arm")},
    )
    assert len(shell.report("out", status=1)["artifacts"]) == 1000
    assert len(made) == 2
