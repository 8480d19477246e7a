"""How processes end, in words, and whether memory is what one lacked that failed."""

from __future__ import annotations

import re

from wasmbuild.diagnosis import memory as memory_words
from wasmbuild.text import printable
from wasmbuild.toolchain.child import format_bytes

_LONGEST = 300
# Reserved address space counts against no limit of ours.
_RESERVED = "mmap failed to reserve"
_NUMBERED = re.compile(r"^\d+: ")
# The number of a thread differs from run to run.
_THREAD = re.compile(r"(?<=') \(\d+\)(?= panicked)")


def lacks_memory(words: str, memory: int | None) -> str:
    """Return that a limit of so many bytes was too low; empty where words tell of no such thing.

    It is the rest of a sentence: "needs more memory than the limit of 2 GiB".
    """
    if memory is None or _RESERVED in words or not memory_words.failed(words):
        return ""
    return f"needs more memory than the limit of {format_bytes(memory)}"


RAISE_MEMORY = "raise --memory-limit, or memory-limit of its runner"
"""What to do about memory that is lacking."""


def how_it_ended(ending: str, stderr: str) -> str:
    """Return how a process ended, with what it wrote, as one line."""
    said = one_line(stderr)
    return f"{ending}{f' ({said})' if said else ''}"


def one_line(text: str) -> str:
    """Return an error of several lines, with its causes, as one line that is safe to show."""
    lines = [_NUMBERED.sub("", line.strip()) for line in _THREAD.sub("", text).splitlines()]
    return printable(": ".join(line.rstrip(":") for line in lines if line and line != "Caused by:"), _LONGEST)
