"""What is known here of layouts is what the record of that fault says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.audit.database import LAYOUT, Database, bundled
from wasmbuild.audit.judge import AFFECTED, AuditedTarget, Judge
from wasmbuild.formats import layouts
from wasmbuild.formats.traits import ODD_TAGS_WITH, Traits

VERSIONS = st.builds("{}.0.{}".format, st.integers(47, 51), st.integers(0, 10))
TRIPLES = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "pulley64", "pulley32"]


@pytest.fixture(scope="module")
def database() -> Database:
    return bundled()


@given(
    st.tuples(VERSIONS, VERSIONS),
    st.sampled_from(TRIPLES),
    st.sets(st.sampled_from(sorted(ODD_TAGS_WITH))),
    st.sampled_from([0, 5_000_002, (16 << 20) + 1]),
    st.sampled_from(
        [
            {},
            {"memory-init-cow": False},
            *({"memory-guaranteed-dense-image-size": size} for size in (0, 5_000_001, 5_000_002, 16 << 20, 32 << 20)),
        ]
    ),
)
def test_they_agree(
    database: Database,
    versions: tuple[str, str],
    triple: str,
    has: set[str],
    image_size: int,
    engine: dict[str, int],
) -> None:
    # Data that is spread is active data.
    traits = Traits(
        tags=1, odd_tags_with=tuple(sorted(has)), odd_tags_image_size=image_size if "active-data" in has else 0
    )
    crashes = layouts.differ(*versions) and layouts.reads_moved(
        traits, engine, triple, int(versions[0].partition(".")[0]), on_windows="windows" in triple
    )
    judge = Judge(database, AuditedTarget(versions[0], triple, engine, {}, versions[1]))
    found = judge.judge("module", traits.to_json())
    affected = any(finding.advisory.kind == LAYOUT and finding.verdict == AFFECTED for finding in found)
    assert crashes == (affected and versions[0].partition(".")[0] == versions[1].partition(".")[0])


@pytest.mark.parametrize("version", ["48.0.8-rc.1", "48", "", "48.1.9", "x"])
def test_what_is_not_known_is_not_told(version: str) -> None:
    assert not layouts.differ(version, "48.0.0")
    assert not layouts.differ("48.0.0", version)
