"""What loaders have in common: one load, and what Wasmtime's words about it mean."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.formats.printable import printable
from wasmbuild.toolchain.child import format_bytes
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.report import Broken, Obstacle, Unreachable

Settle = Callable[[Obstacle | None], None]
"""Takes the outcome of a load: what keeps the artifact from the level, or None. Called once, by any thread."""

_LONGEST = 300
_MISSING_FEATURE = re.compile(r'compilation setting "(?:has_)?(\w+)" is enabled, but not available on the host')
_NUMBERED = re.compile(r"^\d+: ")
# The number of a thread differs from run to run.
_THREAD = re.compile(r"(?<=') \(\d+\)(?= panicked)")
_ALLOCATION = re.compile(r"memory allocation of \d+ bytes failed|MemoryError|Cannot allocate memory")


class Load(NamedTuple):
    """An artifact that is intact and consistent, on its way to be loaded.

    ``file`` is the open file that was hashed, ``modified`` its time in nanoseconds then. ``how`` is the loader's own.
    """

    artifact: ManifestArtifact
    file: io.FileIO
    modified: int
    settle: Settle
    how: Any

    def end(self, obstacle: Obstacle | None) -> None:
        """Close the file and settle the load."""
        # A file that was replaced since is not the open one. One that was written to may have been loaded with bytes
        # that nobody hashed.
        written = os.fstat(self.file.fileno()).st_mtime_ns != self.modified
        self.file.close()
        if written:
            obstacle = Broken(f"{self.artifact.path} changed while it was verified; verify when nothing writes to it")
        self.settle(obstacle)


def refusal(artifact: ManifestArtifact, words: str, memory: int | None) -> Obstacle:
    """Return what it means that Wasmtime refuses an artifact with these words, under a limit of ``memory`` bytes."""
    if memory is not None and _ALLOCATION.search(words):
        return Broken(f"{artifact.path} needs more memory than the limit of {format_bytes(memory)}; raise the limit")
    feature = _MISSING_FEATURE.search(words)
    if feature is not None:
        return Unreachable(f"cannot be loaded on this host: its CPU lacks {feature[1]}")
    return Broken(f"{artifact.path} is refused by Wasmtime: {one_line(words)}; {BY_HAND}")


def death(artifact: ManifestArtifact, ending: str, stderr: str, memory: int | None) -> Broken:
    """Return what it means that a process ended over an artifact; ``ending`` says how ("was killed by SIGSEGV")."""
    if memory is not None and _ALLOCATION.search(stderr):
        return Broken(f"{artifact.path} needs more memory than the limit of {format_bytes(memory)}; raise the limit")
    said = one_line(stderr)
    return Broken(
        f"{artifact.path} ends the process that loads it, which {ending}{f' ({said})' if said else ''}; {AGAIN}"
    )


def one_line(text: str) -> str:
    """Return an error of several lines, with its causes, as one line that is safe to show."""
    lines = [_NUMBERED.sub("", line.strip()) for line in _THREAD.sub("", text).splitlines()]
    return printable(": ".join(line.rstrip(":") for line in lines if line and line != "Caused by:"), _LONGEST)
