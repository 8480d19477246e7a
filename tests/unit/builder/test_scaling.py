"""What a build costs for each artifact does not grow with their number. Counted in calls, which no other work slows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import pytest

FEW, MANY = 20, 80


def calls(work: Callable[[], object]) -> int:
    """Return how many functions are called, of Python and of C."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def after_an_edit(project: Any) -> Any:
    project.build()
    project.write("m0", text="edited")
    return project.build


def cold(project: Any) -> Any:
    return project.build


@pytest.mark.parametrize("prepare", [cold, after_an_edit])
def test_the_cost_of_an_artifact_is_constant(
    make_project: Callable[[Iterable[str]], Any], prepare: Callable[[Any], Callable[[], object]]
) -> None:
    def cost(modules: int) -> float:
        work = prepare(make_project(f"m{number}" for number in range(modules)))
        return calls(work) / modules

    cost(1)  # what is imported and compiled the first time
    assert cost(MANY) < cost(FEW) * 1.1
