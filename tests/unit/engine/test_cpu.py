from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmbuild.engine import cpu

ARCHITECTURES = ("x86_64", "aarch64", "riscv64", "s390x")


def test_levels_of_x86_64_are_those_of_its_abi() -> None:
    levels = cpu.levels("x86_64")
    v2 = {"has_sse3", "has_ssse3", "has_cmpxchg16b", "has_sse41", "has_sse42", "has_popcnt"}
    v3 = v2 | {"has_avx", "has_avx2", "has_fma", "has_bmi1", "has_bmi2", "has_lzcnt"}
    assert levels["x86-64"] == {}
    assert set(levels["x86-64-v2"]) == v2
    assert set(levels["x86-64-v3"]) == v3
    assert set(levels["x86-64-v4"]) == v3 | {"has_avx512f", "has_avx512dq", "has_avx512vl"}


def test_levels_of_other_architectures() -> None:
    assert cpu.levels("aarch64")["armv8-a"] == {}
    assert cpu.levels("aarch64")["armv8.1-a"] == {"has_lse": True}
    assert cpu.levels("aarch64")["armv8.6-a"] == {"has_dotprod": True, "has_i8mm": True, "has_lse": True}
    assert cpu.levels("riscv64")["rv64gcv"] == {"has_v": True, "has_zca": True, "has_zcd": True}
    assert cpu.levels("s390x")["z17"] == {
        "has_mie3": True, "has_mie4": True, "has_vxrs_ext2": True, "has_vxrs_ext3": True,
    }  # fmt: skip
    assert cpu.levels("pulley64") == {}


@pytest.mark.parametrize("architecture", ["x86_64", "s390x"])
def test_a_level_has_what_the_one_below_has(architecture: str) -> None:
    for (_lower, less), (_higher, more) in itertools.pairwise(list(cpu.levels(architecture).items())[:4]):
        assert less.keys() <= more.keys()


def test_a_level_is_the_features_that_it_stands_for() -> None:
    spelled = ["avx2", "bmi1", "bmi2", "cmpxchg16b", "fma", "lzcnt", "popcnt"]
    assert cpu.isa_flags("x86_64", None, spelled) == cpu.isa_flags("x86_64", "x86-64-v3", [])
    assert cpu.isa_flags("x86_64", "x86-64", ["sse42", "popcnt", "cmpxchg16b"]) == cpu.levels("x86_64")["x86-64-v2"]
    assert cpu.isa_flags("aarch64", "armv8-a", ["lse"]) == cpu.isa_flags("aarch64", None, ["lse", "lse"])


def test_flags_are_sorted_whatever_the_order_of_features() -> None:
    one = cpu.isa_flags("x86_64", None, ["popcnt", "avx", "bmi1"])
    other = cpu.isa_flags("x86_64", None, ["bmi1", "popcnt", "avx"])
    assert list(one) == list(other) == sorted(one)


def test_a_feature_brings_what_every_cpu_with_it_has() -> None:
    assert cpu.isa_flags("aarch64", None, ["sign_return_address_all", "use_bti"]) == {
        "sign_return_address": True,
        "sign_return_address_all": True,
        "use_bti": True,
    }
    assert "has_sse3" in cpu.isa_flags("x86_64", None, ["avx512vnni"])


def test_the_baseline() -> None:
    assert cpu.isa_flags("x86_64", None, []) == {}
    assert cpu.isa_flags("pulley64", None, []) == {}
    assert cpu.isa_flags("riscv64", None, ["v"]) == cpu.isa_flags("riscv64", "rv64gcv", [])
    assert cpu.isa_flags("riscv64", "rv64gc", []) == {"has_zca": True, "has_zcd": True}


NO_V = (
    'does not have "v": without the V extension Wasmtime\'s compiler panics on SIMD and on plain code such as '
    'memory.copy of 16 bytes, in two of three real modules; write cpu = "rv64gcv"; for CPUs '
    'without V use triple = "pulley64", or cpu = "rv64gc" if your modules need none'
)


