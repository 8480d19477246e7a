"""What build and verify say of known faults, and when they fail by them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from mounts import run_under
from support import HEAD, TARGETS, Project

from wasmbuild.project import audit_policy
from wasmbuild.shipment.errors import NO_TARGETS
from wasmbuild.verify.report import JSON_SCHEMA

COLLECTED = """(module (type $s (struct (field i32)))
  (func (export "f") (result i32) (struct.get $s 0 (struct.new $s (i32.const 7)))))"""
DECLARED = HEAD + TARGETS + '[modules.collected]\nsource = "collected.wat"\n'
IGNORED = '[[audit.ignore]]\nid = "GHSA-43j2-gcp4-m22g"\nreason = "looked at"\n'
TOLD = re.compile(
    r"^2 of 2 artifacts have known faults of the compiler \(high GHSA-43j2-gcp4-m22g\), which ([0-9.]+) mends "
    r"\(wasmbuild toolchain install \1\): wasmbuild audit build",
    re.MULTILINE,
)


@pytest.fixture
def collected(project: Project) -> Project:
    project.write("collected.wat", COLLECTED)
    project.declare(DECLARED)
    return project


def test_a_build_says_it_and_passes(collected: Project) -> None:
    assert len(TOLD.findall(collected.run("build").stderr)) == 1
    assert "known faults" not in collected.run("build").stderr
    assert len(TOLD.findall(collected.run("verify", "build").stderr)) == 1
    assert "known faults" not in collected.run("verify", "-q", "build").stderr
    # What it names says more.
    assert "affected: collected@x64, collected@arm: uses gc" in collected.run("audit", "build", status=1).stdout


def test_a_build_after_an_edit_says_it_of_all(collected: Project) -> None:
    collected.write("other.wat", "(module)")
    collected.declare(DECLARED + '[modules.other]\nsource = "other.wat"\n')
    collected.run("build")
    collected.write("other.wat", '(module (func (export "run")))')
    told = re.compile(TOLD.pattern.replace("2 of 2", "2 of 4"), re.MULTILINE)
    assert len(told.findall(collected.run("build").stderr)) == 1
    collected.write("collected.wat", "(module)")
    said = collected.run("build").stderr
    assert re.search(
        r"\), \d+ of which ([0-9.]+) mends \(wasmbuild toolchain install \1\); none of 4 artifacts has what they ",
        said,
    )


def test_under_a_lock_it_says_to_lock_again(collected: Project) -> None:
    """Another executable compiles only when it is the locked one."""
    collected.run("lock")
    assert re.search(r"\(wasmbuild toolchain install [0-9.]+, then wasmbuild lock\): ", collected.run("build").stderr)


def test_a_verification_says_what_is_to_be_typed_as_the_build_did(collected: Project) -> None:
    """Under a lock and a compiler that is named, as what was built had them."""
    collected.run("lock")
    known = [
        re.search(r"^.* known faults of .*$", collected.run(*command).stderr, re.MULTILINE)
        for command in (("build",), ("verify", "build"))
    ]
    assert known[0] is not None
    assert known[1] is not None
    assert known[0][0] == known[1][0]
    assert "then wasmbuild lock): " in known[0][0]


def test_under_a_compiler_that_is_named_nothing_is_to_be_installed(collected: Project) -> None:
    """It would not be taken."""
    collected.declare(
        DECLARED.replace("[toolchain]", '[toolchain]\ncompiler = "embedded"').replace("aarch64", "x86_64")
    )
    said = collected.run("build").stderr
    told = re.compile(r"known faults .*, (\d+ of )?which [0-9.]+ mends: wasmbuild audit build$", re.MULTILINE)
    assert told.search(said)
    assert told.search(collected.run("verify", "build").stderr)


def test_a_build_without_anything_to_do_looks_at_nothing_of_it(collected: Project) -> None:
    collected.run("build")
    code = "import sys; from wasmbuild.cli import main; assert main(['build', '-q']) == 0; print(*sys.modules)"
    argv = [sys.executable, "-c", code]
    ended = subprocess.run(argv, cwd=collected.root, capture_output=True, text=True, check=True)
    assert not [name for name in ended.stdout.split() if name.startswith("wasmbuild.audit")]


def test_what_is_selected_is_judged_before_its_target_is_whole(collected: Project) -> None:
    """No manifest lists it yet, and what it says more with has to see it all the same."""
    collected.write("other.wat", "(module)")
    collected.declare(DECLARED + '[modules.other]\nsource = "other.wat"\n[audit]\nenforce = ["build"]\n')
    for _ in range(2):
        said = collected.run("build", "collected@x64", status=1).stderr
        assert "the artifact has known faults of the compiler (high GHSA-43j2-gcp4-m22g)" in said
        assert "(fails by [audit] enforce)" in said
    [more] = re.findall(r": wasmbuild (inspect \S+) \(fails", said)
    assert "GHSA-43j2-gcp4-m22g (high): affected: uses gc" in collected.run(*more.split()).stdout
    # What stands is judged, whoever made it.
    said = collected.run("build", "other@x64", status=1).stderr
    assert re.search(r"^1 of 2 artifacts has known faults .*: wasmbuild audit build \(fails", said, re.MULTILINE)


def test_what_is_right_beside_what_fails_is_judged(collected: Project) -> None:
    collected.write("other.wat", "(module (func $))")
    collected.declare(DECLARED + '[modules.other]\nsource = "other.wat"\n')
    said = collected.run("build", status=1).stderr
    assert re.search(r"^2 of 2 artifacts have known faults .*: wasmbuild inspect build/x64/coll", said, re.MULTILINE)


def test_where_nothing_is_listed_it_is_said_what_lists_it(collected: Project) -> None:
    collected.write("other.wat", "(module)")
    collected.declare(DECLARED + '[modules.other]\nsource = "other.wat"\n')
    collected.run("build", "other@*")
    for command in ("verify", "audit"):
        said = " ".join(collected.run(command, "build", status=1).stdout.split())
        assert f"names no targets, so there is nothing to {command.replace('audit', 'judge')}: {NO_TARGETS}" in said
    # As it is told to.
    collected.run("build")
    collected.run("verify", "build")


def test_a_build_fails_by_it_until_it_is_let_pass(collected: Project) -> None:
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\n')
    for _ in range(2):
        ended = collected.run("build", "--json", status=1)
        report = json.loads(ended.stdout)
        assert (report["ok"], len(report["errors"])) == (False, 1)
        assert report["errors"][0].endswith("(fails by [audit] enforce)")
        assert report["errors"][0] in ended.stderr
    assert (collected.build / "index.json").exists()
    collected.run("verify", "build")
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\nfail-on = "critical"\n')
    collected.run("build")
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\n' + IGNORED)
    collected.write("collected.wat", f"{COLLECTED} ")
    said = collected.run("build").stderr
    assert "none of 2 artifacts has what they need, but for what is let pass: wasmbuild audit build" in said
    assert "up to date" in collected.run("build").stderr
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\n' + IGNORED + "until = 2020-01-01\n")
    collected.run("build", status=1)


def test_a_build_with_nothing_to_do_fails_by_what_is_let_pass_no_more(
    collected: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = audit_policy.today()
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\n' + IGNORED + f"until = {day}\n")
    collected.run("build")
    assert "up to date" in collected.run("build").stderr
    monkeypatch.setattr(audit_policy, "today", lambda: day + timedelta(1))
    assert "(fails by [audit] enforce)" in collected.run("build", status=1).stderr


@pytest.mark.parametrize("command", ["build", "build collected@x64", "manifest", "manifest --restat"])
def test_where_nothing_can_be_written_it_is_told_all_the_same(collected: Project, command: str) -> None:
    collected.run("build")
    before = collected.files()
    collected.declare(DECLARED + '[audit]\nenforce = ["build"]\n')
    read_only = "mount --bind build build && mount -o remount,bind,ro build"
    for _ in range(2):
        ended = run_under(read_only, *command.split(), cwd=collected.root)
        assert ended.returncode == 1, ended.stderr
        told = re.compile(rf"^(?:error: )?{TOLD.pattern[1:]} \(fails by \[audit\] enforce\)$", re.MULTILINE)
        assert len(told.findall(ended.stderr)) == 1, ended.stderr
        # Nor has anything to be remembered.
        shutil.rmtree(collected.build / ".wasmbuild", ignore_errors=True)
    assert collected.files() == before


def test_a_verification_fails_by_the_declaration_of_who_verifies(collected: Project, tmp_path: Path) -> None:
    collected.run("build")
    collected.declare(DECLARED + '[audit]\nenforce = ["verify"]\n')
    assert TOLD.search(collected.run("verify", "build", "-q", status=1).stderr)
    ended = collected.run("verify", "build", "--json", "--junit", "report.xml", status=1)
    report = json.loads(ended.stdout)
    assert (report["ok"], f"{report['errors'][0]}\n") == (False, ended.stderr)
    jsonschema.validate(report, JSON_SCHEMA)
    suites = ElementTree.parse(collected.root / "report.xml").getroot()  # noqa: S314  # it is our own
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("3", "1", "0")
    assert [failure.get("message") for failure in suites.iter("failure")] == report["errors"]
    # What lies in what is verified decides nothing.
    collected.write("build/wasmbuild.toml", (collected.root / "wasmbuild.toml").read_text())
    collected.run("verify", ".", cwd=collected.build)
    collected.declare(DECLARED + '[audit]\nenforce = ["verify"]\n' + IGNORED)
    collected.run("verify", "build")


def test_doit_says_it_once_and_fails_by_it(collected: Project) -> None:
    collected.write(
        "dodo.py",
        'from wasmbuild.doit import load\n\nDOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()\n',
    )

    def doit(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "doit", *arguments]
        return subprocess.run(argv, cwd=collected.root, capture_output=True, text=True, check=False, timeout=300)

    ended = doit("compile", "verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(TOLD.findall(ended.stdout)) == 1
    assert "known faults" not in doit("compile").stdout
    assert len(TOLD.findall(doit("verify").stdout)) == 1
    collected.declare(DECLARED + '[audit]\nenforce = ["build", "verify"]\n')
    for task in ("compile", "compile", "verify"):
        ended = doit(task)
        assert ended.returncode != 0, task
        assert "(fails by [audit] enforce)" in ended.stdout + ended.stderr
