"""How tests that went wrong are told."""

from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.project.case_values import CaseValue
from wasmbuild.project.cases import Case, Wasi
from wasmbuild.verify.outcomes import CALLS, Broken, Unreachable, Unverified
from wasmbuild.verify.tested import DIED, TOO_LARGE, TOO_SLOW, WRONG, died, differ, judged, verdict

RETURNS = Case("f", (), returns=(3,))
WRITES = Case("_start", (), exit=0, stdout="one\n", stderr="", wasi=Wasi(("p",)))
THREE = {"returned": [3], "expected": [3], "types": ["i32"]}
FOUR = {**THREE, "returned": [4]}


@pytest.mark.parametrize(
    ("stdout", "stderr", "problem"),
    [
        ("two\n", "", r'wrote "two\n" to stdout instead of "one\n"'),
        ("one", "", r'wrote "one" to stdout instead of "one\n"'),
        ("one\n\n", "", r'wrote "one\n\n" to stdout instead of "one\n"'),
        ("", "", r'wrote "" to stdout instead of "one\n"'),
        ("one\n", "x", 'wrote "x" to stderr instead of ""'),
        ("", "x", r'wrote "" to stdout instead of "one\n"; wrote "x" to stderr instead of ""'),
    ],
)
def test_other_output_is_shown_with_what_was_declared(stdout: str, stderr: str, problem: str) -> None:
    assert judged(WRITES, {"exited": 0, "stdout": stdout, "stderr": stderr}).problem == problem


def test_output_is_shown_where_it_begins_to_differ() -> None:
    case = WRITES._replace(stdout="a" * 100 + "b" * 100)
    ran = judged(case, {"exited": 0, "stdout": "a" * 100 + "c" * 100, "stderr": ""})
    same = "a" * 20
    assert ran.problem == f'wrote …"{same}{"c" * 20}"… to stdout instead of …"{same}{"b" * 20}"…'


def test_output_that_was_cut_is_shown_at_its_end() -> None:
    case = WRITES._replace(stdout="a" * 100 + "bb")
    ran = judged(case, {"exited": 0, "stdout": "a" * 100, "stderr": ""})
    assert ran.problem == f'wrote …"{"a" * 20}" to stdout instead of …"{"a" * 20}bb"'


def test_output_that_can_be_shown_is_not_cut() -> None:
    ran = judged(WRITES._replace(stdout="a" * 41), {"exited": 0, "stdout": "b" * 40, "stderr": ""})
    assert ran.problem == f'wrote "{"b" * 40}" to stdout instead of "{"a" * 40}"…'


def test_a_wrong_outcome_is_told_before_wrong_output() -> None:
    ran = judged(WRITES, {"exited": 3, "stdout": "x", "stderr": ""})
    assert ran.problem == r'ended with exit status 3 instead of exit status 0; wrote "x" to stdout instead of "one\n"'


@pytest.mark.parametrize(
    ("returns", "returned", "type_", "words"),
    [
        ((4294967295,), [-2], "i32", "returned 4294967294 instead of 4294967295"),
        ((-1,), [-2], "i32", "returned -2 instead of -1"),
        ((2147483647,), [-2], "i32", "returned -2 instead of 2147483647"),
        ((2147483648,), [-2], "i32", "returned 4294967294 instead of 2147483648"),
        (((1 << 64) - 1,), [-2], "i64", f"returned {(1 << 64) - 2} instead of {(1 << 64) - 1}"),
        ((4294967295,), [-2], "i64", "returned -2 instead of 4294967295"),
        ((4294967295,), [-2], "s64", "returned -2 instead of 4294967295"),
        ((4294967295,), [2], "i32", "returned 2 instead of 4294967295"),
        ((1.5,), [-0.0], "f64", "returned -0.0 instead of 1.5"),
        (("nan",), ["-inf"], "f32", 'returned "-inf" instead of "nan"'),
        (({"i32x4": [1, 2, 3, 4]},), [{"i32x4": [1, 2, 3, 5]}], "v128",
         'returned {"i32x4": [1, 2, 3, 5]} instead of {"i32x4": [1, 2, 3, 4]}'),
    ],
)  # fmt: skip
def test_numbers_are_shown_as_the_test_spells_them(
    returns: tuple[CaseValue, ...], returned: list[Any], type_: str, words: str
) -> None:
    told = {"returned": returned, "expected": ["other"], "types": [type_]}
    assert judged(Case("f", (), returns=returns), told).problem == words


def test_a_test_over_which_its_process_ended_is_told_with_what_it_wrote() -> None:
    ran = died(RETURNS, "was ended by signal 11", "thread 'main' (7) panicked\n\x1b[2J")
    words = r"ends the process that runs it, which was ended by signal 11 (thread 'main' panicked: \x1b[2J)"
    assert (ran.summary, ran.outcome, ran.problem, ran.fix) == (words, words, words, DIED)


