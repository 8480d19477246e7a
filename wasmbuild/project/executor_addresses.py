"""Addresses of where compiles run: this machine, or the scheduler of a cluster."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import quoted

LOCAL = "local"
_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
PATTERN = rf"^(local|(dask|tcp|tls)://(\[[0-9A-Fa-f:.%]+\]|[^\s/:@?#\[\]]+)(:({_PORT}))?/?)$"
"""What an address looks like."""

_DEFAULT_PORT = 8786
_FIX = f'write "{LOCAL}", or "dask://HOST:{_DEFAULT_PORT}" for a scheduler of Dask'


class SchedulerAddress(NamedTuple):
    """The scheduler of a cluster; ``scheme`` is ``"tcp"``, ``"tls"``, or empty where Dask's configuration says it."""

    scheme: str
    host: str
    port: int


def scheduler(address: str) -> SchedulerAddress | None:
    """Return the scheduler that an address names, None for this machine. Raises ValueError with problem and fix."""
    import re

    if address == LOCAL:
        return None
    match = re.fullmatch(PATTERN, address)
    if match is None:
        raise ValueError(f"{quoted(address)} is no place to compile", _FIX)
    return SchedulerAddress("" if match[2] == "dask" else match[2], match[3], int(match[5] or _DEFAULT_PORT))
