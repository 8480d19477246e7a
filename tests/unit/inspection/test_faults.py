from __future__ import annotations

import pytest

from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED, UNKNOWN
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.formats.traits import Traits
from wasmbuild.inspection import faults, uses
from wasmbuild.inspection.facts import Cpu, Origin

HUGE_BR_TABLE = "GHSA-mghf-wjfp-p5xm"
"""On aarch64, in what was compiled before 48.0.7."""
ARM = ArtifactFacts("module", 183, False, 0, "48", "aarch64-unknown-linux-gnu", {}, {}, b"", b"", ())
CPU = Cpu("armv8-a", (), {})


def origin(compiler: str, traits: Traits | None) -> Origin:
    return Origin("manifest.json", True, compiler=compiler, engine={"embedder": "rust"}, traits=traits)


@pytest.mark.parametrize(
    ("compiler", "traits", "verdict"),
    [
        ("48.0.2", Traits(br_table=270_000), AFFECTED),
        ("48.0.2", Traits(br_table=12), NOT_AFFECTED),
        ("48.0.2", None, UNKNOWN),
    ],
)
def test_what_is_recorded_decides(compiler: str, traits: Traits | None, verdict: str) -> None:
    found = faults.of(ARM, CPU, [origin(compiler, traits)])
    assert found is not None
    assert {finding.advisory.id: finding.verdict for finding in found}[HUGE_BR_TABLE] == verdict
    told = [line for line in uses.faults(found, compiler) if HUGE_BR_TABLE in line]
    assert bool(told) == (verdict != NOT_AFFECTED)


def test_what_compiled_it_decides() -> None:
    found = faults.of(ARM, CPU, [origin("48.0.7", Traits(br_table=270_000))])
    assert found is not None
    assert HUGE_BR_TABLE not in {finding.advisory.id for finding in found}


def test_a_fault_in_words() -> None:
    found = faults.of(ARM, CPU, [origin("48.0.2", Traits(br_table=270_000))])
    assert found is not None
    assert f"{HUGE_BR_TABLE} (critical): affected: its largest br_table has 270,000 targets; fixed in 48.0.7" in list(
        uses.faults(found, "48.0.2")
    )


def test_nothing_is_said_where_nobody_says_what_compiled_it() -> None:
    assert faults.of(ARM, CPU, []) is None
    assert faults.of(ARM, CPU, [Origin("manifest.json", False, problem="lists other bytes")]) is None


def test_the_manifest_is_asked_before_the_record() -> None:
    """A record has what reaches the compiler alone."""
    record = origin("48.0.2", Traits(br_table=12))
    manifest = origin("48.0.2", Traits(br_table=270_000))
    assert faults.of(ARM, CPU, [record, manifest]) == faults.of(ARM, CPU, [manifest])
