"""Children that run in this Python: a script by path, isolated from the user's variables and packages."""

from __future__ import annotations

import os
import sys

from wasmbuild.errors import ToolchainError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain.limits import binding

if TYPE_CHECKING:
    from collections.abc import Iterable

TO_START = 64 << 20
"""Bytes. Python with the library takes 52 MiB of address space before it does anything; with less it fails in many
words."""

EXCEPTION = 1
"""The exit status of a Python that an exception ended."""

# Where a Python that was built for a place of its own finds its shared library.
_NEEDED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def can_start(memory: int | None) -> bool:
    """Tell whether Python with the library has what it takes to start, under a limit of so many bytes."""
    limit = binding(memory).memory
    return limit is None or limit >= TO_START


def isolated(script: str | os.PathLike[str], arguments: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the command that runs a script of ours. Raises ToolchainError when there is no telling with what."""
    if not sys.executable:
        raise ToolchainError("Python does not say where its executable is (sys.executable), so it can start no child")
    return [
        sys.executable,
        "-I",
        "-S",
        "-X",
        "utf8",
        os.fspath(script),
        *(os.fspath(argument) for argument in arguments),
    ]


def variables() -> dict[str, str]:
    """Return the variables that this Python needs besides those that every child gets."""
    return {name: os.environ[name] for name in _NEEDED if name in os.environ}
