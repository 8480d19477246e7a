"""Wasmtime's refusals become errors of their own class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.diagnosis import loading
from wasmbuild.engine import lines
from wasmbuild.runtime import messages
from wasmbuild.runtime.errors import (
    DamagedError,
    LoadError,
    MissingCpuFeatureError,
    OtherArchitectureError,
    OtherLineError,
    OtherSettingError,
    OtherSystemError,
    RefusedError,
)


@pytest.mark.parametrize(
    ("said", "kind", "problem"),
    [
        ("Module was compiled with incompatible version '47'", OtherLineError, "x is for Wasmtime 47, and the library"),
        ("Module was compiled for architecture 's390x'", OtherArchitectureError, "x is for s390x, and this machine is"),
        ("Module was compiled for operating system 'windows'", OtherSystemError, "x is for windows, and this machine"),
        (
            "compilation settings of module incompatible with native host\n\nCaused by:\n    "
            'compilation setting "has_avx512f" is enabled, but not available on the host',
            MissingCpuFeatureError,
            "x needs a CPU with avx512f, which this one lacks",
        ),
        ("failed to parse precompiled artifact as an ELF", DamagedError, "x is damaged: Wasmtime says failed to parse"),
        ("the moon is full", RefusedError, "x is refused by Wasmtime: the moon is full"),
    ],
)
def test_reasons_have_classes(said: str, kind: type[LoadError], problem: str) -> None:
    error = messages.refusal("x", said, declared=False)
    assert type(error) is kind
    assert error.problem.startswith(problem)
    assert str(error) == (f"{error.problem}; {error.hint}" if error.hint else error.problem)


@pytest.mark.parametrize(
    ("said", "setting", "difference"),
    [
        (
            "module was compiled for the copying collector but the host is configured to use the deferred "
            "reference-counting collector",
            "collector",
            "was compiled for the copying collector, and the engine has the deferred reference-counting one",
        ),
        (
            "Module was compiled with a memory guard size of '65536' but '33554432' is expected for the host",
            "memory-guard-size",
            "was compiled with a memory guard size of 65536, and the engine has 33554432",
        ),
        (
            'setting "stack_switch_model" is configured to Enum("none") which is not supported',
            "wasm-stack-switching",
            "was compiled without stack switching, and the engine has it",
        ),
        (
            "Module was compiled without Signals-based traps but it is enabled for the host",
            "signals-based-traps",
            "was compiled without Signals-based traps, and the engine has it",
        ),
        (
            "Module was compiled with support for WebAssembly feature `threads` but it is not enabled for the host",
            "wasm-threads",
            "was compiled with the WebAssembly feature threads, and the engine lacks it",
        ),
        (
            "module was compiled with GC however GC is disabled in the host",
            "gc-support",
            "was compiled with GC, and the engine has none",
        ),
        (
            "module was compiled with inter-module inlining however the host is configured without intra-module "
            "inlining",
            "compiler-inlining",
            "was compiled with inter-module inlining, and the engine is configured without intra-module inlining",
        ),
    ],
)
def test_settings_are_named_as_in_wasmbuild_toml(said: str, setting: str, difference: str) -> None:
    error = messages.refusal("x", said, declared=False)
    assert isinstance(error, OtherSettingError)
    assert error.setting == setting
    assert error.problem == f"x {difference}"
    assert error.hint == (
        f"set {setting} alike in the application's wasmtime.Config and under [engine] in wasmbuild.toml, or take the "
        "engine from wasmbuild.runtime.engine()"
    )


def test_an_engine_of_the_manifest_is_not_to_blame() -> None:
    error = messages.refusal(
        "x", "Module was compiled with fuel support but it is not enabled for the host", declared=True
    )
    assert error.hint == ("it is not what its manifest declares: build again, or copy it again from where it was built")


def test_the_path_in_the_words_is_not_read_as_a_reason() -> None:
    said = "failed deserialization for: /compiled for architecture 'x'/a.cwasm\n\nCaused by:\n    the moon is full"
    assert str(messages.refusal("x", said, declared=False)) == "x is refused by Wasmtime: the moon is full"


def test_every_name_is_that_of_a_setting() -> None:
    named = {row.setting for row in loading.TABLE if row.setting}
    assert named <= set(lines.every_setting())


_PIECES = st.sampled_from(
    [
        "Module was compiled ",
        "with ",
        "without ",
        "fuel support",
        " but it is not enabled for the host",
        "version '",
        "'",
    ]
)


@given(st.one_of(st.text(), st.lists(_PIECES).map("".join)))
def test_whatever_is_said_becomes_one_line_that_is_safe_to_show(said: str) -> None:
    error = messages.refusal("x", said, declared=False)
    assert isinstance(error, LoadError)
    assert str(error).isprintable()
