from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.lean.typing import NamedTuple


class Lean(NamedTuple):
    """Says what it is."""

    first: int
    second: str = "b"
    third: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"

    def __str__(self) -> str:
        return f"<{self.both}>"


class Full(typing.NamedTuple):
    """Says what it is."""

    first: int
    second: str = "b"
    third: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.first}{self.second}"

    def __str__(self) -> str:
        return f"<{self.both}>"


class Under(Lean):
    def __repr__(self) -> str:
        return "under"


CALLS: list[Callable[[typing.Any], object]] = [
    lambda kind: kind(1),
    lambda kind: kind(1, "c"),
    lambda kind: kind(1, "c", (2,)),
    lambda kind: kind(first=1, third=(3,)),
    lambda kind: kind(1, third=(3,)),
    lambda kind: kind(1, second="d")._replace(first=2, third=(1,)),
    lambda kind: kind._make([1, "c", (2,)]),
    lambda kind: kind(1)._asdict(),
    lambda kind: kind(1).third,
    lambda kind: kind(1).both,
    lambda kind: str(kind(1)),
    lambda kind: repr(kind(1)).removeprefix(kind.__name__),
    lambda kind: hash(kind(1)),
    lambda kind: kind(1) < kind(1, "c"),
    lambda kind: pickle.loads(pickle.dumps(kind(1, "c"))),  # noqa: S301
    lambda kind: (
        kind._fields,
        kind._field_defaults,
        kind.__match_args__,
        kind.__doc__,
        kind.__module__,
        kind.__mro__[-2:],
    ),
    lambda kind: not hasattr(kind(1), "__dict__"),
    lambda kind: copy.replace(kind(1), second="c") if sys.version_info >= (3, 13) else None,
]


@pytest.mark.parametrize("call", CALLS)
def test_a_named_tuple_is_that_of_typing(call: Callable[[typing.Any], object]) -> None:
    assert call(Lean) == call(Full)


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: kind(),
        lambda kind: kind(1, "b", (), 4),
        lambda kind: kind(1, first=1),
        lambda kind: kind(1, fourth=1),
        lambda kind: kind(second="c"),
        lambda kind: kind._make([]),
        lambda kind: setattr(kind(1), "first", 2),
        lambda kind: setattr(kind(1), "other", 2),
        lambda kind: kind(1)._replace(fourth=1),
    ],
)
def test_what_typing_refuses_is_refused(call: Callable[[typing.Any], object]) -> None:
    errors = []
    for kind in (Lean, Full):
        with pytest.raises((TypeError, AttributeError, ValueError)) as raised:
            call(kind)
        errors.append(raised.type)
    assert errors[0] is errors[1]


def test_a_field_without_default_after_one_with_is_refused() -> None:
    with pytest.raises(TypeError, match="second has no default"):
        type(NamedTuple)("Wrong", (), {"__annotations__": {"first": "int", "second": "int"}, "first": 1})


def test_a_class_below_a_named_tuple_is_an_ordinary_one() -> None:
    assert repr(Under(1)) == "under"
    assert Under(1) == Lean(1)
    assert type(Under(1)._replace(first=2)) is Under


def test_typing_is_not_imported() -> None:
    code = "import sys, wasmbuild.lean.typing; print('typing' in sys.modules)"
    command = [sys.executable, "-S", "-c", code]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
