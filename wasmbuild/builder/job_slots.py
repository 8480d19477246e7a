"""How many jobs may run: as many as there are cores, or as another build counts, by what it says of its job server.

That stands in ``CARGO_MAKEFLAGS`` or ``MAKEFLAGS`` ("POSIX Jobserver Interaction" in Make's manual). A step asks, and
has no use for the client: it is one of the jobs that are counted.
"""

from __future__ import annotations

import os

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES = ("CARGO_MAKEFLAGS", "MAKEFLAGS")
_OPTIONS = ("--jobserver-auth=", "--jobserver-fds=")


ALL_CORES = 0
"""As a number of threads: as many as the machine has cores."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_offered(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether another build counts the jobs, this process being one, whether its server can be reached or not."""
    return offered(environment) is not None


def offered(environment: Mapping[str, str]) -> str | None:
    """Return how the server is reached, ``fifo:PATH`` or ``READ,WRITE``; None where none is offered."""
    flags = next((environment[name] for name in _VARIABLES if name in environment), "")
    found = None
    for word in flags.split():
        if word == "--":  # variables follow
            break
        for option in _OPTIONS:
            if word.startswith(option):
                found = word.removeprefix(option)
    return found
