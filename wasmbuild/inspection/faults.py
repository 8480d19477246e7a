"""Which known faults of its compiler an artifact has, by what its record or manifest says of how it was made."""

from __future__ import annotations

from collections.abc import Sequence

from wasmbuild.audit.database import bundled
from wasmbuild.audit.judge import AuditedTarget, Finding, Judge
from wasmbuild.formats.cwasm import ArtifactFacts
from wasmbuild.inspection.facts import Cpu, Origin
from wasmbuild.toolchain import loads_here


def of(facts: ArtifactFacts, cpu: Cpu, origins: Sequence[Origin]) -> tuple[Finding, ...] | None:
    """Hold an artifact against the records that came with wasmbuild; None where nothing says what compiled it."""
    # The manifest is the last of them, and says more of engine and runtime than a record.
    origin = next((origin for origin in reversed(origins) if origin.matches and origin.compiler), None)
    if origin is None:
        return None
    engine = origin.engine or {}
    library = None
    if loads_here.is_loaded_by_library(engine.get("embedder"), facts.triple):
        library = loads_here.installed()
    target = AuditedTarget(origin.compiler, facts.triple, engine, cpu.flags, origin.runtime, library)
    traits = origin.traits.to_json() if origin.traits is not None else None
    return Judge(bundled(), target).judge(facts.kind, traits)
