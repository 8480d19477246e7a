"""Which CPU an artifact needs, in the words of ``wasmbuild.toml``."""

from __future__ import annotations

from wasmbuild.engine import cpu, triples
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.inspection.facts import Cpu
from wasmbuild.verify.consistent import expected_isa_flags


def of(facts: ArtifactFacts) -> Cpu:
    """Return the highest CPU level whose flags an artifact has, and its features besides."""
    on = {name: value for name, value in facts.isa_flags.items() if value is not False}
    try:
        triple = triples.parse(facts.triple)
    except ValueError:
        return Cpu(None, tuple(sorted(on)), on)
    anyhow = expected_isa_flags(triple, {})
    left = {name: value for name, value in on.items() if anyhow.get(name, False) != value}
    levels = cpu.levels(triple.architecture)
    fitting = [level for level, flags in levels.items() if flags.items() <= left.items()]
    # Of levels with the same flags the first, which is the oldest CPU.
    level = max(fitting, key=lambda name: len(levels[name]), default=None)
    rest = left.keys() - (levels[level].keys() if level is not None else set())
    known = cpu.features(triple.architecture)
    names = (flag.removeprefix("has_") if flag.removeprefix("has_") in known else flag for flag in rest)
    return Cpu(level, tuple(sorted(names)), on)
