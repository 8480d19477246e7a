"""Tests of many cases, and properties of many examples, of which a fast run takes some and ``.ci/run`` all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings


def thorough(names: str | Sequence[str], values: Sequence[Any], *, always: int, **more: Any) -> pytest.MarkDecorator:
    """Parametrize a test like ``pytest.mark.parametrize``, with all cases but the first ``always`` marked slow."""
    single = isinstance(names, str) and "," not in names
    cases = []
    for number, value in enumerate(values):
        case = value if hasattr(value, "marks") else pytest.param(*([value] if single else value))
        cases.append(case if number < always else case._replace(marks=(*case.marks, pytest.mark.slow)))
    return pytest.mark.parametrize(names, cases, **more)


def examples(times: float) -> settings:
    """Have a property tried with so many times the examples of the profile that is chosen."""
    return settings(max_examples=round(times * settings().max_examples))
