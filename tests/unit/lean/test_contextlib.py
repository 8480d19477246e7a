"""Contexts without ``contextlib`` are those of ``contextlib``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.lean import contextlib as lean


class _Error(Exception):
    pass


def _passes() -> Iterator[int]:
    yield 1


def _cleans() -> Iterator[int]:
    try:
        yield 1
    finally:
        pass


def _ends() -> Iterator[int]:
    with contextlib.suppress(Exception):
        yield 1


def _raises_another() -> Iterator[int]:
    try:
        yield 1
    except Exception as error:
        raise KeyError("other") from error


def _raises_after() -> Iterator[int]:
    yield 1
    raise KeyError("after")


def _goes_on() -> Iterator[int]:
    for number in range(3):
        with contextlib.suppress(_Error, StopIteration):
            yield number


def _outcome(made: Callable[[], contextlib.AbstractContextManager[int]], error: BaseException | None) -> Any:
    try:
        with made() as value:
            if error is not None:
                raise error
    except BaseException as raised:
        same = raised is error
        return type(raised), None if same else str(raised), same
    return value


@pytest.mark.parametrize("function", [_passes, _cleans, _ends, _raises_another, _raises_after, _goes_on])
@pytest.mark.parametrize("error", [None, _Error, StopIteration, RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_a_generator_is_the_same_context(
    function: Callable[[], Iterator[int]], error: type[BaseException] | None
) -> None:
    ours, real = (
        _outcome(made(function), error and error()) for made in (lean.contextmanager, contextlib.contextmanager)
    )
    assert ours == real


def test_a_context_is_called_as_its_function_is() -> None:
    made = lean.contextmanager(_passes)
    assert (made.__name__, made.__module__) == ("_passes", __name__)


def test_the_traceback_of_what_passes_is_that_of_where_it_was_raised() -> None:
    with pytest.raises(_Error) as caught, lean.contextmanager(_cleans)():
        raise _Error
    assert caught.traceback[-1].path == Path(__file__)


def test_only_what_is_named_is_suppressed() -> None:
    with lean.suppress(KeyError, OSError):
        raise FileNotFoundError
    with lean.suppress(KeyError):
        pass
    with pytest.raises(_Error), lean.suppress(KeyError):
        raise _Error
