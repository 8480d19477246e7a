"""Compiles on this machine: a thread for each compiler's process that runs."""

from __future__ import annotations

from wasmbuild import interrupts
from wasmbuild.builder.job_slots import cores
from wasmbuild.builder.request import CompileRequest, CompileResult
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.queue import SimpleQueue
from wasmbuild.lean.threading import Thread, started
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain import process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.builder.interfaces import Compiler

_PAUSE_SECONDS = 0.02
_Submitted = tuple[str, CompileRequest, Path]


class LocalExecutor:
    """Gives requests to a compiler, so many at a time."""

    def __init__(self, compiler: Compiler, slots: int) -> None:
        self._compiler = compiler
        self._slots = slots
        self._waiting: SimpleQueue[_Submitted | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[str, CompileResult | BaseException]] = SimpleQueue()
        self._threads: list[Thread] = []
        self._running = 0
        self._stopped = False

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def cores(self) -> int:
        return cores()

    def submit(self, id: str, request: CompileRequest, wasm: Path) -> None:
        self._running += 1
        if self._running > len(self._threads) < self._slots:
            # One that nobody knows of would take from another the word to end, which that would wait for forever.
            with interrupts.DeferredInterrupts():
                # A compiler that does not end must not keep the process: whoever is interrupted kills it.
                thread = started(self._serve)
                if thread is not None:
                    self._threads.append(thread)
        if self._threads:
            self._waiting.put((id, request, wasm))
        else:
            self._compile(id, request, wasm)

    def results(self) -> Iterable[tuple[str, CompileResult]]:
        if not self._running:
            raise ValueError("nothing was submitted")
        found = [interrupts.awaited(self._done)]
        while not self._done.empty():
            found.append(self._done.get())
        self._running -= len(found)
        results = []
        for id, result in found:
            if isinstance(result, BaseException):
                raise result
            results.append((id, result))
        return results

    def abort(self) -> None:
        self._stopped = True
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            # Again and again: one of them may be about to start a child.
            while thread.is_alive():
                process.kill_all()
                thread.join(_PAUSE_SECONDS)
        self._threads = []

    def close(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _serve(self) -> None:
        while (submitted := self._waiting.get()) is not None:
            if not self._stopped:
                self._compile(*submitted)

    def _compile(self, id: str, request: CompileRequest, wasm: Path) -> None:
        try:
            result: CompileResult | BaseException = self._compiler.compile(request, wasm)
        except BaseException as error:
            result = error
        self._done.put((id, result))
