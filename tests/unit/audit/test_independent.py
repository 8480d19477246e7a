"""Random artifacts, judged as a slow and separate reading of what upstream published judges them.

The table below was written from the advisories, one row each, and shares nothing with the records or with the code that
reads them. A row says of which releases, and what an artifact needs; ``MAYBE`` is where a manifest does not tell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import compress
from typing import Any, NamedTuple

from audited import TRAITS, TRIPLES
from hypothesis import given
from hypothesis import strategies as st
from matrix import examples

from wasmbuild.audit.database import bundled
from wasmbuild.audit.judge import AFFECTED, NOT_AFFECTED, UNKNOWN, AuditedTarget, Judge

YES, MAYBE, NO = AFFECTED, UNKNOWN, NOT_AFFECTED


class Artifact(NamedTuple):
    compiler: str
    target: str
    kind: str
    engine: dict[str, Any]
    isa: dict[str, bool]
    traits: dict[str, Any] | None
    runtime: str | None

    @property
    def arch(self) -> str:
        return {"x64": "x86_64", "windows": "x86_64", "arm": "aarch64"}.get(self.target, self.target)

    @property
    def winch(self) -> bool:
        return self.engine.get("strategy") == "winch"

    def on(self, setting: str, default: bool = False) -> bool:
        return bool(self.engine.get(setting, default))

    def trait(self, name: str) -> Any:
        assert self.traits is not None
        return self.traits[name]

    def uses(self, *features: str) -> bool:
        return all(feature in self.trait("features") for feature in features)


@functools.cache
def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@functools.cache
def release(text: str) -> Callable[[str], bool]:
    """Read ranges such as ``37.0.0-48.0.4 49.0.0-49.0.2``: from the first up to, and without, the second."""
    ranges = [tuple(map(number, part.split("-"))) for part in text.split()]
    return lambda version: any(low <= number(version) < high for low, high in ranges)


def strings(a: Artifact) -> str:
    return YES if a.kind == "component" and a.trait("string-transcoding") else NO


def many_values(a: Artifact) -> str:
    most = a.trait("function-values")
    return NO if a.winch else YES if a.trait("function-body") >= 2_000_000 else MAYBE if most >= 1 << 24 else NO


def rooted(a: Artifact) -> str:
    if a.winch or not a.uses("exceptions"):
        return NO
    return YES if a.uses("gc") or a.uses("reference-types") else MAYBE if a.trait("try-table") else NO


def tags_imported(a: Artifact) -> str:
    if a.kind != "component" or not a.uses("exceptions"):
        return NO
    return YES if a.uses("gc") else MAYBE if a.uses("function-references") else NO


def bulk(a: Artifact) -> str:
    if a.winch or not (a.on("consume-fuel") or a.on("epoch-interruption")):
        return NO
    return YES if a.uses("bulk-memory") or a.uses("gc") or a.uses("reference-types") else MAYBE


def heap_base(a: Artifact) -> str:
    return NO if a.winch else YES if a.uses("gc") else MAYBE if a.uses("exceptions") else NO


def context_slots(a: Artifact) -> str:
    if a.kind != "component" or not a.on("concurrency-support", True):
        return NO
    return YES if a.trait("string-transcoding") else MAYBE


def either(condition: bool) -> str:
    return YES if condition else NO


BEFORE_43_0_1 = "25.0.0-36.0.7 37.0.0-42.0.2 43.0.0-43.0.1"
EVER = "0.0.0-24.0.7 " + BEFORE_43_0_1
WITH_24 = "0.0.0-36.0.7 37.0.0-42.0.2 43.0.0-43.0.1"
TABLE: dict[str, tuple[str, Callable[[Artifact], str]]] = {
    "GHSA-vc8c-j3xm-xj73": (
        "7.0.0-24.0.8 25.0.0-36.0.5 37.0.0-40.0.3 41.0.0-41.0.1",
        lambda a: either(not a.winch and a.arch == "x86_64"),
    ),
    "GHSA-qqfj-4vcm-26hv": (
        EVER,
        lambda a: either(not a.winch and a.arch == "x86_64" and a.uses("simd") and not a.isa.get("has_sse3")),
    ),
    "GHSA-jhxm-h53p-jm7w": (WITH_24, lambda a: either(not a.winch and a.arch == "aarch64")),
    "GHSA-xx5w-cvp6-jv83": (WITH_24, lambda a: NO if not a.winch else YES if a.arch == "aarch64" else MAYBE),
    "GHSA-f984-pcp8-v2p7": (BEFORE_43_0_1, lambda a: either(a.winch and a.uses("reference-types"))),
    "GHSA-m9w2-8782-2946": (WITH_24, lambda a: either(a.winch and a.trait("table64"))),
    "GHSA-q49f-xg75-m9xw": (
        "36.0.0-36.0.7 37.0.0-42.0.2 43.0.0-43.0.1",
        lambda a: either(a.winch and a.uses("reference-types")),
    ),
    "GHSA-394w-hwhg-8vgm": (EVER, strings),
    "GHSA-jxhv-7h78-9775": (EVER, strings),
    "GHSA-hx6p-xpx3-jvvv": (EVER, strings),
    "GHSA-4h67-722j-5pmc": ("38.0.0-38.0.3", lambda a: either(a.kind == "component")),
    "GHSA-2hw9-mc66-jc2q": ("46.0.0-46.0.2 47.0.0-47.0.3", bulk),
    "GHSA-m63x-6p34-q65x": (
        "0.0.0-48.0.3 49.0.0-49.0.1",
        lambda a: either(not a.winch and a.on("consume-fuel") and (a.trait("call-ref") or a.trait("try-table"))),
    ),
    "GHSA-hw8m-q44c-ggrf": ("37.0.0-48.0.4 49.0.0-49.0.2", rooted),
    "GHSA-cfhf-m2cr-62wj": ("0.0.0-48.0.4 49.0.0-49.0.2", tags_imported),
    "GHSA-32h6-97mm-8q3c": (
        "39.0.0-48.0.4 49.0.0-49.0.2",
        lambda a: either(a.kind == "component" and a.uses("component-model-async")),
    ),
    "GHSA-54p9-vhhq-8f7q": ("49.0.0-49.0.3", strings),
    "GHSA-mghf-wjfp-p5xm": (
        "0.0.0-36.0.19 37.0.0-48.0.7 49.0.0-49.0.4",
        lambda a: either(a.arch == "aarch64" and a.trait("br-table") >= 262_000),
    ),
    "GHSA-897f-g5gm-fmxm": ("0.0.0-36.0.19 37.0.0-43.0.0", many_values),
    "GHSA-43j2-gcp4-m22g": ("0.0.0-48.0.9 49.0.0-49.0.6 50.0.0-50.0.2", heap_base),
    "GHSA-ff4p-7xrq-q5r8": (
        "0.37.0-4.0.1 5.0.0-5.0.1 6.0.0-6.0.1",
        lambda a: either(not a.winch and a.arch == "x86_64"),
    ),
    "GHSA-7f6x-jwh5-m9r4": ("0.0.0-0.38.2", lambda a: either(not a.winch and a.arch == "aarch64")),
    "GHSA-gwc9-348x-qwv2": (
        "0.34.0-0.34.2 0.35.0-0.35.2",
        lambda a: either(not a.winch and a.on("epoch-interruption") and a.uses("reference-types")),
    ),
    "x_wasmbuild-17.0.2": (
        "17.0.0-17.0.2 18.0.0-18.0.2",
        lambda a: either(not a.winch and a.engine.get("cranelift-opt-level") != "none"),
    ),
    "x_wasmbuild-1.0.1": (
        "0.0.0-1.0.1",
        lambda a: either(not a.winch and a.arch == "aarch64" and a.uses("threads")),
    ),
    "x_wasmbuild-48.0.1": ("48.0.0-48.0.1", context_slots),
    "x_wasmbuild-50.0.0": (
        "48.0.0-50.0.0",
        lambda a: either(a.winch and (a.uses("gc") or a.uses("exceptions") or a.uses("reference-types"))),
    ),
}


def layout(a: Artifact) -> str:
    """Both have to be on one side of 48.0.6, or of 49.0.3; other lines never mix."""
    line, _, patch = number(a.compiler)
    border = {48: 6, 49: 3}.get(line)
    if border is None or a.target == "pulley32":
        return NO
    if a.runtime is not None and number(a.runtime)[0] == line and (number(a.runtime)[2] < border) == (patch < border):
        return NO
    beside = set(a.trait("odd-tags-with"))
    certain = bool(beside - {"active-data"})
    certain = certain or ("active-data" in beside and (a.target == "windows" or not a.on("memory-init-cow", True)))
    certain = certain or a.trait("odd-tags-image-size") > a.engine.get("memory-guaranteed-dense-image-size", 16 << 20)
    if not certain and not (beside and a.target == "pulley"):
        return NO
    known = a.runtime is not None and number(a.runtime)[0] == line
    return YES if certain and known else MAYBE


COMPILERS = (
    "0.34.1", "0.38.1", "1.0.0", "4.0.0", "17.0.1", "24.0.5", "24.0.8", "29.0.0", "36.0.4", "36.0.7", "36.0.18",
    "36.0.19", "38.0.2", "40.0.2", "41.0.0", "42.0.1", "43.0.0", "43.0.1", "45.0.3", "46.0.1", "47.0.2", "47.0.3",
    "48.0.0", "48.0.2", "48.0.3", "48.0.4", "48.0.5", "48.0.6", "48.0.7", "48.0.8", "48.0.9", "49.0.0", "49.0.1",
    "49.0.2", "49.0.3", "49.0.4", "49.0.6", "50.0.0", "50.0.1", "50.0.2", "51.0.0",
)  # fmt: skip
FEATURES = (
    "bulk-memory", "component-model-async", "exceptions", "function-references", "gc", "reference-types", "simd",
    "threads",
)  # fmt: skip

_flags = st.booleans()
_traits = st.fixed_dictionaries(
    {
        "features": st.tuples(*[_flags] * len(FEATURES)).map(lambda used: list(compress(FEATURES, used))),
        "tags": st.just(1),
        "odd-tags-with": st.lists(
            st.sampled_from(
                [
                    "active-data",
                    "active-data-imported-memory",
                    "active-data-non-constant-offset",
                    "active-data-without-image",
                    "passive-data",
                ]
            ),
            unique=True,
        ),
        "odd-tags-image-size": st.sampled_from([0, 0, 5000, 17_000_000]),
        "br-table": st.sampled_from([0, 255, 261_999, 262_000, 270_000]),
        "function-body": st.sampled_from([100, 1_999_999, 2_000_000, 5_000_000]),
        "function-values": st.sampled_from([100, (1 << 24) - 1, 1 << 24, (1 << 32) - 1]),
        **dict.fromkeys(
            ["call-ref", "try-table", "string-transcoding", "table64", "memory64", "shared-memory"], _flags
        ),
    }
)
_engines = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.just("winch"),
        "consume-fuel": st.just(True),
        "epoch-interruption": st.just(True),
        "memory-init-cow": st.just(False),
        "memory-guaranteed-dense-image-size": st.sampled_from([0, 4999, 5000, 20_000_000]),
        "concurrency-support": st.just(False),
        "collector": st.sampled_from(["copying", "null"]),
        "cranelift-opt-level": st.sampled_from(["none", "speed_and_size"]),
    },
)
_artifacts = st.builds(
    Artifact,
    st.just(COMPILERS[0]),
    st.sampled_from(sorted(TRIPLES)),
    st.sampled_from(["module", "component"]),
    _engines,
    st.fixed_dictionaries({}, optional={"has_sse3": st.just(True)}),
    _traits,
    st.sampled_from([None, "48.0.0", "48.0.8", "49.0.0", "49.0.4", "50.0.1"]),
    # Winch knows no other architectures.
).map(lambda a: a._replace(target="arm") if a.winch and a.target not in ("x64", "windows", "arm") else a)


def judged(a: Artifact, traits: dict[str, Any] | None) -> dict[str, str]:
    judge = Judge(bundled(), AuditedTarget(a.compiler, TRIPLES[a.target], a.engine, a.isa, a.runtime))
    return {finding.advisory.id: finding.verdict for finding in judge.judge(a.kind, traits)}


@given(_artifacts)
def test_artifacts_are_judged_as_a_separate_reading_judges_them(artifact: Artifact) -> None:
    """Each of a hundred is compiled by every release, so that no border of a range is left to chance."""
    for compiler in COMPILERS:
        _compare(artifact._replace(compiler=compiler))


def _compare(artifact: Artifact) -> None:
    found = judged(artifact, {**TRAITS, **(artifact.traits or {})})
    for id, (releases, judge) in TABLE.items():
        expected = judge(artifact) if release(releases)(artifact.compiler) else NO
        assert found.get(id, NO) == expected, id
    assert found.get("GHSA-p79w-pv2r-29qp", NO) == layout(artifact)


@examples(2)
@given(_artifacts, st.sampled_from(COMPILERS))
def test_less_that_is_known_never_makes_an_artifact_safe(artifact: Artifact, compiler: str) -> None:
    artifact = artifact._replace(compiler=compiler)
    known = judged(artifact, {**TRAITS, **(artifact.traits or {})})
    guessed = judged(artifact, None)
    for id, verdict in known.items():
        assert verdict == NOT_AFFECTED or guessed[id] in (AFFECTED, UNKNOWN), id


def test_the_table_has_every_advisory_that_lines_of_today_can_have() -> None:
    rest = {advisory.id for advisory in bundled().advisories} - set(TABLE) - {"GHSA-p79w-pv2r-29qp"}
    newest = [
        max(
            found.fixed
            for advisory in bundled().advisories
            if advisory.id == id
            for where in advisory.affected
            for found in where.ranges
            if found.fixed
        )
        for id in rest
    ]
    assert all(version.major <= 40 for version in newest)
