"""How processes end, in words, and whether memory is what one lacked that failed."""

from __future__ import annotations

from wasmbuild.diagnosis import memory as memory_words
from wasmbuild.diagnosis.wording import one_line
from wasmbuild.toolchain.child import format_bytes

# Reserved address space counts against no limit of ours.
_RESERVED = "mmap failed to reserve"


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
