"""Compiles on the workers of a Dask cluster; nothing here is imported by a build that runs on this machine."""

from __future__ import annotations

import queue
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path

from wasmbuild import interrupts
from wasmbuild.builder.executors.cluster import Cluster
from wasmbuild.builder.request import CompileRequest, CompileResult
from wasmbuild.errors import ExecutorError
from wasmbuild.lean.queue import SimpleQueue
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain import executable
from wasmbuild.toolchain.find import CLI
from wasmbuild.toolchain.toolchain import Toolchain

if TYPE_CHECKING:
    from wasmbuild.builder.interfaces import Compiler, Executor

# So many for each thread of a worker, so that none waits for the next one to be sent.
_AHEAD = 2


class DaskBackend:
    """A cluster, by the address of its scheduler, which is not spoken to before there is something to compile."""

    def __init__(self, address: str, toolchain: Toolchain, say: Callable[[str], None]) -> None:
        """``say`` is told, by another thread, of what is waited for.

        Raises ExecutorError for a compiler that is a script, of which a worker would get nothing else.
        """
        self._address = address
        self._toolchain = toolchain
        self._say = say
        self._mutex = threading.Lock()
        self._cluster: Cluster | None = None
        for compiler in toolchain.compilers.values():
            if compiler.kind == CLI and executable.is_script(Path(compiler.path)):
                problem = "is a script, which cannot be sent to workers; name what it starts"
                raise ExecutorError(f"{compiler.path} {problem}")

    def executor(self, compiler: Compiler, jobs: int | None) -> Executor:
        return DaskExecutor(self, jobs)

    def compiler(self, compiler: Compiler) -> Compiler:
        return DaskCompiler(self)

    def close(self) -> None:
        with self._mutex:
            cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    def cluster(self, on_change: Callable[[], None] = lambda: None) -> Cluster:
        """Return the cluster, which is reached when it is asked for the first time."""
        with self._mutex:
            if self._cluster is None:
                from wasmbuild.builder.executors.dask_client import DaskClient

                self._cluster = Cluster(
                    DaskClient(self._address, self._toolchain.compilers.values(), uuid.uuid4().hex),
                    limits_memory=self._toolchain.limits.memory is not None,
                    say=self._say,
                    on_change=on_change,
                )
            return self._cluster

    def submit(
        self, request: CompileRequest, wasm: Path, on_change: Callable[[], None] = lambda: None
    ) -> Future[CompileResult]:
        """Give the cluster a request, whose messages are to name this machine's files."""
        labels = request.labels._replace(compiler=self._toolchain.compiler(request.engine).path)
        return self.cluster(on_change).submit(request._replace(labels=labels), wasm)


class DaskExecutor:
    """Gives requests to a cluster, a few more than run there at once."""

    def __init__(self, backend: DaskBackend, jobs: int | None) -> None:
        """At most ``jobs`` requests are there at once."""
        self._backend = backend
        self._jobs = jobs
        self._threads = 0
        # None says that there are more slots.
        self._done: queue.SimpleQueue[tuple[str, Future[CompileResult]] | None] = queue.SimpleQueue()

    @property
    def slots(self) -> int:
        return min(self._jobs or sys.maxsize, max(1, _AHEAD * self._threads))

    @property
    def cores(self) -> int:
        return max(1, self._threads)

    def submit(self, id: str, request: CompileRequest, wasm: Path) -> None:
        future = self._backend.submit(request, wasm, self._changed)
        future.add_done_callback(lambda future: self._done.put((id, future)))

    def results(self) -> Iterable[tuple[str, CompileResult]]:
        found = [interrupts.awaited(self._done)]
        while not self._done.empty():
            found.append(self._done.get())
        self._threads = self._backend.cluster(self._changed).threads
        items = [item for item in found if item is not None]
        finished = [(id, future.result()) for id, future in items if future.exception() is None]
        lost = [item for item in items if item[1].exception() is not None]
        if lost and not finished:
            lost[0][1].result()
        # What was finished is published first, whatever became of the cluster meanwhile.
        for item in lost:
            self._done.put(item)
        return finished

    def abort(self) -> None:
        self._backend.close()

    def close(self) -> None:
        self._backend.close()

    def _changed(self) -> None:
        self._done.put(None)


class DaskCompiler:
    """A cluster as one compiler, for whoever schedules by other means: each thread that compiles waits."""

    def __init__(self, backend: DaskBackend) -> None:
        self._backend = backend

    def compile(self, request: CompileRequest, wasm: Path) -> CompileResult:
        done: SimpleQueue[Future[CompileResult]] = SimpleQueue()
        try:
            self._backend.submit(request, wasm).add_done_callback(done.put)
            return interrupts.awaited(done).result()
        except ExecutorError as error:
            return CompileResult(request.key(), "", error=error)
