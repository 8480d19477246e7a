"""What a generated file is for: the engine, its line, and what proves on each platform that an engine agrees."""

from __future__ import annotations

from wasmbuild.embed.literals import quoted
from wasmbuild.engine import lines, rules
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Value
from wasmbuild.engine.triples import TargetTriple
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import shown

C_API_ONLY = 'write embedder = "c-api" under [engine], and only settings that it has'
"""What to do about a setting that the C API cannot express, and so nothing that stands on it."""

# A run of zeros that is shorter than this costs less than another part.
_GAP = 16


class TargetEngine(NamedTuple):
    """A target that a file is generated for."""

    name: str
    engine: EngineConfig

    @property
    def triple(self) -> TargetTriple:
        return self.engine.triple


class ApplicationPlatform(NamedTuple):
    """An architecture and operating system that an application can be built for, and the targets that run there.

    The ISA flags of ``engine`` are those that all of the targets have: what every machine of the platform can be
    expected to have.
    """

    engine: EngineConfig
    targets: tuple[str, ...]

    @property
    def triple(self) -> TargetTriple:
        return self.engine.triple


class Part(NamedTuple):
    """Bytes of a file from ``offset`` on; what no part covers is zero."""

    offset: int
    data: bytes


class ProbeArtifact(NamedTuple):
    """The artifact of an empty module for a platform: an engine that loads it loads all others with its settings."""

    platform: ApplicationPlatform
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
    targets are native ones or all are one kind of Pulley; ``engine`` is that of the first, and has the values of all.
    """

    origin: str
    command: str
    engine: EngineConfig
    probes: tuple[ProbeArtifact, ...]

    @property
    def line(self) -> int:
        """The line of Wasmtime."""
        return self.engine.line

    @property
    def pulley(self) -> str:
        """The target that the engine has to be told, for Pulley; empty for native targets."""
        triple = self.probes[0].platform.triple
        return triple.architecture if triple.is_pulley else ""

    @property
    def targets(self) -> str:
        """The names of the targets, for people."""
        return ", ".join(name for probe in self.probes for name in probe.platform.targets)

    @property
    def texts(self) -> dict[str, object]:
        """What the templates of all languages name."""
        return {
            "command": self.command,
            "line": self.line,
            "origin": self.origin,
            "origin_text": quoted(self.origin),
            "targets": self.targets,
        }


def system_of(triple: TargetTriple) -> str:
    """Return the system of a triple as what builds programs calls it: Android is one of its own."""
    return "android" if triple.environment == "android" else triple.os


def platforms(machines: list[TargetEngine]) -> tuple[ApplicationPlatform, ...]:
    """Return the platforms of targets, in the order of their first targets."""
    grouped: dict[tuple[str, str], list[TargetEngine]] = {}
    for machine in machines:
        triple = machine.triple
        # Wasmtime's loader does not tell gnu from musl.
        key = (triple.architecture, system_of(triple))
        grouped.setdefault(key, []).append(machine)
    return tuple(
        ApplicationPlatform(
            group[0].engine.with_isa_flags(
                {
                    flag: value
                    for flag, value in group[0].engine.isa_flags.items()
                    if all(machine.engine.isa_flags.get(flag) == value for machine in group)
                }
            ),
            tuple(machine.name for machine in group),
        )
        for group in grouped.values()
    )


def together(machines: list[TargetEngine], origin: str) -> tuple[list[TargetEngine], list[str]]:
    """Return the targets that one engine serves, and the names of the Pulley targets that need one of their own.

    Raises UsageError when native targets have different engine settings, or are for different lines.
    """
    native = [machine for machine in machines if not machine.triple.is_pulley]
    if not native:
        native = [machine for machine in machines if machine.triple.architecture == machines[0].triple.architecture]
    first = native[0]
    for machine in native[1:]:
        if machine.engine.line != first.engine.line:
            raise UsageError(
                f"{origin}: the target {first.name} is for Wasmtime {first.engine.line} and {machine.name} for "
                f"{machine.engine.line}, and a program has one; generate a file for each, with --target {first.name} "
                f"and --target {machine.name}"
            )
        if differing := _differing(first.engine, machine.engine):
            raise UsageError(
                f"{origin}: the targets {first.name} and {machine.name} differ in {', '.join(differing)}, so that no "
                f"engine serves both; generate a file for each, with --target {first.name} and --target {machine.name}"
            )
    names = {machine.name for machine in native}
    return native, [machine.name for machine in machines if machine.name not in names]


def _differing(one: EngineConfig, other: EngineConfig) -> list[str]:
    """Return the settings in which engines differ, but for those that no loader sees and no engine is told."""
    return [name for name in one.differences(other) if not unseen(name, one.line)]


def unseen(name: str, line: int) -> bool:
    """Tell whether artifacts load whatever an engine has for a setting: it is told where it can be."""
    settings = lines.get(line).settings
    return name not in settings or settings[name].unseen


def refused(spec: Spec, name: str, who: str, fix: str) -> UsageError:
    """Return the error for a setting that an API cannot express; ``who`` is the API and how it lacks it."""
    return UsageError(f"{spec.origin}: engine.{name} = {shown(spec.engine.values()[name])}: {who}; {fix}")


def own_defaults(spec: Spec, embedder: str) -> dict[str, Value]:
    """Return the value of every setting in an engine that an embedder of a kind makes and does not configure."""
    have = rules.effective({}, spec.line, spec.engine.triple, embedder)
    return {**have, **lines.get(spec.line).embedders[embedder].unconfigured}
