"""What loaders have in common: one load, what came of it, and what Wasmtime's words about it mean."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.toolchain.child import is_late
from wasmbuild.verify.endings import RAISE_MEMORY, how_it_ended, lacks_memory, one_line
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.report import Broken, Obstacle, Unreachable
from wasmbuild.verify.tested import Grant, Ran


class Outcome(NamedTuple):
    """What came of a load, and of the tests after it.

    ``ran`` are the tests that were executed, None where it did not come to that: then ``obstacle`` keeps the artifact
    from being loaded, else from being tested. ``seconds`` is how long all took.
    """

    obstacle: Obstacle | None
    ran: tuple[Ran, ...] | None = None
    seconds: float = 0.0


Settle = Callable[[Outcome], None]
"""Takes the outcome of a load. Called once, by any thread."""

_MISSING_FEATURE = re.compile(r'compilation setting "(?:has_)?(\w+)" is enabled, but not available on the host')
# How the file was opened is no news.
_OPENED = re.compile(r"failed deserialization for: /proc/self/fd/\d+:?\s*(Caused by:\s*)?")
_OTHER_LINE = re.compile(r"compiled with incompatible [^\n]*version[^\n]*")


class Load(NamedTuple):
    """An artifact that is intact and consistent, on its way to be loaded.

    ``file`` is the open file that was hashed, ``modified`` its time in nanoseconds then. ``how`` is the loader's own.
    Where there is a ``grant``, its tests are executed when it is loaded.
    """

    artifact: ManifestArtifact
    file: io.FileIO
    modified: int
    settle: Settle
    how: Any
    grant: Grant | None = None

    def end(self, outcome: Outcome) -> None:
        """Close the file and settle the load."""
        # A file that was replaced since is not the open one. One that was written to may have been loaded with bytes
        # that nobody hashed.
        written = os.fstat(self.file.fileno()).st_mtime_ns != self.modified
        self.file.close()
        if written:
            words = f"{self.artifact.path} changed while it was verified; verify when nothing writes to it"
            outcome = Outcome(Broken(words), seconds=outcome.seconds)
        self.settle(outcome)


class Place(NamedTuple):
    """Where artifacts are loaded: on this host, or by the runner of their target, which has to be able to."""

    is_runner: bool = False

    def cannot(self, why: str, fix: str = "") -> Obstacle:
        """Return the obstacle that artifacts cannot be loaded there; ``fix`` is what to do about a runner."""
        if not self.is_runner:
            return Unreachable(f"cannot be loaded on this host: {why}")
        # Targets can share a runner, so it goes by no name.
        words = f"cannot be loaded by the runner of its target: {why}"
        return Broken(f"{words}; {fix}" if fix else words)


HERE = Place()


def refusal(artifact: ManifestArtifact, words: str, memory: int | None, place: Place = HERE) -> Obstacle:
    """Return what it means that Wasmtime refuses an artifact with these words, under a limit of ``memory`` bytes."""
    if lacks := lacks_memory(words, memory):
        return Broken(f"{artifact.path} {lacks}; {RAISE_MEMORY}")
    feature = _MISSING_FEATURE.search(words)
    if feature is not None:
        return place.cannot(f"its CPU lacks {feature[1]}", _cpu_with(feature[1]))
    if place.is_runner and (other := _OTHER_LINE.search(words)):
        fix = "install the version of the package wasmtime, or the executable, that the manifest names"
        return place.cannot(f"its Wasmtime is of another line ({other[0]})", fix)
    return Broken(f"{artifact.path} is refused by Wasmtime: {one_line(_OPENED.sub('', words))}; {BY_HAND}")


def death(artifact: ManifestArtifact, ending: str, stderr: str, memory: int | None) -> Broken:
    """Return what it means that a process ended over an artifact; ``ending`` says how ("was killed by SIGSEGV")."""
    if lacks := lacks_memory(stderr, memory):
        return Broken(f"{artifact.path} {lacks}; {RAISE_MEMORY}")
    fix = f"raise the time limit, or {AGAIN}" if is_late(ending) else AGAIN
    return Broken(f"{artifact.path} ends the process that loads it, which {how_it_ended(ending, stderr)}; {fix}")


def _cpu_with(feature: str) -> str:
    if feature.startswith("avx512"):
        return "run it on a machine that has that (qemu emulates no AVX-512), or lower the cpu of the target"
    return "give it a CPU that has that, such as qemu's -cpu max, or lower the cpu of the target"