@pytest.mark.parametrize(
    ("architecture", "level", "features", "problem"),
    [
        ("riscv64", None, [], NO_V),
        ("riscv64", None, ["zba"], NO_V),
        ("riscv64", None, ["zvl64b"], NO_V),
        (
            "aarch64",
            "x86-64-v3",
            [],
            '"x86-64-v3" is a level of x86_64, and this target is aarch64; levels of aarch64 are armv8-a, armv8.1-a, '
            "armv8.2-a, armv8.3-a, armv8.4-a, armv8.5-a, armv8.6-a, armv9-a",
        ),
        (
            "x86_64",
            "x86-64v3",
            [],
            'unknown CPU level "x86-64v3"; did you mean "x86-64-v3"? levels of x86_64 are x86-64, x86-64-v2, '
            "x86-64-v3, x86-64-v4",
        ),
        (
            "s390x",
            "native",
            [],
            'is "native", but artifacts never depend on the CPU that builds them; name a level; levels of s390x are '
            "z14, arch13, arch14, arch15, z15, z16, z17",
        ),
        (
            "s390x",
            "q",
            [],
            'unknown CPU level "q"; levels of s390x are z14, arch13, arch14, arch15, z15, z16, z17',
        ),
        ("x86_64", None, ["sse4.1"], 'unknown CPU feature "sse4.1"; did you mean "sse41"?'),
        ("x86_64", None, ["has_avx2"], 'unknown CPU feature "has_avx2"; did you mean "avx2"?'),
        ("x86_64", None, ["x86-64-v2"], '"x86-64-v2" is a CPU level; write cpu = "x86-64-v2"'),
        (
            "s390x",
            None,
            ["lse"],
            '"lse" is a feature of aarch64, and this target is s390x; features of s390x are mie3, mie4, vxrs_ext2, '
            "vxrs_ext3",
        ),
        (
            "s390x",
            None,
            ["q"],
            'unknown CPU feature "q"; features of s390x are mie3, mie4, vxrs_ext2, vxrs_ext3',
        ),
        ("pulley64", "z17", [], 'is "z17", but pulley64 is interpreted and has no CPU levels; remove it'),
        ("pulley64", None, ["v"], "is given, but pulley64 is interpreted and has no CPU features; remove it"),
    ],
)
def test_problems(architecture: str, level: str | None, features: list[str], problem: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 -- the whole message is compared below
        cpu.isa_flags(architecture, level, features)
    assert str(raised.value) == problem


def test_all_problems_are_told() -> None:
    assert [key for key, _problem, _fix in cpu.problems("x86_64", "z17", ["v", "lse"])] == [
        "cpu",
        "cpu-features",
        "cpu-features",
    ]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_flags_of_levels_and_features_are_sound(architecture: str) -> None:
    for flags in [*cpu.levels(architecture).values(), *cpu.features(architecture).values()]:
        assert cpu.flag_problems(architecture, flags) == []


def test_flags_from_elsewhere_are_judged() -> None:
    assert cpu.flag_problems("x86_64", {"has_lse": True}) != []
    assert cpu.flag_problems("x86_64", {"has_axv": True}) == [
        ("has_axv", "is no ISA flag of x86_64", 'did you mean "has_avx"?')
    ]
    assert cpu.flag_problems("pulley64", {"has_avx": True}) == [
        ("has_avx", "is no ISA flag of pulley64", "pulley64 has none")
    ]
    for value in (False, 1, "true", None):
        assert cpu.flag_problems("x86_64", {"has_avx": value}) == [("has_avx", "is not true", "leave out what is off")]


def test_the_caveat_of_riscv64() -> None:
    assert cpu.caveat("riscv64", {"has_zca": True}) == (
        "without the V extension Wasmtime's compiler panics on SIMD and on plain code such as memory.copy of 16 bytes, "
        'in two of three real modules; if the CPUs have V, write cpu-features = ["v"], else use triple = "pulley64", '
        "which lacks threads: with these, leave the module out of this target (targets = [...] of the module)"
    )
    assert cpu.caveat("riscv64", {"has_v": True}) is None
    assert cpu.caveat("riscv64", {"has_zvl128b": True}) is None
    assert cpu.caveat("x86_64", {}) is None


@settings(deadline=None)
@given(st.sampled_from(ARCHITECTURES), st.none() | st.text(), st.lists(st.text()))
def test_anything_is_flags_or_a_problem(architecture: str, level: str | None, features: list[str]) -> None:
    problems = cpu.problems(architecture, level, features)
    assert all(text.isprintable() for problem in problems for text in problem)
    if not problems:
        assert cpu.flag_problems(architecture, cpu.isa_flags(architecture, level, features)) == []
