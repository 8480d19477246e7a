"""Errors carry their halves, and have one base."""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmbuild import runtime
from wasmbuild.errors import FAILED, WasmbuildError
from wasmbuild.runtime.errors import (
    LoadError,
    MissingCpuFeatureError,
    NoFittingArtifactError,
    OtherArchitectureError,
    PassedOver,
)


def test_every_error_of_loading_that_is_offered_has_the_one_base() -> None:
    offered = [getattr(runtime, name) for name in runtime.__all__ if name.endswith("Error") and name != "UsageError"]
    assert len(offered) > 20
    for kind in offered:
        assert issubclass(kind, LoadError)
    assert issubclass(LoadError, WasmbuildError)
    assert LoadError.exit_code == FAILED


def test_every_error_that_is_offered_is_in_the_docs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "loading.md").read_text(encoding="utf-8")
    offered = [name for name in runtime.__all__ if name.endswith("Error")]
    assert [name for name in offered if f"`{name}`" not in text] == []


def test_all_reasons_are_told_one_a_line() -> None:
    reasons = (
        PassedOver("pi", "aarch64-apple-darwin", OtherArchitectureError("target pi is for aarch64", "no")),
        PassedOver("v4", "x86_64-unknown-linux-gnu", MissingCpuFeatureError("/v4/a.cwasm needs avx512f", "no", "x")),
    )
    error = NoFittingArtifactError("a: nothing fits", "declare a target", reasons)
    assert str(error) == ("a: nothing fits:\n  pi is for aarch64\n  v4: /v4/a.cwasm needs avx512f\ndeclare a target")
    assert error.passed_over == reasons
    assert [reason.for_this_machine for reason in reasons] == [False, True]


def test_another_hint_changes_nothing_else() -> None:
    feature = MissingCpuFeatureError("a needs avx", "build for less", "avx").with_hint("buy")
    assert isinstance(feature, MissingCpuFeatureError)
    assert (str(feature), feature.problem, feature.hint, feature.feature) == (
        "a needs avx; buy",
        "a needs avx",
        "buy",
        "avx",
    )
    reasons = (PassedOver("v4", "x86_64-unknown-linux-gnu", feature),)
    error = NoFittingArtifactError("a: nothing fits", "declare a target", reasons).with_hint("compile it")
    assert isinstance(error, NoFittingArtifactError)
    assert str(error) == "a: nothing fits:\n  v4: a needs avx\ncompile it"
    assert (error.hint, error.passed_over) == ("compile it", reasons)


def test_what_does_not_exist_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"'wasmbuild\.runtime' has no attribute 'lod'"):
        runtime.lod  # noqa: B018
    assert set(runtime.__all__) <= set(dir(runtime))
    assert all(hasattr(runtime, name) for name in runtime.__all__)
