from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from engines import engine

from wasmbuild.embed.spec import ProbeArtifact, Spec, TargetEngine, platforms

ARTIFACT = b"\x7fELF" + bytes(range(1, 200)) + bytes(4000) + b"tail" + bytes(8000) + b"\1"


@pytest.fixture
def machine() -> Callable[..., TargetEngine]:
    def make(name: str, triple: str, isa_flags: Mapping[str, bool] | None = None, **settings: Any) -> TargetEngine:
        declared = {name.replace("_", "-"): value for name, value in settings.items()}
        return TargetEngine(name, engine(declared, triple, isa_flags=isa_flags))

    return make


@pytest.fixture
def spec() -> Callable[..., Spec]:
    """Make the spec of a file for one target with declared settings."""

    def make(declared: Mapping[str, Any], line: int = 48, triple: str = "x86_64-unknown-linux-gnu") -> Spec:
        config = engine(declared, triple, line)
        [platform] = platforms([TargetEngine("server", config)])
        return Spec("wasmbuild.toml", "wasmbuild embed --lang c", config, (ProbeArtifact(platform, ARTIFACT),))

    return make
