"""What the tests of inspection share: artifacts made up byte by byte, which need no compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import maker
import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

Value = bool | int | str
Make = Callable[..., bytes]


def artifact(
    triple: str = "aarch64-unknown-linux-gnu",
    *,
    kind: str = "module",
    # A line that nobody has a compiler of, so that no reference is made.
    version: str = "7",
    architecture: str = "aarch64",
    shared: Mapping[str, Value] | None = None,
    isa: Mapping[str, Value] | None = None,
    tail: bytes = bytes(range(60)),
    extra: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    return maker.artifact(
        triple,
        kind=kind,
        version=version,
        architecture=architecture,
        shared=shared or {"opt_level": "speed"},
        isa=isa,
        tail=tail,
        extra=extra,
    )


@pytest.fixture(scope="session")
def make() -> Make:
    """Make an artifact."""
    return artifact
