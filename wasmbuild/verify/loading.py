"""What loaders have in common: one load, what came of it, and what Wasmtime's words about it mean."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable

from wasmbuild.diagnosis import loading as causes
from wasmbuild.diagnosis.cause import Cause
from wasmbuild.diagnosis.wording import one_line
from wasmbuild.files import Signature, sha256_of, signature
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain import exhaustion
from wasmbuild.toolchain.endings import is_late
from wasmbuild.verify.host_errors import RAISE_MEMORY, host_lacks, how_it_ended, lacks_memory, unverified
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.outcomes import CPU, Broken, Obstacle, Unreachable, Unverified
from wasmbuild.verify.tested import CaseResult, Metering


class LoadOutcome(NamedTuple):
    """What came of a load, and of the tests after it.

    ``results`` are those of the tests that were executed, None where it did not come to that: then ``obstacle`` keeps
    the artifact from being loaded, else from being tested. ``seconds`` is how long all took.
    """

    obstacle: Obstacle | None
    results: tuple[CaseResult, ...] | None = None
    seconds: float = 0.0


Settle = Callable[[LoadOutcome], None]
"""Takes the outcome of a load. Called once, by any thread."""

_CTIME = 4
# How the file was opened is no news.
_OPENED = re.compile(r"failed deserialization for: /proc/self/fd/\d+:?\s*(Caused by:\s*)?")


class Load(NamedTuple):
    """An artifact that is intact and consistent, on its way to be loaded.

    ``file`` is the open file that was hashed, ``signature`` as ``Opened`` has it. ``how`` is the loader's own.
    Where there is a ``metering``, its tests are executed when it is loaded.
    """

    artifact: ManifestArtifact
    file: io.FileIO
    signature: Signature | None
    settle: Settle
    how: Any
    metering: Metering | None = None

    def end(self, outcome: LoadOutcome) -> None:
        """Close the file and settle the load."""
        changed: Obstacle | None = None
        with self.file:
            try:
                if self._has_changed():
                    changed = self.changed()
            except OSError as error:
                changed = unverified(f"{self.artifact.path} cannot be read again", error)
        if changed is not None:
            outcome = LoadOutcome(changed, seconds=outcome.seconds)
        self.settle(outcome)

    def changed(self) -> Broken:
        """Return that its bytes are not those that were hashed any more."""
        return Broken(f"{self.artifact.path} changed while it was verified; verify when nothing writes to it")

    def _has_changed(self) -> bool:
        """Tell whether it may have been loaded with bytes that nobody hashed; what took its place is another file.

        Raises OSError.
        """
        now = signature(os.fstat(self.file.fileno()))
        if now == self.signature:
            return False
        if self.signature is not None and now[:_CTIME] != self.signature[:_CTIME]:
            return True
        # Whoever writes can set the other times back; this one is also that of a chmod or a new link.
        self.file.seek(0)
        return sha256_of(self.file)[0] != self.artifact.sha256


class LoadingSite(NamedTuple):
    """Where artifacts are loaded: on this host, or by the runner of their target, which has to be able to.

    ``program`` is what the runner runs, a path where it is one.
    """

    is_runner: bool = False
    program: str = ""

    def cannot(self, why: str, fix: str = "", *, lacks: str = "") -> Obstacle:
        """Return the obstacle that artifacts cannot be loaded there; ``fix`` is what to do about it.

        ``lacks`` is which of ``outcomes.LACKS`` this host then lacks, where it is one of these.
        """
        if not self.is_runner and lacks:
            return Unreachable(f"cannot be loaded on this host: {why}", lacks)
        if not self.is_runner:
            return Unverified(f"was not loaded: {why}; {fix}" if fix else f"was not loaded: {why}")
        # Targets can share a runner, so it goes by no name.
        message = f"cannot be loaded by the runner of its target: {why}"
        return Broken(f"{message}; {fix}" if fix else message)

    def correction(self) -> str:
        """Return what to do about a runner that runs nothing."""
        message = "correct the runner in wasmbuild.toml, or install what is missing"
        if os.path.dirname(self.program) and not os.path.exists(self.program):
            # Emulators end without a word over it. A runner may as well reach another machine, which has it.
            return f"{message}: there is no {printable(self.program)} here"
        return message


HERE = LoadingSite()


def refusal(artifact: ManifestArtifact, message: str, memory: int | None, site: LoadingSite = HERE) -> Obstacle:
    """Return what it means that Wasmtime refuses an artifact with these words, under a limit of ``memory`` bytes."""
    if lacks := lacks_memory(message, memory):
        return Broken(f"{artifact.path} {lacks}; {RAISE_MEMORY}")
    if lacks := host_lacks(message):
        return Unverified(f"{artifact.path} {lacks}")
    cause = causes.cause(message)
    if cause is not None and cause.word == causes.CPU_FEATURE:
        return site.cannot(f"its CPU lacks {cause.names[0]}", _cpu_with(cause.names[0]), lacks=CPU)
    if site.is_runner and cause is not None and (mismatch := _of_runner(cause)) is not None:
        return site.cannot(*mismatch)
    return Broken(f"{artifact.path} is refused by Wasmtime: {one_line(_OPENED.sub('', message))}; {BY_HAND}")


def crash(
    artifact: ManifestArtifact, ending: str, stderr: str, memory: int | None, *, is_own: bool = False
) -> Broken | Unverified:
    """Return what it means that a process ended over an artifact; ``ending`` says how ("was killed by SIGSEGV").

    ``is_own`` says that it ended for a reason of its own, as by an exception of Python, or was ended from outside.
    """
    if lacks := lacks_memory(stderr, memory):
        return Broken(f"{artifact.path} {lacks}; {RAISE_MEMORY}")
    if lacks := host_lacks(stderr):
        return Unverified(f"{artifact.path} {lacks}")
    if is_own:
        message = how_it_ended(ending, stderr)
        return Unverified(f"{artifact.path} was not loaded: the process that loads it {message}; verify again")
    fix = f"raise the time limit, or {AGAIN}" if is_late(ending) else AGAIN
    fix = f"{RAISE_MEMORY}, or {fix}" if exhaustion.is_told(ending) else fix
    return Broken(f"{artifact.path} ends the process that loads it, which {how_it_ended(ending, stderr)}; {fix}")


def _of_runner(cause: Cause) -> tuple[str, str] | None:
    """Return why a runner is none of the target, and what to do, where that is why it refuses what is consistent."""
    if cause.word == causes.OTHER_LINE:
        said = f"compiled with incompatible version '{cause.names[0]}'"
        fix = "install the version of the package wasmtime, or the executable, that the manifest names"
        return f"its Wasmtime is of another line ({printable(said)})", fix
    what = {causes.OTHER_ARCHITECTURE: "architecture", causes.OTHER_SYSTEM: "operating system"}.get(cause.word)
    if what is None:
        return None
    return f"its {what} is not {printable(cause.names[0])}", "correct the runner in wasmbuild.toml"


def _cpu_with(feature: str) -> str:
    if feature.startswith("avx512"):
        return "run it on a machine that has that (qemu emulates no AVX-512), or lower the cpu of the target"
    return "give it a CPU that has that, such as qemu's -cpu max, or lower the cpu of the target"
