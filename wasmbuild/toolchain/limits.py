"""What one run of a child process may take."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple


class ProcessLimits(NamedTuple):
    """What one run of a child may take.

    ``memory`` bounds its address space in bytes, ``seconds`` the wall-clock time of a run (of one request, for a
    server). None is no limit.
    """

    memory: int | None = None
    seconds: float | None = None
