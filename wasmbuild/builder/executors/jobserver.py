"""Compiles on this machine as tokens of a job server allow: one thread of a compiler for each."""

from __future__ import annotations

from wasmbuild.builder import jobserver
from wasmbuild.builder.executors.local import LocalExecutor
from wasmbuild.builder.job_slots import cores
from wasmbuild.builder.jobserver import Jobserver
from wasmbuild.builder.request import CompileRequest, CompileResult
from wasmbuild.errors import CompileError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.builder.interfaces import Compiler, Executor


def local_executor(compiler: Compiler, jobs: int | None) -> Executor:
    """Return what runs so many compiles at once on this machine.

    Without a number, as many as the build around this one has jobs for, or else as there are cores.
    """
    server = jobserver.inherited() if jobs is None else None
    if server is None:
        return LocalExecutor(compiler, jobs or cores())
    return JobserverExecutor(compiler, cores() if server.is_reached else 1, server)


class JobserverExecutor:
    """Gives requests to a compiler when there is a token, at most so many at a time."""

    def __init__(self, compiler: Compiler, slots: int, server: Jobserver) -> None:
        self._server = server
        self._inner = LocalExecutor(_JobserverCompiler(compiler, server), slots)

    @property
    def slots(self) -> int:
        return self._inner.slots

    @property
    def cores(self) -> int:
        return self._inner.cores

    def submit(self, id: str, request: CompileRequest, wasm: Path) -> None:
        self._inner.submit(id, request, wasm)

    def results(self) -> Iterable[tuple[str, CompileResult]]:
        return self._inner.results()

    def abort(self) -> None:
        self._server.stop()
        self._inner.abort()
        self._server.close()

    def close(self) -> None:
        self._inner.close()
        self._server.close()


class _JobserverCompiler:
    """A compiler that waits for a token."""

    def __init__(self, compiler: Compiler, server: Jobserver) -> None:
        self._compiler = compiler
        self._server = server

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        token = self._server.acquire()
        if token is None:
            return CompileResult(request.key(), "", error=CompileError("the build was interrupted"))
        try:
            return self._compiler.compile(request._replace(threads=1), wasm)
        finally:
            self._server.release(token)
