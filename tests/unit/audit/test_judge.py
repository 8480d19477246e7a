"""The judgement on one artifact, record by record."""

from __future__ import annotations

from typing import Any

import pytest
from audited import EXCEPTIONS_AND_GC, GC, HUGE_BR_TABLE, ONE_TAG_AND_PASSIVE_DATA, TRAITS, TRIPLES

from wasmbuild.audit.database import bundled
from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED, UNKNOWN, AuditedTarget, Finding, Judge
from wasmbuild.engine.triples import SYSTEMS

MGHF, HW8M, GC_HEAP, LAYOUT = "GHSA-mghf-wjfp-p5xm", "GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g", "GHSA-p79w-pv2r-29qp"
FUEL, SPLAT, ASYNC = "GHSA-m63x-6p34-q65x", "GHSA-qqfj-4vcm-26hv", "GHSA-32h6-97mm-8q3c"
VALUES = "GHSA-897f-g5gm-fmxm"


def findings(
    traits: dict[str, Any] | None,
    compiler: str = "48.0.2",
    target: str = "x64",
    *,
    kind: str = "module",
    runtime: str | None = None,
    isa_flags: dict[str, bool] | None = None,
    **engine: Any,
) -> dict[str, Finding]:
    engine = {name.replace("_", "-"): value for name, value in engine.items()}
    judge = Judge(bundled(), AuditedTarget(compiler, TRIPLES[target], engine, isa_flags or {}, runtime))
    known = None if traits is None else {**TRAITS, **traits}
    return {finding.advisory.id: finding for finding in judge.judge(kind, known)}


def affected(*arguments: Any, **options: Any) -> set[str]:
    return {id for id, finding in findings(*arguments, **options).items() if finding.verdict == AFFECTED}


def test_the_wheel_of_48_0_2() -> None:
    assert affected({}, "48.0.2", "x64") == set()
    assert affected({}, "48.0.2", "arm") == set()
    assert affected(HUGE_BR_TABLE, "48.0.2", "arm") == {MGHF}
    assert affected(HUGE_BR_TABLE, "48.0.2", "x64") == set()
    for target in ("x64", "arm", "pulley"):
        found = affected(EXCEPTIONS_AND_GC, "48.0.2", target, collector="copying")
        assert found == {HW8M, GC_HEAP} == affected(EXCEPTIONS_AND_GC, "48.0.2", target)


def test_what_remains_of_48_0_8() -> None:
    for target in ("x64", "arm"):
        assert affected(GC, "48.0.8", target) == {GC_HEAP} == affected(EXCEPTIONS_AND_GC, "48.0.8", target)
        assert affected(HUGE_BR_TABLE, "48.0.8", target) == set()
        assert affected(ONE_TAG_AND_PASSIVE_DATA, "48.0.8", target, runtime="48.0.0") == {LAYOUT}
        assert affected(ONE_TAG_AND_PASSIVE_DATA, "48.0.8", target, runtime="48.0.6") == set()
        assert findings({}, "48.0.8", target, runtime="48.0.0").keys() == {GC_HEAP, "x_wasmbuild-50.0.0"}


def test_a_plain_module_on_x86_64_says_why_each_is_not_its_own() -> None:
    found = findings({}, "48.0.2", "x64", runtime="48.0.0")
    assert {finding.verdict for finding in found.values()} == {NOT_AFFECTED}
    assert {id: finding.reason for id, finding in found.items()} == {
        MGHF: "concerns aarch64, and this is x86_64",
        ASYNC: "is no component",
        GC_HEAP: "uses no gc, uses no exceptions",
        "GHSA-cfhf-m2cr-62wj": "is no component",
        HW8M: "uses no exceptions",
        FUEL: "consume-fuel is off",
        LAYOUT: "48.0.0 and the compiler 48.0.2 have the same layout",
        "x_wasmbuild-50.0.0": "concerns winch, and cranelift compiled it",
    }


