"""Load artifacts with the library of the ``wasmtime`` Python package, in a child that takes one after the other."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from wasmbuild.errors import ToolchainError
from wasmbuild.toolchain.child import Death, Limits, Reply, Request, Server
from wasmbuild.toolchain.find import Compiler
from wasmbuild.verify import interface
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.loading import Load, death, refusal
from wasmbuild.verify.report import Broken, Obstacle

PROBE = Path(__file__).with_name("probe.py")
"""The child; it is not imported here, because it imports ``wasmtime``."""

# Each has a descriptor open.
_WAITING = 64
_POLL_SECONDS = 0.05
# Where a Python that was built for a place of its own finds its shared library.
_FOR_PYTHON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# Killed, it was out of time; status 1 is an exception of Python, which comes again.
_NO_SECOND_TRY = (-9, 1)


class _Warm(NamedTuple):
    how: list[Any]


class LibraryLoader:
    """Settles what is put in, in order, on a thread of its own, while the next artifacts are hashed.

    ``Load.how`` is the engine as the probe takes it: calls on ``Config`` and a target or None. ``limits.memory`` bounds
    what the child allocates, ``limits.seconds`` the time for one artifact.
    """

    def __init__(self, library: Compiler, limits: Limits) -> None:
        self._limits = limits
        self._server = _server(library, limits)
        self._queue: queue.Queue[Load | _Warm | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="wasmbuild-loader", daemon=True)
        self._thread.start()

    def warm(self, how: list[Any]) -> None:
        """Start the child, if it is not running, and make the engine that loads to come will need."""
        self._queue.put(_Warm(how))

    def put(self, load: Load) -> None:
        """Take a load, waiting while many others do. Raises what ended the thread."""
        self._queue.put(load)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Settle what is left, end the child, and raise what ended the thread, if anything did."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """End the child without settling what is left."""
        self._error = self._error or InterruptedError("verification was interrupted")
        while self._thread.is_alive():
            self._server.kill()
            with suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(_POLL_SECONDS)

    def _run(self) -> None:
        with self._server:
            try:
                while self._error is None and (first := self._next()) is not None:
                    self._load(first)
            except BaseException as error:
                self._error = self._error or error
        # Whoever puts in more would wait for room forever.
        while self._error is not None and (item := self._next()) is not None:
            _drop(item)

    def _next(self, *, wait: bool = True) -> Load | _Warm | None:
        """Return what comes next, None ever after the end. Raises queue.Empty."""
        item = None if self._ended else self._queue.get(wait)
        self._ended = item is None
        return item

    def _load(self, first: Load | _Warm) -> None:
        """Load ``first`` and what came in meanwhile, without waiting for more."""
        under_way: deque[Load | _Warm] = deque()
        again: deque[Load] = deque()

        def requests() -> Iterator[Request]:
            item: Load | _Warm | None = first
            with suppress(queue.Empty):
                while item is not None:
                    under_way.append(item)
                    if self._error is not None:
                        return
                    yield _request(item)
                    item = self._next(wait=False)

        try:
            for outcome in self._server.outcomes(requests()):
                load = under_way.popleft()
                if isinstance(load, _Warm):
                    continue  # whatever is wrong with the engine comes again with the first load
                if isinstance(outcome, Death) and outcome.answered and outcome.status not in _NO_SECOND_TRY:
                    again.append(load)
                else:
                    load.end(self._obstacle(load, outcome))
            while again and self._error is None:
                # An artifact before it may have damaged the process: only a death of its own counts.
                self._server.close()
                outcome = self._server.outcome(_request(again[0]))
                load = again.popleft()
                load.end(self._obstacle(load, outcome))
        finally:
            for item in (*under_way, *again):
                _drop(item)

    def _obstacle(self, load: Load, outcome: Reply | Death) -> Obstacle | None:
        if isinstance(outcome, Death):
            return death(load.artifact, outcome.words, outcome.stderr, self._limits.memory)
        if "error" in outcome.body:
            return refusal(load.artifact, str(outcome.body["error"]), self._limits.memory)
        imports, exports = outcome.body.get("imports"), outcome.body.get("exports")
        if not interface.is_told(imports, 4) or not interface.is_told(exports, 3):
            # The child is healthy until it loads something that is not.
            return Broken(f"{load.artifact.path} makes the process that loads it answer with nonsense; {AGAIN}")
        problem = interface.difference(load.artifact, imports, exports)
        return Broken(f"{load.artifact.path}: {problem}; {BY_HAND}") if problem else None


def _drop(item: Load | _Warm) -> None:
    if isinstance(item, Load):
        item.file.close()


def _request(item: Load | _Warm) -> Request:
    if isinstance(item, _Warm):
        return Request({"engine": item.how})
    return Request({"load": item.artifact.kind, "engine": item.how}, file=item.file.fileno())


def _server(library: Compiler, limits: Limits) -> Server:
    if not sys.executable:
        raise ToolchainError("Python does not say where its executable is (sys.executable), so it can start no child")
    directories = (Path(library.path).parents[2], Path(__file__).parents[2])
    return Server(
        [
            *(sys.executable, "-I", "-S", "-X", "utf8", str(PROBE)),
            *("-" if limits.memory is None else str(limits.memory), *map(str, directories)),
        ],
        name=f"the probe with the library of wasmtime {library.version}",
        limits=limits._replace(memory=None),
        env_extra={name: os.environ[name] for name in _FOR_PYTHON if name in os.environ},
    )
