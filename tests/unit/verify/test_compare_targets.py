from __future__ import annotations

import itertools
from typing import Any

import pytest

from wasmbuild.project.cases import Case, Wasi
from wasmbuild.verify.compare_targets import TargetComparison
from wasmbuild.verify.tested import CaseResult, died, judged

CALL = Case("f", (1,), returns=(3,))
ANYTHING = Case("_start", (), exit=0, wasi=Wasi(("p",)))
ANY_TRAP = Case("f", (1,), traps="memory")


def returned(value: int, case: Case = CALL) -> CaseResult:
    return judged(case, {"returned": [value], "expected": [3], "types": ["i32"]})


def wrote(text: str, name: str = "stdout") -> CaseResult:
    return judged(ANYTHING, {"exited": 0, "stdout": "", "stderr": "", name: text})


def trapped(words: str) -> CaseResult:
    return judged(ANY_TRAP, {"trapped": words})


RIGHT, WRONG, OTHER = returned(3), returned(4), returned(5)
FAILED = judged(CALL, {"failed": "no instance"})
NONSENSE = judged(CALL, {})
DIED = died(CALL, "was ended by signal 11", "")


class Notes:
    """Adds what tests came to, one artifact after the other, each at the next position."""

    def __init__(self, maker: Any) -> None:
        self.across = TargetComparison()
        self._maker = maker
        self._position = 0

    def add(self, target: str, *ran: CaseResult, module: str = "m", project: str = "p") -> Notes:
        artifact = self._maker.entry(b"", module)
        manifest = self._maker.manifest(artifact, target=target, project=project)
        self.across.add(self._position, manifest, artifact, ran)
        self._position += 1
        return self

    @property
    def notes(self) -> dict[int, str]:
        return self.across.notes()


@pytest.fixture
def seen(maker: Any) -> Notes:
    return Notes(maker)