def test_a_test_that_takes_too_long_is_told_so() -> None:
    ran = died(RETURNS, "did not end within 10 s", "")
    assert ran.problem == "did not end within 10 s"
    assert ran.fix == TOO_SLOW


@pytest.mark.parametrize(
    "said", ["memory allocation of 99 bytes failed", "MemoryError", "mmap: Cannot allocate memory"]
)
def test_too_little_memory_is_no_outcome_of_a_test(said: str) -> None:
    for ran in (judged(RETURNS, {"failed": said}, 64 << 20), died(RETURNS, "was ended by signal 6", said, 64 << 20)):
        assert (ran.problem, ran.outcome) == ("needs more memory than the limit of 64 MiB", None)
        assert ran.fix == TOO_LARGE


def test_too_little_memory_is_told_as_what_it_is_where_there_is_no_limit() -> None:
    for ran in (judged(RETURNS, {"failed": "MemoryError"}), died(RETURNS, "was ended by signal 6", "MemoryError")):
        assert (ran.outcome, ran.judged) == (None, False)
        assert ran.problem.startswith("cannot be tried here: Cannot allocate memory; ")


ASYNC = "cannot synchronously call an async-lifted export; use `call_async` or `call_concurrent` instead"


def test_an_async_function_is_no_fault_of_an_artifact(maker: Any) -> None:
    artifact = maker.entry(b"")._replace(tests=(RETURNS,) * 3)
    late = judged(RETURNS, {"failed": "MemoryError"})
    for ran in (judged(RETURNS, {"failed": ASYNC}), died(RETURNS, "was ended by signal 6", f"panicked: {ASYNC}")):
        assert (ran.outcome, ran.judged, ran.lacks) == (None, False, CALLS)
        assert isinstance(verdict(artifact, [judged(RETURNS, THREE), ran]), Unreachable)
        assert isinstance(verdict(artifact, [ran, judged(RETURNS, FOUR)]), Broken)
        # Of what failed here it is not known what it would have been.
        assert isinstance(verdict(artifact, [ran, late]), Unverified)


@pytest.mark.parametrize(
    ("ran", "message"),
    [
        ("W", "m.cwasm: test 1 of 1, f() returned 4 instead of 3; {WRONG}"),
        ("RWR", "m.cwasm: test 2 of 3, f() returned 4 instead of 3; {WRONG}"),
        ("RWW", "m.cwasm: test 2 of 3, f() returned 4 instead of 3; 1 more test fails; {WRONG}"),
        ("WRWD", "m.cwasm: test 1 of 4, f() returned 4 instead of 3; 2 more tests fail; {WRONG}"),
        ("RD", "m.cwasm: test 2 of 2, f() ends the process that runs it, which ended with status 9; {DIED}"),
        ("DW", "m.cwasm: test 1 of 2, f() ends the process that runs it, which ended with status 9; "
               "1 more test fails; {DIED}"),
    ],
)  # fmt: skip
def test_an_artifact_is_told_its_first_test_that_fails_and_how_many_more_do(maker: Any, ran: str, message: str) -> None:
    by_letter = {
        "R": judged(RETURNS, THREE),
        "W": judged(RETURNS, FOUR),
        "D": died(RETURNS, "ended with status 9", ""),
    }
    artifact = maker.entry(b"", "m")._replace(tests=(RETURNS,) * len(ran))
    broken = verdict(artifact, [by_letter[letter] for letter in ran])
    assert broken is not None
    assert broken.message == message.format(WRONG=WRONG, DIED=DIED)


def test_an_artifact_has_nothing_against_it_when_no_test_fails(maker: Any) -> None:
    artifact = maker.entry(b"", "m")._replace(tests=(RETURNS, RETURNS))
    assert verdict(artifact, [judged(RETURNS, THREE)] * 2) is None
    assert verdict(artifact, []) is None


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        (FOUR, THREE, ("returned 4", "returned 3")),
        ({"exited": 0, "stdout": "a"}, {"exited": 0, "stdout": "b"}, ('wrote "a" to stdout', 'wrote "b"')),
        ({"exited": 0, "stderr": "a"}, {"exited": 0}, ('wrote "a" to stderr', 'wrote ""')),
        ({"trapped": "no", "stdout": "a"}, {"exited": 1, "stdout": "b"}, ("trapped (no)", "ended with exit status 1")),
        ({"failed": "no"}, {"failed": "no"}, ("cannot be executed: no", "cannot be executed: no")),
    ],
)  # fmt: skip
def test_two_calls_differ_in_how_they_end_and_else_in_what_they_write(
    here: dict[str, Any], there: dict[str, Any], words: tuple[str, str]
) -> None:
    assert differ(judged(RETURNS, here), judged(RETURNS, there)) == words
