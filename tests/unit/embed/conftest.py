from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wasmbuild.embed.spec import Machine, Probe, Spec, platforms
from wasmbuild.engine import settings, triples

ARTIFACT = b"\x7fELF" + bytes(range(1, 200)) + bytes(4000) + b"tail" + bytes(8000) + b"\1"


@pytest.fixture
def machine() -> Callable[..., Machine]:
    def make(name: str, triple: str, isa_flags: Mapping[str, bool] | None = None, **engine: Any) -> Machine:
        parsed = triples.parse(triple)
        declared = {name.replace("_", "-"): value for name, value in engine.items()}
        return Machine(name, parsed, settings.expand(declared, 48, parsed), isa_flags or {})

    return make


@pytest.fixture
def spec() -> Callable[..., Spec]:
    """Make the spec of a file for one target with declared settings."""

    def make(declared: Mapping[str, Any], line: int = 48, triple: str = "x86_64-unknown-linux-gnu") -> Spec:
        parsed = triples.parse(triple)
        engine = settings.expand(declared, line, parsed)
        [platform] = platforms([Machine("server", parsed, engine, {})])
        return Spec("wasmbuild.toml", "wasmbuild embed --lang c", line, engine, (Probe(platform, ARTIFACT),))

    return make
