from __future__ import annotations

import itertools
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.project.levels import LEVELS
from wasmbuild.verify.report import JSON_SCHEMA, Broken, Entry, Report, Unreachable, entry, unusable

INTACT, CONSISTENT, LOADED, TESTED = LEVELS
NO = Unreachable("cannot be loaded on this host: it is for aarch64")


def judged(
    reached: str | None,
    obstacle: Broken | Unreachable | None,
    *,
    require: str | None = None,
    reachable: str = LOADED,
    ceiling: str = LOADED,
) -> Entry:
    return entry("m@t", reached, obstacle, require=require, reachable=reachable, ceiling=ceiling)


def test_what_holds_to_the_top_is_right() -> None:
    assert judged(LOADED, None) == Entry("m@t", True, LOADED, None, LOADED, "")


def test_what_is_broken_fails_at_the_level_above() -> None:
    assert judged(None, Broken("gone")) == Entry("m@t", False, None, INTACT, LOADED, "gone")
    assert judged(INTACT, Broken("other")) == Entry("m@t", False, INTACT, CONSISTENT, LOADED, "other")


def test_what_is_broken_fails_even_above_what_is_required() -> None:
    verdict = judged(CONSISTENT, Broken("crash"), require=INTACT)
    assert (verdict.ok, verdict.failed, verdict.required) == (False, LOADED, INTACT)


def test_what_this_host_cannot_load_is_right_as_far_as_it_can_tell() -> None:
    verdict = judged(CONSISTENT, NO, reachable=CONSISTENT)
    assert verdict == Entry("m@t", True, CONSISTENT, None, CONSISTENT, NO.message)


def test_a_missing_cpu_feature_lowers_what_can_be_reached() -> None:
    assert judged(CONSISTENT, NO, reachable=LOADED) == Entry("m@t", True, CONSISTENT, None, CONSISTENT, NO.message)


def test_a_level_that_is_demanded_and_cannot_be_tried_is_a_failure_that_says_so() -> None:
    verdict = judged(CONSISTENT, NO, require=LOADED, reachable=CONSISTENT)
    assert verdict == Entry(
        "m@t", False, CONSISTENT, LOADED, LOADED, f"{NO.message}; its manifest demands the level loaded"
    )


def test_no_more_is_demanded_than_was_asked_for() -> None:
    assert judged(INTACT, None, require=LOADED, ceiling=INTACT) == Entry("m@t", True, INTACT, None, INTACT, "")
    assert judged(CONSISTENT, None, ceiling=CONSISTENT).ok


@given(
    st.sampled_from([None, *LEVELS]),
    st.sampled_from([None, Broken("b"), NO]),
    st.sampled_from([None, *LEVELS]),
    st.sampled_from(LEVELS),
    st.sampled_from(LEVELS),
)
def test_a_verdict_is_right_exactly_when_nothing_failed(
    reached: str | None, obstacle: Broken | Unreachable | None, require: str | None, reachable: str, ceiling: str
) -> None:
    if reached == LEVELS[-1] or (isinstance(obstacle, Unreachable) and reached is None):
        obstacle = None
    if obstacle is None:
        reached = ceiling
    verdict = judged(reached, obstacle, require=require, reachable=reachable, ceiling=ceiling)
    assert verdict.ok == (verdict.failed is None)
    assert LEVELS.index(verdict.required) <= LEVELS.index(ceiling)
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


def test_the_json_is_what_is_documented() -> None:
    report = Report((judged(INTACT, Broken("x")), judged(LOADED, None)))
    assert json.loads(report.to_json()) == {
        "schema": "wasmbuild/report/1",
        "ok": False,
        "artifacts": [
            {
                "id": "m@t",
                "ok": False,
                "level": "intact",
                "failed": "consistent",
                "required": "loaded",
                "message": "x",
            },
            {"id": "m@t", "ok": True, "level": "loaded", "failed": None, "required": "loaded", "message": ""},
        ],
    }


def test_every_verdict_fits_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(JSON_SCHEMA)
    verdicts = [
        judged(reached, obstacle, require=require)
        for reached, obstacle, require in itertools.product((INTACT, CONSISTENT), (Broken("b"), NO), (None, *LEVELS))
    ]
    jsonschema.validate(json.loads(Report((*verdicts, unusable("x", "y"))).to_json()), JSON_SCHEMA)


def test_the_schema_refuses_other_documents() -> None:
    document = json.loads(Report((judged(LOADED, None),)).to_json())
    document["artifacts"][0]["level"] = "perfect"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, JSON_SCHEMA)
