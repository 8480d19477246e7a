"""CPU levels and features, spelled out as the ISA flags of Cranelift.

Cranelift has presets of its own, but not for this use: its ``x86-64-v3`` lacks AVX, its ``x86-64-v4`` AVX and AVX-512F,
and an executable cannot be given a preset whose name has a dash. So levels are spelled out here, from the documents
that define them: the x86-64 psABI (v1 to v4), the Arm architecture (Armv8-A, A-profile extensions), the RISC-V profiles
RVA22U64 and RVA23U64, and the z/Architecture Principles of Operation (arch13 to arch15); each as far as Cranelift has a
flag for it (``wasmtime settings --target TRIPLE``, the same for 48 and 49).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmbuild.lean_typing import NamedTuple
from wasmbuild.text import quoted, suggestion

Value = bool | int | str


class _Architecture(NamedTuple):
    """What Cranelift knows of an architecture.

    ``features`` maps a feature to what every CPU that has it has too; ``flags`` maps a feature to its ISA flag where
    that is not the feature's name behind ``has_``; ``levels`` maps a level to its features, lowest first.
    """

    features: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, str] = {}


_V2 = ("cmpxchg16b", "popcnt", "sse42")
_V3 = (*_V2, "avx2", "bmi1", "bmi2", "fma", "lzcnt")
_V4 = (*_V3, "avx512dq", "avx512f", "avx512vl")

_X86_64 = _Architecture(
    features={
        "sse3": (),
        "ssse3": ("sse3",),
        "sse41": ("ssse3",),
        "sse42": ("sse41",),
        "cmpxchg16b": (),
        "popcnt": (),
        "lzcnt": (),
        "bmi1": (),
        "bmi2": (),
        "avx": ("sse42",),
        "avx2": ("avx",),
        "fma": ("avx",),
        "avx_vnni": ("avx2",),
        "avx512f": ("avx2", "fma"),
        "avx512dq": ("avx512f",),
        "avx512vl": ("avx512f",),
        "avx512bitalg": ("avx512f",),
        "avx512vbmi": ("avx512f",),
        "avx512vnni": ("avx512f",),
    },
    levels={"x86-64": (), "x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4},
)

# Left out: sign_return_address_with_bkey, with which the compiler panics outside of Apple's systems.
_NOT_HAS = ("sign_return_address", "sign_return_address_all", "use_bti", "use_csdb")

_AARCH64 = _Architecture(
    features={
        "lse": (),
        "pauth": (),
        "fp16": (),
        "dotprod": (),
        "i8mm": (),
        "sign_return_address": (),
        "sign_return_address_all": ("sign_return_address",),
        "use_bti": (),
        "use_csdb": (),
    },
    # FEAT_LSE is mandatory from Armv8.1 on, FEAT_DotProd from 8.4, FEAT_I8MM from 8.6; FEAT_FP16 comes with Armv9.0,
    # which is 8.5 besides. FEAT_PAuth is mandatory from 8.3 on, but a kernel may hide it, the loader refuses what
    # names a hidden feature, and by itself it changes no code: so no level has it.
    levels={
        "armv8-a": (),
        "armv8.1-a": ("lse",),
        "armv8.2-a": ("lse",),
        "armv8.3-a": ("lse",),
        "armv8.4-a": ("dotprod", "lse"),
        "armv8.5-a": ("dotprod", "lse"),
        "armv8.6-a": ("dotprod", "i8mm", "lse"),
        "armv9-a": ("dotprod", "fp16", "lse"),
    },
    flags={name: name for name in _NOT_HAS},
)

_ZVL = [32 << shift for shift in range(12)]
_GC = ("zca", "zcd")
_RVA22 = (*_GC, "zba", "zbb", "zbs", "zfhmin")
_RVA23 = (*_RVA22, "v", "zcb", "zfa", "zicond", "zvbb")

_RISCV64 = _Architecture(
    features={
        "v": (),
        "zfa": (),
        "zfhmin": (),
        "zfh": ("zfhmin",),
        "zvfh": ("v", "zfhmin"),
        "zvbb": (),
        "zca": (),
        "zcd": ("zca",),
        "zcb": ("zca",),
        "zba": (),
        "zbb": (),
        "zbc": (),
        "zbs": (),
        "zbkb": (),
        "zicond": (),
        **{f"zvl{bits}b": (f"zvl{bits // 2}b",) if bits > 32 else () for bits in _ZVL},
    },
    levels={"rv64gc": _GC, "rv64gcv": (*_GC, "v"), "rva22u64": _RVA22, "rva23u64": _RVA23},
)

_S390X = _Architecture(
    features={"mie3": (), "mie4": ("mie3",), "vxrs_ext2": (), "vxrs_ext3": ("vxrs_ext2",)},
    levels={
        "z14": (),
        "arch13": ("mie3", "vxrs_ext2"),
        "arch14": ("mie3", "vxrs_ext2"),
        "arch15": ("mie4", "vxrs_ext3"),
        "z15": ("mie3", "vxrs_ext2"),
        "z16": ("mie3", "vxrs_ext2"),
        "z17": ("mie4", "vxrs_ext3"),
    },
)

_ARCHITECTURES = {"x86_64": _X86_64, "aarch64": _AARCH64, "riscv64": _RISCV64, "s390x": _S390X}

# On riscv64 these make vectors of 128 bits available, without which Wasmtime's compiler panics on much real code.
_WITH_VECTORS = frozenset(("has_v", *(f"has_zvl{bits}b" for bits in _ZVL if bits >= 128)))
_NO_VECTORS = (
    "without the V extension Wasmtime's compiler panics on SIMD and on plain code such as memory.copy of 16 bytes, "
    "in two of three real modules"
)

Problem = tuple[str, str, str]
"""The key that is wrong, what is wrong with its value, what to write instead."""


def levels(architecture: str) -> dict[str, dict[str, Value]]:
    """Return the CPU levels of an architecture, lowest first, each with its ISA flags; none for Pulley."""
    known = _ARCHITECTURES.get(architecture)
    return {level: _spelled(known, features) for level, features in known.levels.items()} if known else {}


def features(architecture: str) -> dict[str, dict[str, Value]]:
    """Return the CPU features of an architecture, each with its ISA flags; none for Pulley."""
    known = _ARCHITECTURES.get(architecture)
    return {feature: _spelled(known, (feature,)) for feature in known.features} if known else {}


def isa_flags(architecture: str, cpu: str | None, features: Iterable[str]) -> dict[str, Value]:
    """Return the ISA flags of a CPU level together with features, sorted by name.

    ``architecture`` is that of a TargetTriple; without ``cpu`` the level is the architecture's baseline. A feature
    brings those that every CPU with it has too (AVX2 brings AVX). Flags that are on anyhow are not listed. Raises
    ValueError, the first of ``problems``.
    """
    features = list(features)
    for _key, problem, fix in problems(architecture, cpu, features):
        raise ValueError(f"{problem}; {fix}")
    known = _ARCHITECTURES.get(architecture)
    if known is None:
        return {}
    return _spelled(known, (*known.levels[cpu or next(iter(known.levels))], *features))


def problems(architecture: str, cpu: str | None, features: Iterable[str]) -> list[Problem]:
    """Return all that is wrong with the CPU of a target, under the keys ``cpu`` and ``cpu-features``."""
    found: list[Problem] = []
    known = _ARCHITECTURES.get(architecture)
    features = list(features)
    if known is None:
        if cpu is not None:
            found.append(
                ("cpu", f"is {quoted(cpu)}, but {architecture} is interpreted and has no CPU levels", "remove it")
            )
        if features:
            found.append(
                ("cpu-features", f"is given, but {architecture} is interpreted and has no CPU features", "remove it")
            )
        return found
    if cpu is not None and cpu not in known.levels:
        found.append(("cpu", *_unknown_level(architecture, known, cpu)))
    found.extend(
        ("cpu-features", *_unknown_feature(architecture, known, feature))
        for feature in features
        if feature not in known.features
    )
    if architecture == "riscv64" and cpu is None and not found and not _WITH_VECTORS & _spelled(known, features).keys():
        found.append(
            (
                "cpu-features",
                f'does not have "v": {_NO_VECTORS}',
                'write cpu-features = ["v"] or cpu = "rv64gcv"; for CPUs without V use triple = "pulley64", or '
                'cpu = "rv64gc" if your modules need none',
            )
        )
    return found


def flag_problems(architecture: str, flags: Mapping[str, object]) -> list[Problem]:
    """Return all that is wrong with ISA flags as ``isa_flags`` spells them, each under the flag's name."""
    known = _ARCHITECTURES.get(architecture)
    names = {_flag(known, feature) for feature in known.features} if known else set()
    found: list[Problem] = []
    for name, value in flags.items():
        if name not in names:
            meant = suggestion(name, names)
            fix = (
                f"did you mean {quoted(meant)}?"
                if meant
                else f"{architecture} has {', '.join(sorted(names)) or 'none'}"
            )
            found.append((name, f"is no ISA flag of {architecture}", fix))
        elif value is not True:
            found.append((name, "is not true", "leave out what is off"))
    return found


