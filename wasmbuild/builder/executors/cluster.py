"""A build's part of a cluster: a thread that speaks to its scheduler, and one coroutine for each request.

Which worker runs what, and that it is run again where one is lost, is the scheduler's business. What is ours: that only
workers that can compile get any of it, that a scheduler that is lost is noticed, and that nothing is left running.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from wasmbuild.builder.disk import BUILDING, as_disk_error
from wasmbuild.builder.executors import wire
from wasmbuild.builder.executors.cluster_client import (
    ClusterPatience,
    RequestLostError,
    SchedulerClient,
    WorkersDiedError,
)
from wasmbuild.builder.executors.members import Members
from wasmbuild.builder.request import CompileRequest, CompileResult
from wasmbuild.errors import CompileError, DiskError, ExecutorError

PATIENCE = ClusterPatience()

# Workers that may be lost over one request while nothing else is asked of them.
_MOST_ALONE = 1
_AGAIN_SECONDS = 0.05

Done = concurrent.futures.Future[CompileResult]


class Cluster:
    """The workers behind one scheduler, for one build. Any thread may submit; close it to stop what runs."""

    def __init__(
        self,
        client: SchedulerClient,
        *,
        limits_memory: bool,
        say: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
        patience: ClusterPatience | None = None,
    ) -> None:
        """``on_change`` and ``say`` are called by another thread, ``on_change`` when ``threads`` is another number."""
        self.threads = 0
        self._client = client
        self._say = say
        self._on_change = on_change
        self._patience = patience or PATIENCE
        self._members = Members(client, limits_memory=limits_memory, say=say, patience=self._patience)
        self._online = asyncio.Event()
        self._suspects = asyncio.Lock()
        self._closing = asyncio.Event()
        self._over: asyncio.Future[None] | None = None
        self._mutex = threading.Lock()
        self._error: BaseException | None = None
        self._waiting: set[Done] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        # What nobody waits for any more has nothing to tell.
        self._loop.set_exception_handler(lambda loop, context: None)
        self._thread = threading.Thread(target=self._run, name="wasmbuild-cluster", daemon=True)
        self._thread.start()

    def submit(self, request: CompileRequest, wasm: Path) -> Done:
        """Compile a binary somewhere; its file has to stay until then. The future's exception says why all is over."""
        done: Done = concurrent.futures.Future()
        with self._mutex:
            if self._error is None:
                self._waiting.add(done)
                self._loop.call_soon_threadsafe(self._take, done, request, wasm)
            else:
                done.set_exception(self._error)
        return done

    def close(self) -> None:
        """Let go of the cluster; what still runs for this build is stopped there."""
        with suppress(RuntimeError):  # it is over
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(3 * self._patience.stop)

    # --- the thread

    def _run(self) -> None:
        error: BaseException = ExecutorError("the build was stopped")
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._life())
        except BaseException as raised:
            error = raised
        with self._mutex:
            self._error = error
        for done in list(self._waiting):
            self._waiting.discard(done)
            done.set_exception(error)

    async def _life(self) -> None:
        """Go on until closed or lost. Raises ExecutorError."""
        self._over = self._loop.create_future()
        self._start(self._watch())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            ends: list[asyncio.Future[Any]] = [self._over, closing]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()
        finally:
            closing.cancel()
            await self._leave()

    async def _leave(self) -> None:
        running = bool(self._waiting)
        # Again and again: wait_for of Python 3.11 loses a cancellation that comes with the answer.
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_AGAIN_SECONDS)
        if running and self._client.is_connected and (fit := self._members.fit()):
            with suppress(Exception):
                await asyncio.wait_for(self._client.stop(fit), self._patience.stop)
        self._members.forget_all()
        await self._client.close(self._patience.stop)

    def _take(self, done: Done, request: CompileRequest, wasm: Path) -> None:
        # Made here: where all is over before, no coroutine is left that nobody awaits.
        self._start(self._answered(done, request, wasm))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._closing.is_set():
            work.close()
            return
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._over is None or self._over.done() or task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._over.set_exception(error)

    # --- the scheduler

    async def _watch(self) -> None:
        """Ask the scheduler for its workers, again and again. Raises ExecutorError where it does not answer."""
        await self._reach()
        # Since when it has been asked and has not answered: while this process is stopped, nobody asks.
        asked: float | None = None
        reported = False
        while True:
            asked = self._loop.time() if asked is None else asked
            try:
                async with asyncio.timeout_at(asked + self._patience.lost + self._patience.answer):
                    if not self._client.is_connected:
                        self._online.clear()
                        self._members.forget_all()
                        await self._client.connect(self._patience.connect)
                    workers = await asyncio.wait_for(self._client.workers(), self._patience.answer)
            except ExecutorError:
                raise
            except Exception as error:
                silent = self._loop.time() - asked
                if silent > self._patience.lost:
                    raise ExecutorError(
                        f"the Dask scheduler at {self._client.address} does not answer any more: {_said(error)}; "
                        f"what was finished is whole, and the next build goes on from there"
                    ) from error
                if silent > self._patience.answer and not reported:
                    reported = True
                    self._say(f"the Dask scheduler at {self._client.address} does not answer; waiting for it")
            else:
                asked = None
                reported = False
                self._members.update(workers)
                self._online.set()
            await self._count(self._loop.time() + self._patience.poll)

    async def _count(self, until: float) -> None:
        """Keep count of what runs at once until it is time to ask again: who becomes fit gets work at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while True:
                    if self.threads != (threads := self._members.threads):
                        self.threads = threads
                        self._on_change()
                    await self._members.changed()

    async def _reach(self) -> None:
        try:
            await self._client.connect(self._patience.connect)
        except ExecutorError:
            raise
        except Exception as error:
            raise ExecutorError(
                f"there is no Dask scheduler at {self._client.address}: {_said(error)}; check the address, or "
                f"start one there: dask scheduler"
            ) from error

    # --- a request

    async def _answered(self, done: Done, request: CompileRequest, wasm: Path) -> None:
        result = await self._compiled(request, wasm)
        self._waiting.discard(done)
        done.set_result(result)

    async def _compiled(self, request: CompileRequest, wasm: Path) -> CompileResult:
        try:
            with as_disk_error(wasm, "read", BUILDING):
                data = await asyncio.to_thread(wasm.read_bytes)
        except DiskError as error:
            return CompileResult("", "", error=error)
        asked = wire.request_to_bytes(request)
        try:
            return await self._tried(asked, data)
        except WorkersDiedError:
            # So were all that waited on the workers that died: one at a time shows which it was.
            async with self._suspects:
                try:
                    return await self._tried(asked, data, alone=True)
                except WorkersDiedError as error:
                    return self._workers_died(error)

    async def _tried(self, asked: bytes, wasm: bytes, *, alone: bool = False) -> CompileResult:
        """Give a request to workers until one of them answers. Raises WorkersDiedError, ExecutorError."""
        lost, lacking = 0, set[str]()
        while True:
            fit = await self._fit()
            workers = fit[lost % len(fit) :][:1] if alone else fit
            try:
                answered = await self._while_any_of(workers, self._client.compile(asked, wasm, workers))
            except (RequestLostError, OSError):
                if not self._client.is_connected:
                    self._online.clear()
                await asyncio.sleep(self._patience.poll)
                continue
            if answered is None:
                lost += 1
                if lost > (_MOST_ALONE if alone else 0):
                    raise WorkersDiedError(workers[-1], lost)
                continue
            address, answer = answered
            result = wire.result_of(answer, self._members.name(address))
            if isinstance(result, CompileResult):
                return result
            if result.lacks_compiler and address not in lacking:
                lacking.add(address)
                self._members.admit_again(address)
            else:
                self._members.pass_over(address, result.reason)

    async def _while_any_of(
        self, workers: Collection[str], answer: Coroutine[Any, Any, tuple[str, object]]
    ) -> tuple[str, object] | None:
        """Wait for an answer of these workers; None where none of them is there any more. Raises RequestLostError."""
        task = asyncio.ensure_future(answer)
        try:
            while True:
                changed = asyncio.ensure_future(self._members.changed())
                try:
                    await asyncio.wait({task, changed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                if task.done():
                    return task.result()
                if self._members.is_stuck(workers):
                    raise RequestLostError
                if not self._members.any_of(workers):
                    return None
        finally:
            task.cancel()

    async def _fit(self) -> list[str]:
        """Wait for workers that can compile; while there are none, invite some. Raises ExecutorError after too long."""
        await self._online.wait()
        deadline = self._loop.time() + self._patience.workers
        invitation: asyncio.Task[None] | None = None
        try:
            while not (fit := self._members.ready()):
                hopeless = self._members.is_hopeless
                if (left := deadline - self._loop.time()) <= 0:
                    raise self._no_worker()
                if (invitation is None or invitation.done()) and self._members.is_empty:
                    invitation = asyncio.ensure_future(self._client.invite())
                with suppress(TimeoutError):
                    wait = min(left, self._patience.unfit if hopeless else self._patience.answer)
                    await asyncio.wait_for(self._members.changed(), wait)
                    continue
                if hopeless and self._members.is_hopeless:
                    raise self._no_worker()
            return fit
        finally:
            if invitation is not None:
                invitation.cancel()

    def _no_worker(self) -> ExecutorError:
        if problems := self._members.problems():
            return ExecutorError(
                f"no worker of the Dask scheduler at {self._client.address} can compile for this build:\n{problems}"
            )
        return ExecutorError(
            f"the Dask scheduler at {self._client.address} has had no worker for {self._patience.workers:g} s; "
            f"start one: dask worker {self._client.address}"
        )

    def _workers_died(self, error: WorkersDiedError) -> CompileResult:
        name = self._members.name(error.worker)
        problem = (
            f"workers died while they compiled it, again and again, the last one {name}; see what its log says, and "
            f"whether it ran out of memory"
        )
        return CompileResult("", f"the worker {name}", error=CompileError(problem), worker=name)


def _said(error: BaseException) -> str:
    return str(error) or ("it did not answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
