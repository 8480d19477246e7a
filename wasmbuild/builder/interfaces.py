"""Who takes part in a compile: compilers, executors and caches, each behind an interface.

Nothing subclasses them, so that type checkers alone import this.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.builder.cache.answers import CachedArtifact, CacheProblem, RemoteReport
    from wasmbuild.builder.request import CompileRequest, CompileResult
    from wasmbuild.lean.pathlib import Path


class Compiler(Protocol):
    """Turns binaries into artifacts. Several threads may use it at once."""

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        """Compile a private file that holds the binary of the request. Any failure is part of the result."""


class Executor(Protocol):
    """Where requests run. One thread uses it, or one after another."""

    @property
    def slots(self) -> int:
        """So many requests are taken at once; it may change while machines come and go."""

    @property
    def cores(self) -> int:
        """The number of cores that requests run on."""

    def submit(self, id: str, request: CompileRequest, wasm: Path) -> None:
        """Run a request, whose binary is in a file that stays until the result is there."""

    def results(self) -> Iterable[tuple[str, CompileResult]]:
        """Wait until at least one request is done, or there are more slots, and return what is done, in any order.

        Raises WasmbuildError where no request can be done any more.
        """

    def abort(self) -> None:
        """Stop what is running and start nothing more, for whoever was interrupted."""

    def close(self) -> None:
        """Let go of it; nothing is running."""


class ExecutionBackend(Protocol):
    """Where requests run: this machine, or a cluster. It takes no part before there is something to compile."""

    def executor(self, compiler: Compiler, jobs: int | None) -> Executor:
        """Return what runs requests there for a compiler of this machine, at most ``jobs`` at once."""

    def compiler(self, compiler: Compiler) -> Compiler:
        """Return what does there what a compiler of this machine does."""

    def close(self) -> None:
        """Let go of it; whatever still runs there for this build is stopped."""


class ArtifactCache(Protocol):
    """Artifacts by key. It may forget anything; what it gives is checked like what a compiler made. It never raises.

    Threads may use it at once.
    """

    def expect(self) -> None:
        """Be told that something will be wanted soon; who takes a while to begin may do so."""

    def want(self, keys: Iterable[str]) -> None:
        """Be told what will be asked for, in this order; who fetches from afar may begin."""

    def get(self, key: str, out: Path | str) -> CachedArtifact | None:
        """Write an artifact into a new file and return what was seen of it on the way; None where there is none."""

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float = 0.0) -> None:
        """Keep an artifact that was checked, with its digest in hex and what decided its bytes.

        ``inputs`` is the text that the key is the digest of (``key.canonical``), ``seconds`` how long it took to
        compile.
        """

    def discard(self, key: str) -> None:
        """Forget an artifact that turned out to be another one."""

    def close(self) -> None:
        """Put in order what was kept since it was opened, or closed the last time."""

    def problem(self) -> CacheProblem | None:
        """Say why nothing, or not all, is taken from the part of it on this machine or kept there; None where all is.

        What is in the way of a part of it shows when something is to be kept there.
        """

    def report(self) -> RemoteReport | None:
        """Return what became of the part of it that is far away, None where there is none."""
