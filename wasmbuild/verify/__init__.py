"""Verification: what has been proved of artifacts, level by level, and what has not.

``intact``: the bytes are those of the manifest. ``consistent``: they are what was declared, told without loading them.
``loaded``: Wasmtime loads them with the declared engine. ``tested``: their declared tests come out as they should. A
level is tried only where the one below holds, and what is loaded are the very bytes that were hashed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from wasmbuild.errors import ChildError, HostError, ToolchainError, UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.levels import LEVELS
from wasmbuild.verify.outcomes import Verdict
from wasmbuild.verify.report import JSON_SCHEMA, SCHEMA, Report

if TYPE_CHECKING:
    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.limits import ProcessLimits
    from wasmbuild.verify.collect import Shipment

__all__ = ["JSON_SCHEMA", "LEVELS", "SCHEMA", "Report", "Verdict", "default_limits", "verify"]

DEFAULT_MEMORY = 2 << 30
"""Bytes that the process which loads artifacts may allocate, where the system can limit that."""

DEFAULT_SECONDS = 30.0
"""How long loading one artifact may take."""


def default_limits(memory: int | None = None, seconds: float | None = None) -> ProcessLimits:
    """Return limits for what loads artifacts: bytes and seconds, None for the default of each."""
    from wasmbuild.toolchain.limits import ProcessLimits
    from wasmbuild.toolchain.process import memory_can_be_limited

    if memory is None and memory_can_be_limited():
        memory = DEFAULT_MEMORY
    return ProcessLimits(memory, DEFAULT_SECONDS if seconds is None else seconds)


def verify(
    paths: Iterable[str | os.PathLike[str]],
    *,
    level: str | None = None,
    index_sha256: str | None = None,
    targets: Iterable[Target] = (),
    limits: ProcessLimits | None = None,
) -> Report:
    """Verify the artifacts of manifests, and say of each what holds.

    ``paths`` are manifests, indexes or directories: the index in it, or else the manifests in it and right below it.
    ``level`` is demanded of each artifact, and no higher one is tried; None tries all and demands what manifests do, or
    else what this host can reach. ``index_sha256`` pins the bytes of
    the one index that is named.

    Settings that the installed library cannot express are left to an executable that is found here. ``targets`` are
    those of a wasmbuild.toml that the user named, for their runners: the artifacts of a manifest with the name and the
    triple of such a target are loaded by its runner, wherever the manifest is. A runner is never taken from what is
    verified. ``limits`` bound the memory of what loads artifacts, and the time for each; None for the defaults. A
    runner's own limits come first, and each test has its own time.

    Nothing is printed, and a file that is missing, damaged or hostile is a verdict of the report. What fails on the
    side of what verifies leaves artifacts not verified (``Verdict.verified``). Raises UsageError for arguments that do
    not go together, ToolchainError where a memory limit is asked for that this system cannot set, HostError where this
    host has so little left that there is no report.
    """
    from wasmbuild.toolchain.process import format_bytes, memory_can_be_limited
    from wasmbuild.verify.collect import collect

    if level is not None and level not in LEVELS:
        raise UsageError(f"there is no level {level!r}; write one of {', '.join(LEVELS)}")
    if limits is None:
        limits = default_limits()
    elif limits.memory is not None and not memory_can_be_limited():
        raise ToolchainError(
            f"this system cannot limit the memory of what loads artifacts ({format_bytes(limits.memory)} asked for); "
            f"verify without a memory limit here"
        )
    shipments = collect(paths, index_sha256)
    try:
        return _verified(shipments, limits, level, targets)
    except (OSError, MemoryError, RuntimeError, ChildError) as error:
        from wasmbuild.verify.host_errors import with_fix

        if isinstance(error, RuntimeError) and "thread" not in str(error):
            raise
        raise HostError(f"not verified: {with_fix(error)}") from error


def _verified(
    shipments: Iterable[Shipment | Verdict],
    limits: ProcessLimits,
    level: str | None,
    targets: Iterable[Target],
) -> Report:
    from wasmbuild.verify.ladder import Verifier
    from wasmbuild.verify.tools import Tools

    with Tools() as tools:
        ladder = Verifier(tools, limits, level, targets)
        try:
            for shipment in shipments:
                if isinstance(shipment, Verdict):
                    ladder.add(shipment)
                else:
                    ladder.verify(*shipment)
            return ladder.close()
        except BaseException:
            ladder.abort()
            raise