def test_a_wrong_result_is_told_how_the_call_came_out_on_another_target(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", RIGHT)
    assert seen.notes == {0: "on edge it returned 3"}


def test_a_result_that_is_wrong_in_the_same_way_everywhere_is_said_to_be(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", WRONG)
    assert seen.notes == {0: "it is the same on edge", 1: "it is the same on pi"}


def test_wrong_results_that_differ_name_each_other(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", OTHER)
    assert seen.notes == {0: "on edge it returned 5", 1: "on pi it returned 4"}


def test_a_target_where_it_came_out_right_is_named_rather_than_another_that_is_wrong_too(seen: Notes) -> None:
    seen.add("a", WRONG).add("b", OTHER).add("c", RIGHT)
    assert seen.notes == {0: "on c it returned 3", 1: "on c it returned 3"}


def test_right_results_that_differ_name_the_call_and_each_other(seen: Notes) -> None:
    seen.add("pi", trapped("out of memory")).add("edge", trapped("memory fault"))
    assert seen.notes == {
        0: "f(1) trapped (out of memory), and on edge it trapped (memory fault)",
        1: "f(1) trapped (memory fault), and on pi it trapped (out of memory)",
    }


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_outputs_that_differ_are_shown_where_the_call_ended_alike(seen: Notes, name: str) -> None:
    seen.add("pi", wrote("one", name)).add("edge", wrote("two", name))
    assert seen.notes == {
        0: f'_start(argv ["p"]) wrote "one" to {name}, and on edge it wrote "two"',
        1: f'_start(argv ["p"]) wrote "two" to {name}, and on pi it wrote "one"',
    }


@pytest.mark.parametrize("ran", [RIGHT, wrote("x"), trapped("memory fault")], ids=["returned", "wrote", "trapped"])
def test_nothing_is_said_of_what_is_right_and_the_same_everywhere(seen: Notes, ran: CaseResult) -> None:
    seen.add("pi", ran).add("edge", ran).add("x86", ran)
    assert seen.notes == {}


def test_nothing_is_said_of_a_single_target(seen: Notes) -> None:
    seen.add("pi", WRONG).add("pi", RIGHT)
    assert seen.notes == {}


def test_the_right_ones_of_three_targets_are_named_together(seen: Notes) -> None:
    seen.add("pi", RIGHT).add("edge", WRONG).add("x86", RIGHT)
    assert seen.notes == {1: "on pi, x86 it returned 3"}


def test_a_target_of_three_that_writes_something_else_is_named_to_both_others(seen: Notes) -> None:
    seen.add("pi", wrote("a")).add("edge", wrote("b")).add("x86", wrote("a"))
    assert seen.notes == {
        0: '_start(argv ["p"]) wrote "a" to stdout, and on edge it wrote "b"',
        1: '_start(argv ["p"]) wrote "b" to stdout, and on pi, x86 it wrote "a"',
        2: '_start(argv ["p"]) wrote "a" to stdout, and on edge it wrote "b"',
    }


def test_a_target_is_named_only_for_the_outcome_that_it_had(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", RIGHT).add("x86", OTHER)
    assert seen.notes[0] == "on edge it returned 3"


def test_three_targets_are_named_and_the_rest_is_counted(seen: Notes) -> None:
    seen.add("pi", WRONG)
    for target in ("a", "b", "c"):
        seen.add(target, RIGHT)
    assert seen.notes == {0: "on a, b, c it returned 3"}
    seen.add("d", RIGHT).add("e", RIGHT)
    assert seen.notes == {0: "on a, b, c and 2 more it returned 3"}


@pytest.mark.parametrize("ran", [FAILED, NONSENSE], ids=["failed", "nonsense"])
def test_a_call_that_came_to_nothing_is_left_out(seen: Notes, ran: CaseResult) -> None:
    seen.add("pi", ran).add("edge", ran).add("x86", RIGHT)
    assert seen.notes == {}
    seen.add("m1", WRONG)
    assert seen.notes == {3: "on x86 it returned 3"}


def test_a_call_that_ended_its_process_came_to_that(seen: Notes) -> None:
    seen.add("pi", DIED).add("edge", RIGHT)
    assert seen.notes == {0: "on edge it returned 3"}
    seen.add("x86", DIED)
    assert seen.notes == {0: "on edge it returned 3", 2: "on edge it returned 3"}


def test_a_wrong_result_is_told_of_a_process_that_ended(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", DIED)
    assert seen.notes[0] == "on edge it ends the process that runs it, which was ended by signal 11"


@pytest.mark.parametrize("apart", [{"module": "n"}, {"project": "q"}], ids=["module", "project"])
def test_tests_of_other_modules_and_projects_are_other_tests(seen: Notes, apart: dict[str, str]) -> None:
    seen.add("pi", WRONG).add("edge", RIGHT, **apart)
    assert seen.notes == {}


def test_tests_that_differ_in_anything_are_other_tests(seen: Notes) -> None:
    seen.add("pi", WRONG).add("edge", RIGHT._replace(case=CALL._replace(fuel=5)))
    assert seen.notes == {}


def test_the_note_is_of_the_test_that_the_verdict_names(seen: Notes) -> None:
    # Sorted by what they call, they are the other way round.
    first, second = (Case(name, (), returns=(3,)) for name in ("z", "a"))
    seen.add("pi", returned(4, first), returned(5, second))
    seen.add("edge", returned(3, first), returned(5, second))
    assert seen.notes == {0: "on edge it returned 3", 1: "it is the same on pi"}


def test_no_note_of_a_later_test_is_taken_for_one_of_the_test_that_the_verdict_names(seen: Notes) -> None:
    later = Case("later", (), returns=(3,))
    seen.add("pi", FAILED, returned(4, later)).add("edge", RIGHT, returned(3, later))
    assert seen.notes == {}


def test_a_test_that_failed_goes_before_those_that_only_differ(seen: Notes) -> None:
    seen.add("pi", trapped("memory a"), WRONG).add("edge", trapped("memory b"), RIGHT)
    assert seen.notes == {
        0: "on edge it returned 3",
        1: "f(1) trapped (memory b), and on pi it trapped (memory a)",
    }


def test_the_first_of_several_tests_that_differ_is_told(seen: Notes) -> None:
    z, a = (ANY_TRAP._replace(call=name) for name in ("z", "a"))
    for target in ("pi", "edge"):
        seen.add(target, *(judged(case, {"trapped": f"memory {target}"}) for case in (z, a)))
    assert seen.notes[0] == "z(1) trapped (memory pi), and on edge it trapped (memory edge)"


def test_the_order_in_which_loaders_end_does_not_matter(maker: Any) -> None:
    artifact = maker.entry(b"", "m")
    all_of_them = list(enumerate([("pi", WRONG), ("edge", RIGHT), ("x86", OTHER), ("m1", RIGHT)]))
    notes = []
    for order in itertools.permutations(all_of_them):
        across = TargetComparison()
        for position, (target, ran) in order:
            across.add(position, maker.manifest(artifact, target=target), artifact, [ran])
        notes.append(across.notes())
    assert notes[0]
    assert all(list(other.items()) == list(notes[0].items()) for other in notes)
