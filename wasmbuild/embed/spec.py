"""What a generated file is for: the engine, its line, and what proves on each platform that an engine agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wasmbuild.engine import lines, rules
from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.engine.line import UNSEEN
from wasmbuild.engine.triples import TargetTriple
from wasmbuild.errors import UsageError

Value = bool | int | str

# A run of zeros that is shorter than this costs less than another part.
_GAP = 16


class Machine(NamedTuple):
    """A target that a file is generated for. ``engine`` is canonical, ``isa_flags`` are all flags of its CPU."""

    name: str
    triple: TargetTriple
    engine: Mapping[str, Any]
    isa_flags: Mapping[str, Value]


class Platform(NamedTuple):
    """An architecture and operating system that an application can be built for, and the targets that run there.

    ``isa_flags`` are those that all of the targets have: what every machine of the platform can be expected to have.
    """

    triple: TargetTriple
    targets: tuple[str, ...]
    isa_flags: Mapping[str, Value]


class Part(NamedTuple):
    """Bytes of a file from ``offset`` on; what no part covers is zero."""

    offset: int
    data: bytes


class Probe(NamedTuple):
    """The artifact of an empty module for a platform: an engine that loads it loads all others with its settings."""

    platform: Platform
    artifact: bytes

    def parts(self) -> list[Part]:
        """Return the artifact without its long runs of zeros, which are most of it."""
        parts = []
        at = 0
        gap = bytes(_GAP)
        while at < len(self.artifact):
            end = self.artifact.find(gap, at)
            end = len(self.artifact) if end < 0 else end
            if end > at:
                parts.append(Part(at, self.artifact[at:end]))
            at = end
            while at < len(self.artifact) and not self.artifact[at]:
                at += 1
        return parts


class Spec(NamedTuple):
    """What a file is generated from.

    ``origin`` is the declaration or manifest as the user named it, ``command`` what generates the file again. All
    targets are native ones or all are one kind of Pulley; ``engine`` is theirs, in canonical form.
    """

    origin: str
    command: str
    line: int
    engine: Mapping[str, Any]
    probes: tuple[Probe, ...]

    @property
    def pulley(self) -> str:
        """The target that the engine has to be told, for Pulley; empty for native targets."""
        triple = self.probes[0].platform.triple
        return triple.architecture if triple.is_pulley else ""

    @property
    def targets(self) -> str:
        """The names of the targets, for people."""
        return ", ".join(name for probe in self.probes for name in probe.platform.targets)


def platforms(machines: list[Machine]) -> tuple[Platform, ...]:
    """Return the platforms of targets, in the order of their first targets."""
    grouped: dict[tuple[str, str, bool], list[Machine]] = {}
    for machine in machines:
        triple = machine.triple
        # Wasmtime's loader does not tell gnu from musl, but Android is a system of its own to what builds programs.
        key = (triple.architecture, triple.os, triple.environment == "android")
        grouped.setdefault(key, []).append(machine)
    return tuple(
        Platform(
            group[0].triple,
            tuple(machine.name for machine in group),
            {
                flag: value
                for flag, value in group[0].isa_flags.items()
                if all(machine.isa_flags.get(flag) == value for machine in group)
            },
        )
        for group in grouped.values()
    )


def together(machines: list[Machine], origin: str, line: int) -> tuple[list[Machine], list[str]]:
    """Return the targets that one engine serves, and the names of the Pulley targets that need one of their own.

    Raises UsageError when native targets have different engine settings.
    """
    native = [machine for machine in machines if not machine.triple.is_pulley]
    if not native:
        native = [machine for machine in machines if machine.triple.architecture == machines[0].triple.architecture]
    chosen = native[0]
    for machine in native[1:]:
        if differing := _differing(chosen.engine, machine.engine, line):
            raise UsageError(
                f"{origin}: the targets {chosen.name} and {machine.name} differ in {', '.join(differing)}, so that no "
                f"engine serves both; generate a file for each, with --target {chosen.name} and --target {machine.name}"
            )
    names = {machine.name for machine in native}
    return native, [machine.name for machine in machines if machine.name not in names]


def _differing(one: Mapping[str, Any], other: Mapping[str, Any], line: int) -> list[str]:
    """Return the settings in which engines differ, but for those that no loader sees and no engine is told."""
    return sorted(
        name
        for name in one.keys() | other.keys()
        if name != "embedder" and one.get(name) != other.get(name) and not unseen(name, line)
    )


def unseen(name: str, line: int) -> bool:
    """Tell whether artifacts load whatever an engine has for a setting: it is told where it can be."""
    settings = lines.get(line).settings
    return name not in settings or settings[name].check == UNSEEN


def values(spec: Spec) -> dict[str, Value]:
    """Return the value of every setting of the engine, defaults filled in."""
    # A canonical engine spells its preset out; the preset's name would bring back what the declaration overrides.
    engine = {**spec.engine, "embedder": "c-api"}
    return rules.effective(engine, spec.line, spec.probes[0].platform.triple)


def refused(spec: Spec, name: str, who: str, fix: str) -> UsageError:
    """Return the error for a setting that an API cannot express; ``who`` is the API and how it lacks it."""
    return UsageError(f"{spec.origin}: engine.{name} = {shown(values(spec)[name])}: {who}; {fix}")


def own_defaults(spec: Spec, embedder: str) -> dict[str, Value]:
    """Return the value of every setting in an engine that an embedder of a kind makes and does not configure."""
    have = rules.effective({"embedder": embedder}, spec.line, spec.probes[0].platform.triple)
    return {**have, **lines.get(spec.line).embedders[embedder].unconfigured}
