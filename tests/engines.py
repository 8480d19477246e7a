"""Engines as values, for tests that are about something else than what may be declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wasmbuild.engine import triples
from wasmbuild.engine.config import EngineConfig


def engine(
    declared: Mapping[str, Any] | None = None,
    triple: str = "x86_64-unknown-linux-gnu",
    line: int = 48,
    isa_flags: Mapping[str, Any] | None = None,
) -> EngineConfig:
    """Return the engine of declared settings, for a CPU with exactly some flags."""
    return EngineConfig(line, triples.parse(triple), isa_flags or {}, {}).changed(declared or {})
