"""Artifacts that others compiled, in a store far away: fetched ahead, many at once, and never waited for too long.

All transfers run in one thread's event loop. What may be waited for is a budget: it is what a build may lose by this
cache, so that the seconds a compile would have taken are earned back by what is taken instead. A store that fails, or
that used the budget up, is away for the rest of the build.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, InvalidStateError
from typing import Any

import obstore
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.packed import NotAnEntryError, NotTrustedError, PackedArtifact
from wasmbuild.builder.cache.signing import Signer, TrustedKeys
from wasmbuild.builder.request import RemoteReport

_AT_ONCE = 32
# What was fetched and not asked for yet is held in memory.
_AHEAD = 64
_ROOM = 16
# So many failures in a row are those of the store, not of an entry.
_FAILURES = 3
_JOIN_SECONDS = 2.0


class _Transfer:
    """Bytes of an entry that are on their way; ``ahead`` is set where nobody had asked for them when they set out."""

    __slots__ = ("ahead", "future", "started")

    def __init__(self) -> None:
        self.future: Future[bytes | None] = Future()
        self.started = self.ahead = False

    def end(self, data: bytes | None) -> None:
        """Let go of whoever waits, if nobody did before."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(data)


class RemoteCache:
    """A store of packed artifacts; no method raises, and threads may use it at once."""

    def __init__(
        self,
        store: Callable[[], Any],
        shown: str,
        timeout: float,
        trusted: TrustedKeys | None = None,
        signer: Signer | None = None,
        *,
        push: bool = False,
        push_problem: str | None = None,
        cores: int = 1,
    ) -> None:
        """``store`` opens the store, which ``shown`` names to people.

        ``timeout`` are the seconds by which it may delay a build, ``cores`` how many compiles that runs at once.
        ``push_problem`` says why nothing can be pushed.
        """
        self._open = store
        self._shown = shown
        self._budget = Budget(timeout)
        self._timeout = timeout
        self._trusted = trusted
        self._signer = signer
        self._push = push
        self._cores = cores
        self._mutex = threading.Lock()
        self._store: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ahead = asyncio.Semaphore(_AHEAD)
        self._wanted: dict[str, _Transfer] = {}
        self._under_way: set[_Transfer] = set()
        self._pushing: list[_Transfer] = []
        self._room = 0
        self._refused: set[str] = set()
        self._away: str | None = None
        self._failures = 0
        self._failure = ""
        self._answered = False
        self._taken = self._offered = self._pushed = self._denied = self._damaged = self._untrusted = 0
        self._push_problem = push_problem

    # --- taking

    def want(self, keys: Iterable[str]) -> None:
        """Begin to fetch what will be asked for, in this order."""
        keys = list(keys)
        with self._mutex:
            new = {key: _Transfer() for key in keys if key not in self._wanted}
            if not new or not self._ready():
                return
            self._wanted.update(new)
            self._under_way.update(new.values())
        self._spawn(self._fetch_ahead(new))

    def get(self, key: str) -> PackedArtifact | None:
        """Return an entry, whose artifact has yet to be held to its digest; None where there is none to be trusted."""
        with self._mutex:
            if key in self._refused or not self._ready():
                return None
            transfer = self._wanted.pop(key, None) or _Transfer()
            self._under_way.add(transfer)
        if not transfer.future.done():
            self._spawn(self._take(key, transfer))
        elif transfer.ahead:
            self._make_room()
        data = self._waited_for(transfer.future)
        with self._mutex:
            self._under_way.discard(transfer)
        if data is None:
            return None
        found = None
        problem = ""
        try:
            found = packed.unpack(data, key, self._trusted)
        except NotAnEntryError:
            problem = "damaged"
        except NotTrustedError:
            problem = "untrusted"
        with self._mutex:
            if found is not None:
                self._taken += 1
                self._budget.earn(found.seconds / self._cores)
                return found
            self._refused.add(key)
            if problem == "damaged":
                self._damaged += 1
            else:
                self._untrusted += 1
        return None

    def refuse(self, key: str) -> None:
        """Take no more what turned out to be another artifact."""
        with self._mutex:
            self._refused.add(key)
            self._damaged += 1
            self._taken -= 1

    def _waited_for(self, future: Future[bytes | None]) -> bytes | None:
        if future.done():
            return future.result()
        with self._budget:
            while True:
                left = self._budget.left()
                if left <= 0:
                    self._leave(f"kept the build waiting for {self._timeout:g} s")
                    return None
                try:
                    return future.result(left)
                except TimeoutError:
                    # Another thread may have earned more.
                    continue

    async def _fetch_ahead(self, wanted: dict[str, _Transfer]) -> None:
        waiting = iter(wanted.items())

        async def work() -> None:
            for key, transfer in waiting:
                await self._ahead.acquire()
                if transfer.started:
                    self._ahead.release()
                else:
                    transfer.ahead = True
                    await self._fetch(key, transfer)

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(wanted)))))

    async def _take(self, key: str, transfer: _Transfer) -> None:
        if transfer.ahead:
            self._release(1)
        elif not transfer.started:
            await self._fetch(key, transfer)

    def _make_room(self) -> None:
        """Let more be fetched ahead; to wake the other thread for each entry would take longer than to fetch it."""
        with self._mutex:
            self._room += 1
            loop, room = self._loop, self._room
            if room < _ROOM or loop is None:
                return
            self._room = 0
        loop.call_soon_threadsafe(self._release, room)

    def _release(self, room: int) -> None:
        for _ in range(room):
            self._ahead.release()

    async def _fetch(self, key: str, transfer: _Transfer) -> None:
        transfer.started = True
        data = None
        try:
            data = await self._object(key)
            self._succeed()
        except FileNotFoundError:
            self._succeed()
        except PermissionDeniedError:
            # A bucket that may not be listed says so of what is not there, too.
            self._denied += 1
        except UnauthenticatedError:
            self._leave("asks who this is (401), and its credentials are missing or wrong")
        except Exception as error:
            self._fail(error)
        finally:
            transfer.end(data)

    async def _object(self, key: str) -> bytes | None:
        found = await obstore.get_async(self._store, _path(key))
        if found.meta["size"] > packed.MAX_BYTES:
            self._damaged += 1
            return None
        return bytes(await found.bytes_async())

    # --- pushing

    def put(self, key: str, artifact: bytes, sha256: str, inputs: Mapping[str, Any], seconds: float) -> None:
        """Begin to put an artifact there, if that is asked for."""
        if not self._push or len(artifact) > packed.MAX_BYTES or self._push_problem is not None:
            return
        with self._mutex:
            if not self._ready():
                return
        data = packed.pack(key, artifact, sha256, inputs, seconds, self._signer)
        transfer = _Transfer()
        with self._mutex:
            self._offered += 1
            self._pushing.append(transfer)
            self._under_way.add(transfer)
        self._spawn(self._put(key, data, transfer))

    async def _put(self, key: str, data: bytes, transfer: _Transfer) -> None:
        try:
            if self._push_problem is None and self._away is None:
                await obstore.put_async(self._store, _path(key), data)
                self._pushed += 1
                self._succeed()
        except (PermissionDeniedError, UnauthenticatedError):
            self._push_problem = "does not let this user write"
        except Exception as error:
            self._fail(error)
        finally:
            transfer.end(None)

    # --- the store and its thread

    def close(self) -> None:
        """Wait for what is being pushed as long as there is time, and end all transfers."""
        for transfer in self._pushing:
            self._waited_for(transfer.future)
        with self._mutex:
            self._pushing.clear()
            self._wanted.clear()
            self._under_way.clear()
            loop, thread = self._loop, self._thread
            self._loop = self._thread = self._store = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_JOIN_SECONDS)

    def report(self) -> RemoteReport:
        """Return what became of it so far."""
        problems = []
        if self._away is not None:
            problems.append(f"{self._away}; it is done without")
        elif self._failure and not self._answered:
            problems.append(f"does not answer as a cache does ({self._failure}); it is done without")
        if self._denied and not self._answered:
            problems.append("gives this user nothing (403): check its credentials, and the address")
        if self._damaged:
            problems.append(f"has {self._damaged} entries that are no whole artifacts; they are passed over")
        if self._untrusted:
            problems.append(f"has {self._untrusted} entries that none of [cache] keys signed; they are passed over")
        if self._push_problem is not None:
            problems.append(self._push_problem)
        elif self._pushed < self._offered:
            problems.append(f"did not get {self._offered - self._pushed} of what was compiled")
        return RemoteReport(self._taken, self._pushed, tuple(f"{self._shown} {problem}" for problem in problems))

    def _ready(self) -> bool:
        """Tell whether it can be used, opening it the first time; the mutex is held."""
        if self._away is not None:
            return False
        if self._store is None:
            try:
                self._store = self._open()
            except Exception as error:
                self._away = str(error)
                return False
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._ahead = asyncio.Semaphore(_AHEAD)
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="remote cache", daemon=True)
            self._thread.start()
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        loop = self._loop
        if loop is None:
            work.close()
        else:
            asyncio.run_coroutine_threadsafe(work, loop)

    def _succeed(self) -> None:
        self._answered = True
        self._failures = 0

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        self._failure = stores.reason(error)
        if self._failures >= _FAILURES:
            self._leave(f"does not answer as a cache does ({self._failure})")

    def _leave(self, why: str) -> None:
        """Do without it from now on; whoever waits is let go."""
        with self._mutex:
            if self._away is None:
                self._away = why
            for transfer in self._under_way:
                transfer.end(None)


def _path(key: str) -> str:
    """Return where an entry lies: as Bazel's HTTP cache calls the results of actions, which many servers serve."""
    return f"ac/{key}"


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        loop.close()
