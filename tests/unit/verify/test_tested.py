from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmbuild.project.cases import Case, Wasi
from wasmbuild.verify import values
from wasmbuild.verify.tested import WRONG, Metering, died, judged

WASI = Wasi(("p",))
RETURNS = Case("f", (), returns=(3,))
TRAPS = Case("f", (), traps="unreachable")
EXITS = Case("_start", (), exit=2, wasi=WASI)
ENDS_WELL = Case("_start", (), exit=0, wasi=WASI)
WRITES = Case("_start", (), exit=0, stdout="one\n", stderr="", wasi=WASI)
CASES = {"returns": RETURNS, "traps": TRAPS, "exits": EXITS, "ends well": ENDS_WELL, "writes": WRITES}

THREE = {"returned": [3], "expected": [3], "types": ["i32"]}
FOUR = {"returned": [4], "expected": [3], "types": ["i32"]}
NOTHING: dict[str, Any] = {"returned": [], "types": []}
NONSENSE = "cannot be executed: the process that runs it answers with nonsense"
LONGEST = 1200

texts = st.text(st.characters(), max_size=400)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
KEYS = ("returned", "expected", "types", "trapped", "exited", "failed", "stdout", "stderr")
likely = (
    st.lists(json_values | st.just(3), max_size=3)
    | st.sampled_from([[3], ["i32"], 0, 2, True, False, "wasm trap: unreachable", "one\n", "", 0.0, 2.0])
    | st.integers(0, 2)
    | json_values
)
answers = st.dictionaries(st.sampled_from(KEYS) | texts, likely, max_size=6)


def is_one_safe_line(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (RETURNS, THREE),
        (Case("f", (), returns=()), {"returned": [], "expected": [], "types": []}),
        (Case("f", (), returns=("nan",)), {"returned": ["nan"], "expected": ["nan"], "types": ["f32"]}),
        (Case("f", (), returns=(1 << 31,)), {"returned": [-(1 << 31)], "expected": [-(1 << 31)], "types": ["i32"]}),
        (TRAPS, {"trapped": "unreachable"}),
        (TRAPS, {"trapped": "wasm `unreachable` instruction executed"}),
        (EXITS, {"exited": 2, "stdout": "anything", "stderr": "at all"}),
        (ENDS_WELL, NOTHING),
        (ENDS_WELL, {"returned": [5], "types": ["i32"]}),
        (ENDS_WELL, {"exited": 0}),
        (WRITES, {**NOTHING, "stdout": "one\n", "stderr": ""}),
        (WRITES, {"exited": 0, "stdout": "one\n", "stderr": ""}),
        (RETURNS._replace(wasi=WASI, stdout="x"), {**THREE, "stdout": "x", "stderr": "y"}),
        (TRAPS._replace(wasi=WASI, stderr="y"), {"trapped": "unreachable", "stdout": "x", "stderr": "y"}),
    ],
)
def test_what_comes_out_as_declared_has_no_problem(case: Case, told: dict[str, Any]) -> None:
    ran = judged(case, told)
    assert ran.problem == ""
    assert ran.outcome is not None


@pytest.mark.parametrize(
    ("case", "told", "problem"),
    [
        (RETURNS, FOUR, "returned 4 instead of 3"),
        (RETURNS, NOTHING, "returned nothing instead of 3"),
        (RETURNS, {"returned": [3]}, "returned 3 instead of 3"),
        (RETURNS, {"returned": [3, 3], "expected": [3], "types": ["i32"] * 2}, "returned 3, 3 instead of 3"),
        (Case("f", (), returns=()), {"returned": [3], "expected": []}, "returned 3 instead of nothing"),
        (Case("f", (), returns=(0.0,)), {"returned": [-0.0], "expected": [0.0]}, "returned -0.0 instead of 0.0"),
        (RETURNS, {"trapped": "out of fuel"}, "trapped (out of fuel) instead of returning 3"),
        (RETURNS, {"exited": 0}, "ended with exit status 0 instead of returning 3"),
        (TRAPS, NOTHING, 'returned nothing instead of trapping with "unreachable"'),
        (TRAPS, FOUR, 'returned 4 instead of trapping with "unreachable"'),
        (TRAPS, {"trapped": "out of fuel"}, 'trapped (out of fuel) instead of trapping with "unreachable"'),
        (TRAPS, {"exited": 1}, 'ended with exit status 1 instead of trapping with "unreachable"'),
        (EXITS, NOTHING, "ended with exit status 0 instead of exit status 2"),
        (EXITS, {"trapped": "unreachable"}, "trapped (unreachable) instead of exit status 2"),
        (EXITS, {"exited": 3}, "ended with exit status 3 instead of exit status 2"),
        (ENDS_WELL, {"trapped": "unreachable"}, "trapped (unreachable) instead of exit status 0"),
        (ENDS_WELL, {"exited": 1}, "ended with exit status 1 instead of exit status 0"),
    ],
)
def test_what_comes_out_otherwise_is_told_with_what_was_declared(
    case: Case, told: dict[str, Any], problem: str
) -> None:
    ran = judged(case, told)
    assert ran.problem == problem
    assert ran.fix == WRONG
    assert ran.outcome is not None
    assert problem.startswith(ran.summary)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_could_not_be_executed_fails_whatever_was_declared(case: Case) -> None:
    ran = judged(case, {"failed": "Error: no\n\nCaused by:\n    0: such\n    1: function"})
    assert ran.summary == ran.problem == "cannot be executed: Error: no: such: function"
    assert ran.outcome is None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(
    "told",
    [
        {},
        {"stdout": "one\n", "stderr": ""},
        {"returned": [3], "expected": [3], "trapped": "unreachable"},
        {"returned": [3], "expected": [3], "failed": "unreachable"},
        {"trapped": "unreachable", "exited": 2},
        {"returned": 3, "expected": 3},
        {"returned": [3], "expected": 3},
        {"returned": None},
        {"returned": {"0": 3}, "expected": {"0": 3}},
        {"returned": [3], "expected": [3], "types": "i32"},
        {"returned": [3], "expected": [3], "types": [32]},
        {"trapped": ["unreachable"]},
        {"exited": "2"},
        {"exited": 2.0},
        {"exited": False},
        {"exited": True},
        {"exited": None},
        {"failed": 1},
        {"exited": 2, "stdout": 1, "stderr": ""},
        {"exited": 0, "stdout": "one\n", "stderr": None},
    ],
)
def test_what_says_nothing_that_has_a_meaning_fails_whatever_was_declared(case: Case, told: dict[str, Any]) -> None:
    ran = judged(case, told)
    assert ran.summary == ran.problem == NONSENSE
    assert ran.outcome is None


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (RETURNS, {"returned": [], "expected": []}),
        (RETURNS, {"returned": [3, 3], "expected": [3, 3], "types": ["i32", "i32"]}),
        (Case("f", (), returns=()), THREE),
        (WRITES, {"exited": 0}),
        (ENDS_WELL._replace(stdout=""), {"exited": 0}),
        (ENDS_WELL._replace(stdout=""), {"exited": 0, "stderr": ""}),
        (ENDS_WELL._replace(stderr=""), {"exited": 0, "stdout": ""}),
        (RETURNS._replace(wasi=WASI, stdout=""), THREE),
        (TRAPS._replace(wasi=WASI, stderr=""), {"trapped": "unreachable"}),
    ],
)
def test_what_says_nothing_of_what_was_declared_is_nonsense(case: Case, told: dict[str, Any]) -> None:
    ran = judged(case, told)
    assert ran.summary == ran.problem == NONSENSE
    assert ran.outcome is None


