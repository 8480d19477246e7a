"""How tests that went wrong are told."""

from __future__ import annotations

import errno
import os
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
    ran = judged(WRITES._replace(stdout="a" * 38 + "b"), {"exited": 0, "stdout": "a" * 38 + "c", "stderr": ""})
    assert ran.problem == f'wrote "{"a" * 38}c" to stdout instead of "{"a" * 38}b"'
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


RECORD = {f"field-{number}": number for number in range(1, 17)}
LONG_BYTES = {"i8x16": [-100] * 16}
NANS = ('"nan", ' * 6)[-40:]


@pytest.mark.parametrize(
    ("returned", "expected", "words"),
    [
        ({**RECORD, "field-9": 99}, RECORD,
         '…"field-7": 7, "field-8": 8, "field-9": 99} instead of …"field-7": 7, "field-8": 8, "field-9": 9}'),
        ("é" * 99 + "x", "é" * 100, f'…{"é" * 40}x" instead of …{"é" * 41}"'),
        ("a" * 100 + "b" * 100, "a" * 100 + "c" * 100,
         f"…{'a' * 40}{'b' * 40}… instead of …{'a' * 40}{'c' * 40}…"),
        (list(range(1000)), list(range(999)),
         "…, 991, 992, 993, 994, 995, 996, 997, 998, 999] instead of …, 991, 992, 993, 994, 995, 996, 997, 998]"),
        (["nan"] * 20 + [-0.0], ["nan"] * 20 + [0.0],
         f"…{NANS}-0.0] instead of …{NANS}0.0]"),
        (LONG_BYTES, {"i8x16": [*[-100] * 15, 1]},
         f"…00{', -100' * 7}]}} instead of …00{', -100' * 6}, 1]}}"),
        ([], list(range(100)), f"[] instead of {str(list(range(100)))[:80]}…"),
    ],
)  # fmt: skip
def test_values_are_shown_where_they_begin_to_differ(returned: Any, expected: Any, words: str) -> None:
    ran = judged(Case("f", (), returns=(expected,)), {"returned": [returned], "expected": [expected]})
    assert ran.problem == f"returned {words}"


def test_several_values_are_shown_where_they_begin_to_differ() -> None:
    written = (*[1] * 40, 4294967295)
    told = {"returned": [*[1] * 40, -2], "expected": [*[1] * 40, -1], "types": ["i32"] * 41}
    same = "…" + (", 1" * 40 + ", 429496729")[-40:]
    assert judged(Case("f", (), returns=written), told).problem == f"returned {same}4 instead of {same}5"


@pytest.mark.parametrize("wanted", [{"b": 2, "a": 1}, {"a": 1, "b": 2}])
def test_fields_of_records_are_shown_in_one_order(wanted: CaseValue) -> None:
    told = {"returned": [{"b": 3, "a": 1}], "expected": [{"b": 2, "a": 1}]}
    words = 'returned {"a": 1, "b": 3} instead of {"a": 1, "b": 2}'
    assert judged(Case("f", (), returns=(wanted,)), told).problem == words


def test_values_that_are_shown_in_part_are_in_one_form_however_the_test_writes_them() -> None:
    written: CaseValue = {"z": 1, "note": "x" * 80}
    expected = {"absent": {"none": True}, "note": {"some": "x" * 80}, "z": 1}
    told = {"returned": [{**expected, "z": 2}], "expected": [expected]}
    same = f'…{"x" * 31}"}}, "z": '
    assert judged(Case("f", (), returns=(written,)), told).problem == f"returned {same}2}} instead of {same}1}}"


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
        assert ran.problem.startswith(f"cannot be tried here: {os.strerror(errno.ENOMEM)}; ")


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
        ({"returned": ["a" * 100 + "b"]}, {"returned": ["a" * 100 + "c"]},
         (f'returned …{"a" * 40}b"', f'returned …{"a" * 40}c"')),
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
