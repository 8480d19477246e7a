"""What one run of a child process may take, and what this process was given itself, which no child gets more than."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple


class ProcessLimits(NamedTuple):
    """What one run of a child may take.

    ``memory`` bounds its address space in bytes, ``seconds`` the wall-clock time of a run (of one request, for a
    server). None is no limit. ``declared`` tells whether ``[toolchain]`` of a declaration has them, or may have others.
    """

    memory: int | None = None
    seconds: float | None = None
    declared: bool = True


class MemoryLimit(NamedTuple):
    """The lowest limit on the memory of a child, in bytes, None where there is none.

    ``is_ours`` tells that it is the one that was asked for, and not one that this process was started with.
    """

    memory: int | None
    is_ours: bool


def binding(memory: int | None) -> MemoryLimit:
    """Return the limit that a child runs into first which is to take no more than ``memory`` bytes."""
    given = _given("RLIMIT_AS", "RLIMIT_DATA")
    if memory is not None and all(memory <= limit for limit in given):
        return MemoryLimit(memory, True)
    return MemoryLimit(min(given, default=None), False)


def is_cpu_limited() -> bool:
    """Tell whether this process, and each child, may compute for so long alone (``ulimit -t``)."""
    return bool(_given("RLIMIT_CPU"))


def _given(*names: str) -> list[int]:
    """Return those of the limits of this process that there are."""
    try:
        import resource
    except ImportError:  # Windows
        return []
    limits = [resource.getrlimit(getattr(resource, name))[0] for name in names if hasattr(resource, name)]
    return [limit for limit in limits if limit != resource.RLIM_INFINITY]