@pytest.mark.parametrize(
    ("compiler", "runtime", "verdict", "told"),
    [
        ("48.0.2", "48.0.0", NOT_AFFECTED, "same layout"),
        ("48.0.2", "48.0.5", NOT_AFFECTED, "same layout"),
        ("48.0.2", "48.0.6", AFFECTED, "crashes in 48.0.6, since 48.0.2 has the layout of releases before 48.0.6"),
        ("48.0.8", "48.0.5", AFFECTED, "crashes in 48.0.5, since 48.0.8 has the layout of releases from 48.0.6 on"),
        ("48.0.8", "48.0.10", None, ""),
        ("48.0.2", None, UNKNOWN, "runs in releases before 48.0.6 only; say with --runtime"),
        ("48.0.8", None, UNKNOWN, "runs in releases from 48.0.6 on only; say with --runtime"),
        ("49.0.2", "49.0.3", AFFECTED, "crashes in 49.0.3"),
        ("49.0.3", "49.0.2", AFFECTED, "crashes in 49.0.2"),
        ("47.0.4", "47.0.0", NOT_AFFECTED, "all releases of line 47 have the same layout"),
        ("47.0.4", None, NOT_AFFECTED, "all releases of line 47 have the same layout"),
        ("50.0.1", "50.0.0", None, ""),
        ("37.0.3", "37.0.0", NOT_AFFECTED, "all releases of line 37"),
    ],
)
def test_the_layout_break(compiler: str, runtime: str | None, verdict: str | None, told: str) -> None:
    found = findings(ONE_TAG_AND_PASSIVE_DATA, compiler, runtime=runtime).get(LAYOUT)
    assert (found and found.verdict) == verdict
    assert found is None or told in found.reason


@pytest.mark.parametrize(
    ("traits", "engine", "verdict"),
    [
        ({"odd-tags-with": []}, {}, None),
        ({"odd-tags-with": ["passive-data"]}, {}, AFFECTED),
        ({"odd-tags-with": ["active-data", "active-data-imported-memory"]}, {}, AFFECTED),
        ({"odd-tags-with": ["active-data", "active-data-non-constant-offset"]}, {}, AFFECTED),
        ({"odd-tags-with": ["active-data"]}, {"memory_init_cow": False}, AFFECTED),
        ({"odd-tags-with": ["active-data", "active-data-without-image"]}, {}, AFFECTED),
        ({"odd-tags-with": ["active-data"]}, {}, None),
        ({"odd-tags-with": ["active-data"], "odd-tags-image-size": 5_000_002}, {}, None),
        ({"odd-tags-with": ["active-data"], "odd-tags-image-size": (16 << 20) + 1}, {}, AFFECTED),
        ({"odd-tags-with": ["active-data"], "odd-tags-image-size": 9}, {"memory_guaranteed_dense_image_size": 9}, None),
        (
            {"odd-tags-with": ["active-data"], "odd-tags-image-size": 9},
            {"memory_guaranteed_dense_image_size": 8},
            AFFECTED,
        ),
        ({"odd-tags-with": ["active-data"]}, {"memory_guaranteed_dense_image_size": 0}, None),
        (None, {}, UNKNOWN),
    ],
)
def test_what_is_beside_an_odd_number_of_tags(
    traits: dict[str, Any] | None, engine: dict[str, Any], verdict: str | None
) -> None:
    found = findings(traits, "48.0.8", runtime="48.0.0", **engine).get(LAYOUT)
    assert (found and found.verdict) == verdict


def test_windows_maps_no_image_of_data() -> None:
    active = {"odd-tags-with": ["active-data"]}
    assert affected(active, "48.0.8", "windows", runtime="48.0.0") == {LAYOUT}
    assert affected(active, "48.0.8", "windows", runtime="48.0.6") == set()
    assert findings(active, "48.0.8", "pulley", runtime="48.0.0")[LAYOUT].verdict == UNKNOWN


@pytest.mark.parametrize("system", [*sorted({*SYSTEMS} - {"linux", "windows"}), "linux-android"])
def test_only_linux_maps_images_of_data_however_an_artifact_is_loaded(system: str) -> None:
    target = AuditedTarget("48.0.8", f"aarch64-unknown-{system}", {}, {}, "48.0.0")
    found = Judge(bundled(), target).judge("module", {**TRAITS, "odd-tags-with": ["active-data"]})
    assert {finding.advisory.id: finding.verdict for finding in found}.get(LAYOUT) == UNKNOWN


def test_fields_of_32_bits_did_not_move() -> None:
    assert LAYOUT not in findings(ONE_TAG_AND_PASSIVE_DATA, "48.0.8", "pulley32", runtime="48.0.0")
    assert affected(ONE_TAG_AND_PASSIVE_DATA, "48.0.8", "pulley", runtime="48.0.0") == {LAYOUT}


def test_without_traits_nothing_is_called_safe_that_traits_decide() -> None:
    found = findings(None, "48.0.2", "arm", runtime="48.0.0")
    unknown = {id for id, finding in found.items() if finding.verdict == UNKNOWN}
    assert unknown == {MGHF, GC_HEAP, HW8M}
    assert "does not say" in found[HW8M].reason


def test_a_feature_that_is_off_is_not_used() -> None:
    found = findings(None, "48.0.8", "x64", wasm_gc=False, wasm_exceptions=False)
    assert found[GC_HEAP].verdict == NOT_AFFECTED
    assert found[GC_HEAP].reason == "wasm-gc is off, wasm-exceptions is off"