def test_true_is_no_exit_status() -> None:
    assert judged(EXITS._replace(exit=1), {"exited": True}).problem == NONSENSE


@pytest.mark.parametrize("key", ["returned", "expected", "other"])
def test_values_that_are_nested_too_deeply_to_be_written_again_are_nonsense(key: str) -> None:
    deep: Any = 3
    for level in range(5000):
        deep = [deep] if level % 2 else {"a": deep}
    assert judged(RETURNS, {**THREE, key: [deep]}).problem == NONSENSE


def test_values_that_are_nested_as_results_can_be_are_compared() -> None:
    deep: Any = 3
    for _ in range(50):
        deep = [{"a": deep}] if not isinstance(deep, list) else [deep]
    case = Case("f", (), returns=(deep,))
    assert judged(case, {"returned": [deep], "expected": [deep]}).problem == ""


def test_the_outcome_is_what_came_and_nothing_else() -> None:
    outcome = judged(RETURNS, {**FOUR, "stdout": "a", "stderr": "b", "size": 0}).outcome
    assert outcome is not None
    assert json.loads(outcome) == {"returned": [4], "stdout": "a", "stderr": "b"}
    assert judged(RETURNS, {"stderr": "b", "stdout": "a", **THREE, "returned": [4]}).outcome == outcome


@given(st.sampled_from([*CASES.values(), EXITS._replace(exit=1)]), answers)
@example(RETURNS, {"returned": [True], "expected": [1]})
@example(EXITS._replace(exit=1), {"exited": True})
def test_whatever_a_process_tells_is_judged_and_passes_only_when_it_is_right(case: Case, told: dict[str, Any]) -> None:
    ran = judged(case, told, memory=1 << 20)
    assert is_one_safe_line(ran.summary)
    assert is_one_safe_line(ran.problem)
    if ran.problem:
        return
    assert "failed" not in told
    for wanted, name in ((case.stdout, "stdout"), (case.stderr, "stderr")):
        assert wanted is None or told[name] == wanted
    if case.returns is not None:
        assert isinstance(told["returned"], list)
        assert values.text(told["returned"]) == values.text(told["expected"])
        assert len(told["returned"]) == len(case.returns)
    elif case.traps is not None:
        assert case.traps in told["trapped"]
    else:
        assert "trapped" not in told
        assert "returned" in told or type(told["exited"]) is int
        assert (0 if "returned" in told else told["exited"]) == case.exit


@given(texts, texts)
def test_whatever_a_process_writes_or_fails_with_is_shown_as_one_safe_line(written: str, declared: str) -> None:
    case = Case("_start", (), traps=declared, stdout=declared, stderr=declared, wasi=WASI)
    for told in (
        {"trapped": written, "stdout": written, "stderr": written},
        {"returned": [written] * 50, "stdout": written},
        {"failed": written},
    ):
        ran = judged(case, told)
        assert is_one_safe_line(ran.summary)
        assert is_one_safe_line(ran.problem)
    assert is_one_safe_line(died(case, "was ended by signal 11", written).problem)


@pytest.mark.parametrize(
    ("engine", "fuel", "epoch"),
    [
        ({}, False, False),
        ({"consume-fuel": True}, True, False),
        ({"epoch-interruption": True}, False, True),
        ({"consume-fuel": False, "epoch-interruption": False}, False, False),
        ({"consume-fuel": 1, "epoch-interruption": "true"}, False, False),
    ],
)
def test_what_is_granted_is_what_the_engine_counts(engine: dict[str, Any], fuel: bool, epoch: bool) -> None:
    assert Metering.of(engine) == (fuel, epoch)


def test_a_test_that_does_not_fit_is_to_be_corrected_and_nothing_else() -> None:
    ran = judged(RETURNS, {"failed": "3 is no resource", "unfit": True})
    assert (ran.problem, ran.fix) == ("cannot be executed: 3 is no resource", "correct the test")
