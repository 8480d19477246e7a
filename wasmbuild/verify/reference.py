"""What the engine section of an artifact has to hold for declared settings: that of a reference made from the same.

The part of the section that is written by position, the tail, and Cranelift's shared flags are the same for all native
targets of 64 bits, whatever their operating system and CPU. So the library of this host can make the reference of a
target that it cannot compile for; ``pulley64`` and its big-endian form have another, ``pulley32`` a third one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from wasmbuild.engine import host, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.line import Value
from wasmbuild.errors import WasmbuildError
from wasmbuild.formats import cwasm
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.formats.manifest import Manifest
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import listed, printable
from wasmbuild.verify import engine_sections, setting_changes
from wasmbuild.verify.host_errors import unverified
from wasmbuild.verify.outcomes import Unreachable, Unverified
from wasmbuild.verify.setting_changes import shown
from wasmbuild.verify.tools import Tools

_SHOWN = 8
_NO_NAME = "something that has no name here"


class Reference(NamedTuple):
    """What artifacts with the same settings have in common."""

    engine: EngineConfig
    shared_flags: Mapping[str, Value]
    tail: bytes


class References:
    """Makes references, each once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._made: dict[EngineConfig, Reference | Unreachable | Unverified] = {}
        self._variants: dict[EngineConfig, list[setting_changes.Variant]] = {}
        self._named: dict[tuple[EngineConfig, bytes], str] = {}  # by digests, for an engine section can have a megabyte

    def of(self, manifest: Manifest) -> Reference | Unreachable | Unverified:
        """Return the reference for the artifacts of a manifest, or why this host has none, or why making it failed."""
        return self.made_with(manifest.config, manifest.compiler)

    def made_with(self, engine: EngineConfig, made_by: str | None = None) -> Reference | Unreachable | Unverified:
        """Return the reference for an engine, or why this host has none, or why making it failed.

        Any release of the line makes it; where there is none, the one that is asked for is ``made_by``.
        """
        if engine not in self._made:
            try:
                self._made[engine] = self._make(engine, made_by)
            except (WasmbuildError, OSError) as error:
                self._made[engine] = unverified("its engine settings were not checked", error)
        return self._made[engine]

    def differences(self, reference: Reference, facts: ArtifactFacts) -> str:
        """Say in which settings an artifact differs from its reference; empty when it does in none."""
        if facts.tail == reference.tail and facts.shared_flags == reference.shared_flags:
            return ""
        key = (reference.engine, hashlib.sha256(facts.engine).digest())
        message = self._named.get(key)
        if message is None:
            message = self._named[key] = self._names(reference, facts)
        return f"has other engine settings than its manifest declares: {message}"

    def _names(self, reference: Reference, facts: ArtifactFacts) -> str:
        named = self._explained(reference, facts) or [_NO_NAME]
        return listed(named, _SHOWN)

    def _explained(self, reference: Reference, facts: ArtifactFacts) -> list[str]:
        if engine_sections.line_up(reference.tail, facts.tail):
            return _setting_names(reference, facts, self.explain(reference, facts))
        # One setting makes the row of numbers another length; of those that do, the one that leaves least to explain.
        found = []
        for variant in self.variants(reference):
            if engine_sections.line_up(variant.tail, facts.tail):
                other = Reference(variant.change.engine, variant.shared_flags, variant.tail)
                explained = self.explain(other, facts)
                named = [setting_changes.described(variant.change), *_setting_names(other, facts, explained)]
                found.append((explained.unknown, len(named), named))
        return min(found)[2] if found else _setting_names(reference, facts, self.explain(reference, facts))

    def explain(self, reference: Reference, facts: ArtifactFacts) -> engine_sections.Explained:
        """Tell in which settings an artifact differs from a reference."""
        return engine_sections.explain(
            (reference.shared_flags, reference.tail), (facts.shared_flags, facts.tail), self.variants(reference)
        )

    def variants(self, reference: Reference) -> list[setting_changes.Variant]:
        """Return what a reference becomes when one setting is changed, for each setting and value."""
        engine = reference.engine
        if engine not in self._variants:
            made = []
            for change in setting_changes.single_changes(engine):
                other = self.made_with(change.engine)
                if isinstance(other, Reference):
                    made.append(setting_changes.Variant(change, other.shared_flags, other.tail))
            self._variants[engine] = made
        return self._variants[engine]

    def _make(self, engine: EngineConfig, made_by: str | None) -> Reference | Unreachable | Unverified:
        stand_in = _stand_in(engine.triple)
        here = self._tools.library_engine(engine, stand_in, runs=False) if stand_in is not None else None
        if here is not None:
            return _read(engine, self._tools.library_artifact(here))
        executable = self._tools.executable(engine.line)
        if isinstance(executable, Unreachable):
            executable = self._tools.executable(engine.line, made_by)
        if isinstance(executable, Unreachable):
            message = f"its engine settings cannot be checked on this host: {executable.message}"
            return executable._replace(message=message)
        if isinstance(executable, Unverified):
            return Unverified(f"its engine settings were not checked: {executable.message}")
        return _read(engine, self._tools.executable_artifact(executable, engine))


def _setting_names(reference: Reference, facts: ArtifactFacts, explained: engine_sections.Explained) -> list[str]:
    """Say in words which settings an artifact has that its reference has not, each by itself."""
    named = [setting_changes.described(change) for change in explained.changes]
    for flag in sorted(explained.flags):
        old, new = (flags.get(flag, "unknown") for flags in (reference.shared_flags, facts.shared_flags))
        # It is the same where a setting alone would have changed it.
        if old != new:
            named.append(f"cranelift-flags.{printable(flag, 40)} is {shown(new)} instead of {shown(old)}")
    return [*named, _NO_NAME] if explained.unknown else named


def _stand_in(triple: triples.TargetTriple) -> triples.TargetTriple | None:
    """Return a target of the library whose references are those of ``triple`` too."""
    if triple.architecture in ("pulley64", "pulley64be"):
        return triples.parse("pulley64")
    own = host.triple()
    return triples.parse(own) if own is not None and not triple.is_pulley else None


def _read(engine: EngineConfig, artifact: bytes) -> Reference:
    facts = cwasm.read(artifact)
    return Reference(engine, facts.shared_flags, facts.tail)
