"""Whether words of a process tell that it got no memory: Wasmtime's own, those of Rust, of Python and of the system."""

from __future__ import annotations

import re

OF_SYSTEM = (
    r"memory allocation of \d+ bytes failed|out of memory \(failed to allocate|Cannot allocate memory|"
    r"Out of memory \(os error 12\)"
)
"""What Rust, and the C libraries glibc and musl, call memory that the system did not give, as a regular expression."""

# Compiled when a child has failed, which is rare.
_FAILED = rf"{OF_SYSTEM}|GC heap out of memory|\bMemoryError\b"
NOT_EXECUTABLE = "make memory executable"
"""Words of Wasmtime where the system lets no code run in memory, or not in what is mapped of a file."""
_OUT = r"\bout of memory\b"


def failed(said: str) -> str:
    """Return the words that tell of an allocation that failed, or nothing."""
    found = re.search(_FAILED, said)
    return found[0] if found is not None else ""


def out(said: str) -> bool:
    """Tell whether words are of memory that ran out, be it in the words of a program that nobody knows."""
    return bool(failed(said)) or re.search(_OUT, said, re.IGNORECASE) is not None