def caveat(architecture: str, flags: Mapping[str, object]) -> str | None:
    """Return why compiling for these ISA flags may panic, for the end of an error of the compiler, or None."""
    if architecture == "riscv64" and not _WITH_VECTORS & flags.keys():
        return f'{_NO_VECTORS}; if the CPUs have V, write cpu-features = ["v"], else use triple = "pulley64"'
    return None


def _flag(known: _Architecture, feature: str) -> str:
    return known.flags.get(feature, f"has_{feature}")


def _spelled(known: _Architecture, features: Iterable[str]) -> dict[str, Value]:
    flags = set()
    waiting = list(features)
    while waiting:
        feature = waiting.pop()
        flags.add(_flag(known, feature))
        waiting.extend(known.features[feature])
    return dict.fromkeys(sorted(flags), True)


def _unknown_level(architecture: str, known: _Architecture, cpu: str) -> tuple[str, str]:
    fits = f"levels of {architecture} are {', '.join(known.levels)}"
    if cpu in ("native", "host"):
        return f"is {quoted(cpu)}, but artifacts never depend on the CPU that builds them", f"name a level; {fits}"
    for other, others in _ARCHITECTURES.items():
        if cpu in others.levels:
            return f"{quoted(cpu)} is a level of {other}, and this target is {architecture}", fits
    meant = suggestion(cpu, known.levels)
    return f"unknown CPU level {quoted(cpu)}", f"did you mean {quoted(meant)}? {fits}" if meant else fits


def _unknown_feature(architecture: str, known: _Architecture, feature: str) -> tuple[str, str]:
    fits = f"features of {architecture} are {', '.join(known.features)}"
    for other, others in _ARCHITECTURES.items():
        if feature in others.features:
            return f"{quoted(feature)} is a feature of {other}, and this target is {architecture}", fits
    if feature in known.levels:
        return f"{quoted(feature)} is a CPU level", f"write cpu = {quoted(feature)}"
    meant = suggestion(feature.removeprefix("has_").replace(".", ""), known.features)
    return f"unknown CPU feature {quoted(feature)}", f"did you mean {quoted(meant)}?" if meant else fits
