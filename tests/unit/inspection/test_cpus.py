from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.engine import cpu, triples
from wasmbuild.formats.cwasm import read
from wasmbuild.inspection import cpus

ARCHITECTURES = [
    ("x86_64", "x86_64-unknown-linux-gnu"),
    ("aarch64", "aarch64-unknown-linux-gnu"),
    ("riscv64", "riscv64gc-unknown-linux-gnu"),
    ("s390x", "s390x-unknown-linux-gnu"),
]


@pytest.mark.parametrize(("architecture", "triple"), ARCHITECTURES)
def test_level_and_features_have_just_the_flags_of_the_artifact(make: Any, architecture: str, triple: str) -> None:
    for level, flags in cpu.levels(architecture).items():
        for feature, more in cpu.features(architecture).items():
            isa = {**flags, **more, "has_nothing": False}
            told = cpus.of(read(make(triple, architecture=architecture, isa=isa)))
            assert told.flags == {**flags, **more}
            assert told.level is not None, (level, feature)
            assert cpu.isa_flags(architecture, told.level, told.features) == dict(sorted(told.flags.items()))


def test_the_level_is_the_highest(make: Any) -> None:
    for level in ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"):
        isa = cpu.levels("x86_64")[level]
        told = cpus.of(read(make("x86_64-pc-windows-msvc", architecture="x86_64", isa=isa)))
        assert (told.level, told.features) == (level, ())


def test_what_riscv64_always_has_is_no_feature(make: Any) -> None:
    isa = dict.fromkeys(("has_m", "has_a", "has_f", "has_d", "has_zicsr", "has_zifencei", "has_v"), True)
    told = cpus.of(read(make("riscv64gc-unknown-linux-gnu", architecture="riscv64", isa=isa)))
    assert (told.level, told.features) == (None, ("v",))


@pytest.mark.parametrize("architecture", ["pulley32", "pulley64", "pulley32be", "pulley64be"])
def test_pulley_has_neither_level_nor_feature(make: Any, architecture: str) -> None:
    isa: dict[str, Any] = {"pointer_width": f"pointer{architecture[6:8]}"}
    if triples.parse(architecture).is_big_endian:
        isa["big_endian"] = True
    told = cpus.of(read(make(architecture, architecture=architecture, isa=isa)))
    assert (told.level, told.features) == (None, ())


def test_flags_of_an_unknown_target_are_as_they_are(make: Any) -> None:
    told = cpus.of(read(make("quantum-unknown-none", isa={"has_\x1b[31m": True, "off": False})))
    assert told == (None, ("has_\x1b[31m",), {"has_\x1b[31m": True})
