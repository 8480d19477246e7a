"""CPU levels and features of a line, spelled out as the ISA flags of Cranelift.

A line's file says what they are and by which documents. Where no line is named, it is the newest that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wasmbuild.engine import lines
from wasmbuild.engine.line import CpuTable, Problem, Value
from wasmbuild.text import quoted, suggestion


def levels(architecture: str, line: int | None = None) -> dict[str, dict[str, Value]]:
    """Return the CPU levels of an architecture, lowest first, each with its ISA flags; none for Pulley."""
    known = _cpus(line).get(architecture)
    return {level: known.isa_flags((level,)) for level in known.levels} if known else {}


def features(architecture: str, line: int | None = None) -> dict[str, dict[str, Value]]:
    """Return the CPU features of an architecture, each with its ISA flags; none for Pulley."""
    known = _cpus(line).get(architecture)
    return {feature: known.isa_flags((feature,)) for feature in known.features} if known else {}


def every_level(architecture: str) -> list[str]:
    """Return the CPU levels of an architecture that any line has."""
    return list(dict.fromkeys(level for line in lines.known() for level in levels(architecture, line)))


def every_feature(architecture: str) -> list[str]:
    """Return the CPU features of an architecture that any line has."""
    return list(dict.fromkeys(feature for line in lines.known() for feature in features(architecture, line)))


def isa_flags(architecture: str, cpu: str | None, features: Iterable[str], line: int | None = None) -> dict[str, Value]:
    """Return the ISA flags of a CPU level together with features, sorted by name.

    ``architecture`` is that of a TargetTriple; without ``cpu`` the level is the architecture's baseline. A feature
    brings those that every CPU with it has too (AVX2 brings AVX). Flags that are on anyhow are not listed. Raises
    ValueError, the first of ``problems``.
    """
    features = list(features)
    for _key, problem, fix in problems(architecture, cpu, features, line):
        raise ValueError(f"{problem}; {fix}")
    known = _cpus(line).get(architecture)
    return known.isa_flags((cpu or next(iter(known.levels)), *features)) if known else {}


def problems(architecture: str, cpu: str | None, features: Iterable[str], line: int | None = None) -> list[Problem]:
    """Return all that is wrong with the CPU of a target, under the keys ``cpu`` and ``cpu-features``."""
    found: list[Problem] = []
    cpus = _cpus(line)
    known = cpus.get(architecture)
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
        found.append(("cpu", *_unknown_level(architecture, cpus, cpu)))
    found.extend(
        ("cpu-features", *_unknown_feature(architecture, cpus, feature))
        for feature in features
        if feature not in known.features
    )
    needed = known.needed
    if needed is not None and cpu is None and not found and _lacks(known, known.isa_flags(features)):
        found.append(("cpu", f"{needed.missing}: {needed.why}", needed.fix))
    return found


def flag_problems(architecture: str, flags: Mapping[str, object], line: int | None = None) -> list[Problem]:
    """Return all that is wrong with ISA flags as ``isa_flags`` spells them, each under the flag's name."""
    known = _cpus(line).get(architecture)
    names = {known.flag(feature) for feature in known.features} if known else set()
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


def always_on(architecture: str, line: int | None = None) -> dict[str, Value]:
    """Return the ISA flags that artifacts of an architecture have on whatever was asked for; none for Pulley."""
    known = _cpus(line).get(architecture)
    return dict.fromkeys(known.always_on, True) if known else {}


def caveat(architecture: str, flags: Mapping[str, object], line: int | None = None) -> str | None:
    """Return why compiling for these ISA flags may panic, for the end of an error of the compiler, or None."""
    known = _cpus(line).get(architecture)
    if known is None or known.needed is None or not _lacks(known, flags):
        return None
    return f"{known.needed.why}; {known.needed.advice}"


def _cpus(line: int | None) -> Mapping[str, CpuTable]:
    return (lines.newest() if line is None else lines.get(line)).cpus


def _lacks(known: CpuTable, flags: Mapping[str, object]) -> bool:
    """Tell whether ISA flags have none of the features of which one is needed."""
    return known.needed is not None and not any(known.flag(feature) in flags for feature in known.needed.any_of)


def _unknown_level(architecture: str, cpus: Mapping[str, CpuTable], cpu: str) -> tuple[str, str]:
    known = cpus[architecture]
    fits = f"levels of {architecture} are {', '.join(known.levels)}"
    if cpu in ("native", "host"):
        return f"is {quoted(cpu)}, but artifacts never depend on the CPU that builds them", f"name a level; {fits}"
    for other, others in cpus.items():
        if cpu in others.levels:
            return f"{quoted(cpu)} is a level of {other}, and this target is {architecture}", fits
    meant = suggestion(cpu, known.levels)
    return f"unknown CPU level {quoted(cpu)}", f"did you mean {quoted(meant)}? {fits}" if meant else fits


def _unknown_feature(architecture: str, cpus: Mapping[str, CpuTable], feature: str) -> tuple[str, str]:
    known = cpus[architecture]
    fits = f"features of {architecture} are {', '.join(known.features)}"
    for other, others in cpus.items():
        if feature in others.features:
            return f"{quoted(feature)} is a feature of {other}, and this target is {architecture}", fits
    if feature in known.levels:
        return f"{quoted(feature)} is a CPU level", f"write cpu = {quoted(feature)}"
    meant = suggestion(feature.removeprefix("has_").replace(".", ""), known.features)
    return f"unknown CPU feature {quoted(feature)}", f"did you mean {quoted(meant)}?" if meant else fits
