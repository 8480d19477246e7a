"""The one line of a build and of a verification: what it promises is so."""

from __future__ import annotations

from typing import Any

import pytest
from audited import GC, HUGE_BR_TABLE, ONE_TAG_AND_PASSIVE_DATA, TRAITS, TRIPLES

from wasmbuild.audit.database import bundled
from wasmbuild.audit.report import judged
from wasmbuild.audit.shipment import ShippedArtifact, ShippedManifest
from wasmbuild.audit.text import note
from wasmbuild.project.audit_policy import AuditPolicy


def of(compiler: str, traits: dict[str, Any], *, winch: bool = False, runtime: str | None = None) -> ShippedManifest:
    engine = {"embedder": "c-api", **({"strategy": "winch"} if winch else {})}
    artifact = ShippedArtifact("m@arm", "module", {**TRAITS, **traits})
    return ShippedManifest("manifest.json", compiler, TRIPLES["arm"], engine, {}, (artifact,), runtime)


def said(*manifests: ShippedManifest, locked: bool = False) -> str:
    return note(judged(manifests, bundled(), AuditPolicy()), "more", locked=locked) or ""


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


def test_of_a_lock_file() -> None:
    assert said(of("48.0.2", GC), locked=True).endswith(
        "(wasmbuild toolchain install 48.0.9, then wasmbuild lock): more"
    )