def test_one_trait_that_is_missing_is_unknown() -> None:
    judge = Judge(bundled(), AuditedTarget("48.0.2", TRIPLES["arm"], {}, {}))
    older = {name: value for name, value in TRAITS.items() if name != "br-table"}
    verdicts = {finding.advisory.id: finding.verdict for finding in judge.judge("module", older)}
    assert verdicts[MGHF] == UNKNOWN


@pytest.mark.parametrize("value", ["270000", True, None, [270_000]])
def test_a_trait_of_another_kind_is_unknown(value: object) -> None:
    assert findings({"br-table": value}, "48.0.2", "arm")[MGHF].verdict == UNKNOWN


def test_exceptions_alone_may_be_enough() -> None:
    found = findings({"features": ["exceptions"], "tags": 2, "try-table": True}, "48.0.2")
    assert found[HW8M].verdict == UNKNOWN
    assert "may be enough" in found[HW8M].reason


def test_fuel_and_the_cpu_count() -> None:
    assert affected({"call-ref": True}, "48.0.2", consume_fuel=True) == {FUEL}
    assert affected({"call-ref": True}, "48.0.2") == set()
    simd = {"features": ["simd"]}
    assert SPLAT in affected(simd, "42.0.0")
    found = findings(simd, "42.0.0", isa_flags={"has_sse3": True})[SPLAT]
    assert (found.verdict, found.reason) == (NOT_AFFECTED, "has_sse3 is on")


def test_components_are_told_from_modules() -> None:
    features = {"features": ["component-model", "component-model-async"]}
    assert affected(features, "48.0.2", kind="component") == {ASYNC}
    assert affected({"features": ["component-model"]}, "48.0.2", kind="component") == set()


def test_the_fix_is_that_of_the_line() -> None:
    assert findings(HUGE_BR_TABLE, "48.0.2", "arm")[MGHF].fixed == "48.0.7"
    assert findings(HUGE_BR_TABLE, "49.0.1", "arm")[MGHF].fixed == "49.0.4"
    never = findings(HUGE_BR_TABLE, "45.0.0", "arm")[MGHF]
    assert (never.fixed, never.reason) == (
        "48.0.7",
        "its largest br_table has 270,000 targets; never fixed on line 45, fixed in 48.0.7",
    )


@pytest.mark.parametrize("compiler", ["49.0.0-rc.1", "48.0.7-dev", "49.0.3-rc.2+abc"])
def test_a_version_before_its_release_counts_as_affected(compiler: str) -> None:
    assert MGHF in affected(HUGE_BR_TABLE, compiler, "arm")


def test_of_a_line_that_is_newer_than_the_records_defaults_are_not_known() -> None:
    database = bundled()
    ranges = database.advisories[0].affected[0].ranges
    open_ended = [
        advisory._replace(
            affected=tuple(w._replace(ranges=(ranges[0]._replace(fixed=None),)) for w in advisory.affected)
        )
        for advisory in database.advisories
        if advisory.id == FUEL
    ]
    database = database._replace(advisories=tuple(open_ended))
    for engine, verdict in (({}, UNKNOWN), ({"strategy": "winch"}, NOT_AFFECTED), ({"strategy": "cranelift"}, UNKNOWN)):
        [finding] = Judge(database, AuditedTarget("77.0.0", TRIPLES["x64"], engine, {})).judge(
            "module", {**TRAITS, "call-ref": True}
        )
        assert finding.verdict == verdict, finding.reason


def test_what_is_no_version_is_unknown() -> None:
    assert {finding.verdict for finding in findings({}, "trunk").values()} == {UNKNOWN}
    assert {finding.verdict for finding in findings({}, "48.0.2", runtime="trunk").values()} == {UNKNOWN}


def test_as_many_values_as_may_overflow_may_be_enough() -> None:
    below, reached = [findings({"function-values": (1 << 24) - more}, "36.0.9")[VALUES] for more in (1, 0)]
    assert (below.verdict, reached.verdict) == (NOT_AFFECTED, UNKNOWN)
    assert below.reason.endswith("a function of it is at most 16,777,215 values to Cranelift, less than 16,777,216")
    assert reached.reason.startswith("a function of it is at most 16,777,216 values to Cranelift, which may be enough;")
    assert findings({"function-values": None}, "36.0.9")[VALUES].verdict == UNKNOWN
    assert findings({"function-values": 1 << 24}, "36.0.9", strategy="winch")[VALUES].verdict == NOT_AFFECTED
