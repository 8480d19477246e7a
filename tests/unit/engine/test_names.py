"""What is said of names that Wasmtime has, and ``[engine]`` has not: nothing that would change artifacts otherwise."""

from __future__ import annotations

import re

import pytest

from wasmbuild.engine import lines, rules


def said(name: str, line: int = 48) -> str:
    [(key, problem, fix)] = rules.problems({name: True}, line=line, triple=None)
    assert key == name
    return f"{problem}; {fix}"


@pytest.mark.parametrize("line", lines.known())
@pytest.mark.parametrize(
    "name",
    ["wasm-component-model-async", "wasm-extended-const", "wasm_shared_everything_threads", "async-stack-size",
     "async-stack-zeroing", "cache-config"],
)  # fmt: skip
def test_an_option_of_wasmtime_that_is_no_setting_is_not_taken_for_one(name: str, line: int) -> None:
    assert said(name, line) == "is not a setting of the engine here; remove it"


@pytest.mark.parametrize("name", ["wasm-backtrace", "wasm-branch-hint", "cranelift-pcc"])
def test_a_prefix_alone_makes_no_name_alike(name: str) -> None:
    assert said(name) == "unknown setting; remove it; wasmbuild schema wasmbuild.toml lists all settings"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("wasm-thread", "wasm-threads"),
        ("wasm-gcc", "wasm-gc"),
        ("wasm-function-refs", "wasm-function-references"),
        ("wasm-gc-suport", "gc-support"),
        ("cranelift-opt-levels", "cranelift-opt-level"),
        ("cranelift-flag", "cranelift-flags"),
        ("max-wasm-stak", "max-wasm-stack"),
    ],
)
def test_a_name_that_is_misspelt_is_told_right(name: str, meant: str) -> None:
    assert said(name) == f"unknown setting; did you mean {meant}?"


@pytest.mark.parametrize(
    ("name", "meant", "value"),
    [
        ("static-memory-maximum-size", "memory-reservation", 1 << 20),
        ("static_memory_guard_size", "memory-guard-size", 1 << 20),
        ("dynamic-memory-guard-size", "memory-guard-size", 1 << 20),
        ("dynamic-memory-reserved-for-growth", "memory-reservation-for-growth", 1 << 20),
        ("static-memory-forced", "memory-may-move", False),
    ],
)
@pytest.mark.parametrize("line", lines.known())
def test_the_name_that_an_older_one_became_is_told(name: str, meant: str, value: int, line: int) -> None:
    assert said(name, line).startswith(f"is an older name of Wasmtime; write {meant}")
    assert not rules.problems({meant: value}, line=line, triple=None)


def test_a_setting_that_wasmtime_no_longer_needs_is_left_out() -> None:
    assert said("async-support") == "is an older name of Wasmtime; remove it, since it changes no artifact"


@pytest.mark.parametrize("name", ["cranelift-regalloc-algorithm", "regalloc_algorithm", "cranelift_is_pic"])
def test_a_flag_of_cranelift_belongs_into_its_table(name: str) -> None:
    [flag] = re.findall(r"^is a flag of Cranelift; write cranelift-flags = \{ (\w+) = … \}$", said(name))
    flags = {flag: lines.get(48).flags[flag].default}
    assert not rules.problems({"cranelift-flags": flags}, line=48, triple=None)
