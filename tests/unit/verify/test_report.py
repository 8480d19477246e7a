from __future__ import annotations

import itertools
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.project.levels import LEVELS
from wasmbuild.verify.outcomes import MACHINE, Broken, Obstacle, Unreachable, Unverified, Verdict, entry, unusable
from wasmbuild.verify.report import JSON_SCHEMA, Report

INTACT, CONSISTENT, LOADED, TESTED = LEVELS
NO = Unreachable("cannot be loaded on this host: it is for aarch64", MACHINE)
LOST = Unverified("was not loaded: too many open files")


def judged(
    reached: str | None,
    obstacle: Obstacle | None,
    *,
    require: str | None = None,
    reachable: str = LOADED,
    demanded: str | None = None,
) -> Verdict:
    return entry("m@t", reached, obstacle, require=require, reachable=reachable, demanded=demanded)


def test_what_holds_to_the_top_is_right() -> None:
    assert judged(LOADED, None) == Verdict("m@t", True, LOADED, None, LOADED, "")


def test_what_is_broken_fails_at_the_level_above() -> None:
    assert judged(None, Broken("gone")) == Verdict("m@t", False, None, INTACT, LOADED, "gone")
    assert judged(INTACT, Broken("other")) == Verdict("m@t", False, INTACT, CONSISTENT, LOADED, "other")


def test_what_is_broken_fails_even_above_what_is_required() -> None:
    verdict = judged(CONSISTENT, Broken("crash"), require=INTACT)
    assert (verdict.ok, verdict.failed, verdict.required) == (False, LOADED, INTACT)


def test_what_this_host_cannot_load_is_right_as_far_as_it_can_tell() -> None:
    verdict = judged(CONSISTENT, NO, reachable=CONSISTENT)
    assert verdict == Verdict("m@t", True, CONSISTENT, None, CONSISTENT, NO.message, lacks=MACHINE)


def test_a_missing_cpu_feature_lowers_what_can_be_reached() -> None:
    verdict = judged(CONSISTENT, NO, reachable=LOADED)
    assert verdict == Verdict("m@t", True, CONSISTENT, None, CONSISTENT, NO.message, lacks=MACHINE)


def test_a_level_that_is_demanded_and_cannot_be_tried_is_a_failure_that_says_so() -> None:
    verdict = judged(CONSISTENT, NO, require=LOADED, reachable=CONSISTENT)
    assert verdict == Verdict(
        "m@t",
        False,
        CONSISTENT,
        LOADED,
        LOADED,
        f"{NO.message}; its manifest demands the level loaded",
        lacks=MACHINE,
    )


@pytest.mark.parametrize("require", [None, INTACT, TESTED])
def test_a_level_that_the_user_demands_is_a_failure_where_it_cannot_be_tried(require: str | None) -> None:
    verdict = judged(CONSISTENT, NO, require=require, reachable=CONSISTENT, demanded=LOADED)
    assert verdict == Verdict(
        "m@t",
        False,
        CONSISTENT,
        LOADED,
        LOADED,
        f"{NO.message}; this verification demands the level loaded",
        lacks=MACHINE,
    )


@pytest.mark.parametrize("require", [None, *LEVELS])
@pytest.mark.parametrize("demanded", [None, CONSISTENT, LOADED])
@pytest.mark.parametrize("reached", [None, INTACT, CONSISTENT])
def test_what_was_not_verified_never_passes_whatever_is_required(
    reached: str | None, require: str | None, demanded: str | None
) -> None:
    verdict = judged(reached, LOST, require=require, reachable=INTACT, demanded=demanded)
    assert (verdict.ok, verdict.verified, verdict.outcome) == (False, False, "not-verified")
    assert (verdict.level, verdict.message) == (reached, LOST.message)
    assert Report((judged(LOADED, None), verdict)).exit_code == 3


def test_no_more_is_demanded_than_was_asked_for() -> None:
    assert judged(INTACT, None, require=LOADED, demanded=INTACT) == Verdict("m@t", True, INTACT, None, INTACT, "")
    assert judged(CONSISTENT, None, demanded=CONSISTENT).ok


@given(
    st.sampled_from([None, *LEVELS]),
    st.sampled_from([None, Broken("b"), NO, LOST]),
    st.sampled_from([None, *LEVELS]),
    st.sampled_from(LEVELS),
    st.sampled_from([None, *LEVELS]),
)
def test_a_verdict_is_right_exactly_when_nothing_failed(
    reached: str | None, obstacle: Obstacle | None, require: str | None, reachable: str, demanded: str | None
) -> None:
    if reached == LEVELS[-1] or (isinstance(obstacle, Unreachable) and reached is None):
        obstacle = None
    if obstacle is None:
        reached = demanded or LEVELS[-1]
    verdict = judged(reached, obstacle, require=require, reachable=reachable, demanded=demanded)
    assert verdict.ok == (verdict.failed is None)
    assert verdict.required == demanded or demanded is None
    if verdict.failed is not None:
        assert LEVELS.index(verdict.failed) == (-1 if reached is None else LEVELS.index(reached)) + 1
    if verdict.ok:
        assert reached is not None
        assert LEVELS.index(reached) >= LEVELS.index(verdict.required)


def test_one_failure_fails_the_report() -> None:
    right, wrong = judged(LOADED, None), unusable("a/manifest.json", "a/manifest.json is missing")
    assert Report((right,)).ok
    assert Report((right,)).exit_code == 0
    assert not Report((right, wrong)).ok
    assert Report((right, wrong)).exit_code == 1
    lost = unusable("b/manifest.json", "b/manifest.json cannot be read", verified=False)
    assert Report((right, lost)).exit_code == 3
    assert Report((right, lost, wrong)).exit_code == 1
    assert not Report((right,), errors=("known",)).ok
    assert [Report(found, errors=("known",)).exit_code for found in ((right,), (right, lost))] == [1, 1]


def test_the_json_is_what_is_documented() -> None:
    report = Report((judged(INTACT, Broken("x")), judged(LOADED, None)))
    assert json.loads(report.to_json()) == {
        "schema": "wasmbuild/report/1",
        "ok": False,
        "artifacts": [
            {
                "id": "m@t",
                "ok": False,
                "outcome": "failed",
                "level": "intact",
                "failed": "consistent",
                "required": "loaded",
                "lacks": None,
                "message": "x",
            },
            {
                "id": "m@t",
                "ok": True,
                "outcome": "passed",
                "level": "loaded",
                "failed": None,
                "required": "loaded",
                "lacks": None,
                "message": "",
            },
        ],
        "errors": [],
    }


def test_every_verdict_fits_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(JSON_SCHEMA)
    verdicts = [
        judged(reached, obstacle, require=require)
        for reached, obstacle, require in itertools.product(
            (INTACT, CONSISTENT), (Broken("b"), NO, LOST), (None, *LEVELS)
        )
    ]
    jsonschema.validate(json.loads(Report((*verdicts, unusable("x", "y"))).to_json()), JSON_SCHEMA)


def test_the_schema_refuses_other_documents() -> None:
    document = json.loads(Report((judged(LOADED, None),)).to_json())
    document["artifacts"][0]["level"] = "perfect"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, JSON_SCHEMA)
