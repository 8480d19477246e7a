"""The one line of a build and of a verification: what it promises is so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from audited import GC, HUGE_BR_TABLE, ONE_TAG_AND_PASSIVE_DATA, TRAITS, TRIPLES
from building import FakeProject

from wasmbuild import usercache
from wasmbuild.audit import known_faults, report
from wasmbuild.audit.choice import CompilerChoice
from wasmbuild.audit.database import bundled
from wasmbuild.audit.report import judged
from wasmbuild.audit.shipment import ShippedArtifact, ShippedManifest
from wasmbuild.audit.text import note
from wasmbuild.project.audit_policy import AuditPolicy, Ignore


def of(compiler: str, traits: dict[str, Any], *, winch: bool = False, runtime: str | None = None) -> ShippedManifest:
    engine = {"embedder": "c-api", **({"strategy": "winch"} if winch else {})}
    artifact = ShippedArtifact("m@arm", "module", {**TRAITS, **traits})
    return ShippedManifest("manifest.json", compiler, TRIPLES["arm"], engine, {}, (artifact,), runtime)


def said(*manifests: ShippedManifest, locked: bool = False, named_by: str = "") -> str:
    return note(judged(manifests, bundled(), AuditPolicy()), "more", CompilerChoice(locked, named_by)) or ""


@pytest.mark.parametrize(
    ("manifests", "words"),
    [
        ([of("48.0.2", GC)], "), which 48.0.9 mends (wasmbuild toolchain install 48.0.9): more"),
        (
            [of("48.0.2", HUGE_BR_TABLE), of("49.0.0", GC)],
            "), which 48.0.7, 49.0.6 mend (wasmbuild toolchain install 48.0.7, then wasmbuild toolchain install "
            "49.0.6): more",
        ),
        # What a line never got, another one has.
        ([of("48.0.2", GC, winch=True)], "(high x_wasmbuild-50.0.0): more"),
        ([of("48.0.2", HUGE_BR_TABLE), of("48.0.2", GC, winch=True)], "(critical GHSA-mghf-wjfp-p5xm): more"),
        (
            [of("48.0.8", ONE_TAG_AND_PASSIVE_DATA, runtime="48.0.0"), of("48.0.8", GC)],
            "and 1 with known faults of the compiler, which 48.0.9 mends (wasmbuild toolchain install 48.0.9): more",
        ),
        # The rest of what is known of 48.0.2 no release of its line mends.
        ([of("48.0.2", {})], ", 7 of which 48.0.9 mends (wasmbuild toolchain install 48.0.9); the artifact does not "),
    ],
    ids=["one line", "two lines", "never fixed", "not all", "crashing", "none affected"],
)
def test_what_mends_is_told_where_it_does(manifests: list[ShippedManifest], words: str) -> None:
    assert words in said(*manifests)


def test_artifacts_are_counted_in_the_words_for_one_and_for_several() -> None:
    none, one = of("48.0.2", {}), of("48.0.2", GC)
    assert said(one).startswith("the artifact has known faults of the compiler (")
    assert said(none, one).startswith("1 of 2 artifacts has known faults of the compiler (")
    assert said(one, one).startswith("2 of 2 artifacts have known faults of the compiler (")
    assert "; none of 2 artifacts has what they need: " in said(none, none)
    assert said(of("48.0.8", ONE_TAG_AND_PASSIVE_DATA, runtime="48.0.0")).startswith(
        "the artifact would crash where it is loaded ("
    )


def test_faults_are_counted_in_the_words_for_one_and_for_several() -> None:
    one, several = of("50.0.0", {}), of("48.0.2", {})
    assert said(one).startswith("compiled by Wasmtime 50.0.0, with 1 known fault (")
    assert said(one).endswith("; the artifact does not have what it needs: more")
    assert ", with 8 known faults (" in said(several)
    assert said(several).endswith("; the artifact does not have what they need: more")


def test_of_a_lock_file() -> None:
    assert said(of("48.0.2", GC), locked=True).endswith(
        "(wasmbuild toolchain install 48.0.9, then wasmbuild lock): more"
    )


def test_where_to_install_is_not_enough_nothing_is_told_to_be_typed() -> None:
    """Of line 36 the declaration names the release, and a compiler that is named stays that one."""
    assert said(of("36.0.9", HUGE_BR_TABLE)).endswith("), which 36.0.19 mends: more")
    assert said(of("48.0.2", GC), named_by="[toolchain] compiler").endswith("), which 48.0.9 mends: more")


class Builds:
    """A build whose known faults are asked for again and again."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = FakeProject(tmp_path)
        self.project.write("a", "b")
        self.judged = 0
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(report, "judged", self._count)

    @property
    def file(self) -> Path:
        (found,) = (usercache.directory() / "known-faults").iterdir()
        return found

    def _count(self, *arguments: Any, **named: Any) -> report.AuditReport:
        self.judged += 1
        return judged(*arguments, **named)

    def ask(self, policy: AuditPolicy | None = None) -> known_faults.KnownFaults:
        session = self.project.session()
        session.begin()
        for status in session.outdated():
            session.compile(status.artifact, parallel=False)
        session.finish()
        try:
            return known_faults.of_build(session, policy or AuditPolicy())
        finally:
            session.close()


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builds:
    return Builds(tmp_path, monkeypatch)


def test_what_is_known_of_a_build_is_judged_once(builds: Builds) -> None:
    first = builds.ask()
    assert first.line is not None
    assert (builds.ask(), builds.judged) == (first, 1)
    builds.project.write("b", text="another of the same kind")
    assert (builds.ask(), builds.judged) == (first, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda builds, patch: builds.project.write("c"),
        lambda builds, patch: patch.setattr(known_faults.bundle, "signature", lambda: ["other records"]),
        lambda builds, patch: patch.setattr(known_faults.loads_here, "installed", lambda: "48.0.7"),
        lambda builds, patch: builds.file.unlink(),
        lambda builds, patch: builds.file.write_text("[]"),
        lambda builds, patch: builds.file.write_bytes(builds.file.read_bytes()[:-1]),
        lambda builds, patch: builds.file.write_bytes(builds.file.read_bytes().replace(b"artifacts", b"artifakts")),
    ],
    ids=["artifacts", "records", "library", "gone", "not ours", "damaged", "bit"],
)
def test_what_decides_it_has_it_judged_again(
    builds: Builds, change: Callable[[Builds, pytest.MonkeyPatch], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    builds.ask()
    change(builds, monkeypatch)
    builds.ask()
    assert builds.judged == 2


def test_another_policy_is_another_question_and_one_that_has_run_out_is_none(builds: Builds) -> None:
    builds.ask()
    builds.ask(AuditPolicy(enforce=("build",)))
    assert builds.judged == 2
    builds.ask(AuditPolicy(enforce=("build",), ignore=(Ignore("x", "why", date(2020, 1, 1)),)))
    assert builds.judged == 2
