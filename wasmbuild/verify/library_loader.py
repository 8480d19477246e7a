"""Load and test artifacts with the library of the ``wasmtime`` Python package, in a child that takes one after another.

Artifacts without tests are loaded in a row, each sent before the answer to the one before it is there. One with tests
goes by itself: it stays loaded until each test, a request of its own, has its answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from wasmbuild.errors import ChildError
from wasmbuild.project import cases
from wasmbuild.toolchain import child
from wasmbuild.toolchain.child import Death, Limits, Reply, Request, Server, format_bytes
from wasmbuild.verify import interface, tested
from wasmbuild.verify.intact import AGAIN, BY_HAND
from wasmbuild.verify.loading import HERE, Load, Outcome, Place, death, refusal
from wasmbuild.verify.report import Broken, Obstacle
from wasmbuild.verify.tested import Grant, Ran
from wasmbuild.verify.watch import Watch

CORRECT = "correct the runner in wasmbuild.toml, or install what is missing"
"""What to do about a runner that runs nothing."""

START_SECONDS = 60.0
"""How long a child may take to start: Python itself, imports, and an emulator around it."""

# Each has a descriptor open. They are handed over by the handful, for each time costs as much as hashing a small one.
_WAITING = 64
_HANDFUL = 16
_POLL_SECONDS = 0.05
# Bytes. A child that cannot start with less lacks them, most likely.
_TO_START = 64 << 20
_KILLED = -9
# Of an exception of Python, which comes again.
_EXCEPTION = 1


class _Warm(NamedTuple):
    how: list[Any]


class LibraryLoader:
    """Settles what is put in, in order, on a thread of its own, while the next artifacts are hashed.

    ``server`` runs the probe, without a limit of time. ``Load.how`` is the engine as the probe takes it: calls on
    ``Config`` and a target or None. ``limits.seconds`` is the time to load one artifact, ``limits.memory`` what the
    child may allocate, which is bounded elsewhere. A child that cannot be started is an error of this host; of a
    runner, it is what keeps its artifacts from being loaded.
    """

    def __init__(self, server: Server, limits: Limits, place: Place = HERE) -> None:
        self._limits = limits
        self._place = place
        self._server = server
        self._watch = Watch(server.kill)
        self._fresh = True
        self._loaded = 0
        self._since = 0.0
        self._queue: queue.Queue[list[Load | _Warm | None]] = queue.Queue(_WAITING // _HANDFUL)
        self._gathered: list[Load | _Warm | None] = []
        self._taken: deque[Load | _Warm | None] = deque()
        self._useless: Obstacle | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="wasmbuild-loader", daemon=True)
        self._thread.start()

    def warm(self, how: list[Any]) -> None:
        """Start the child, if it is not running, and make the engine that loads to come will need."""
        self._gathered.append(_Warm(how))
        self.flush()

    def put(self, load: Load) -> None:
        """Take a load, waiting while many others do; ``flush`` is called some time. Raises what ended the thread."""
        self._gathered.append(load)
        if len(self._gathered) >= _HANDFUL or self._queue.empty():
            self.flush()

    def flush(self) -> None:
        """Let no load wait for others. Raises what ended the thread."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._queue.put(gathered)
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Settle what is left, end the child, and raise what ended the thread, if anything did."""
        self._queue.put([*self._gathered, None])
        self._gathered = []
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """End the child without settling what is left."""
        self._error = self._error or InterruptedError("verification was interrupted")
        for item in self._gathered:
            _drop(item)
        self._gathered = []
        while self._thread.is_alive():
            self._server.kill()
            with suppress(queue.Full):
                self._queue.put_nowait([None])
            self._thread.join(_POLL_SECONDS)

    def _run(self) -> None:
        with self._server:
            try:
                while self._error is None and (item := self._next()) is not None:
                    self._take(item)
            except BaseException as error:
                self._error = self._error or error
        self._watch.close()
        # Whoever puts in more would wait for room forever.
        while self._error is not None and (item := self._next()) is not None:
            _drop(item)

    def _next(self, *, wait: bool = True) -> Load | _Warm | None:
        """Return what comes next, None ever after the end. Raises queue.Empty."""
        if self._ended:
            return None
        if not self._taken:
            self._taken.extend(self._queue.get(wait))
        item = self._taken.popleft()
        self._ended = item is None
        return item

    def _take(self, item: Load | _Warm) -> None:
        self._since = time.monotonic()
        if self._useless is not None:
            if isinstance(item, Load):
                item.end(Outcome(self._useless))
        elif isinstance(item, Load) and item.grant is not None:
            self._load_and_test(item, item.grant)
        else:
            self._load_many(item)

    # --- artifacts without tests --------------------------------------------------------------------------------------

    def _load_many(self, first: Load | _Warm) -> None:
        """Load ``first`` and what came in meanwhile, without waiting for more."""
        under_way: deque[Load | _Warm] = deque()
        again: deque[Load] = deque()

        def requests() -> Iterator[Request]:
            item: Load | _Warm | None = first
            with suppress(queue.Empty):
                while item is not None:
                    if isinstance(item, Load) and item.grant is not None:
                        self._taken.appendleft(item)
                        return
                    under_way.append(item)
                    if self._error is not None:
                        return
                    yield _request(item)
                    item = self._next(wait=False)

        try:
            self._grant(self._limits.seconds)
            for outcome in self._server.outcomes(requests()):
                late = self._note(outcome)
                load = under_way.popleft()
                if isinstance(load, _Warm):
                    continue  # whatever is wrong with the engine comes again with the first load
                if isinstance(outcome, Death) and not late and _may_be_another(outcome):
                    again.append(load)
                else:
                    self._end(load, self._obstacle(load, outcome, late=late))
                self._grant(self._limits.seconds)
            while again and self._error is None:
                # An artifact before it may have damaged the process: only a death of its own counts.
                self._restart()
                outcome, late = self._ask(_request(again[0]), self._limits.seconds)
                load = again.popleft()
                self._end(load, self._obstacle(load, outcome, late=late))
        except ChildError as error:
            self._give_up(error, [*under_way, *again])
            under_way.clear()
            again.clear()
        finally:
            self._watch.relax()
            for item in (*under_way, *again):
                _drop(item)

    # --- artifacts with tests -----------------------------------------------------------------------------------------

    def _load_and_test(self, load: Load, grant: Grant) -> None:
        try:
            alone = self._loaded == 0
            obstacle, ran, died = self._try(load, grant)
            if died and not alone and self._error is None:
                # Another artifact may have damaged the process.
                self._restart()
                obstacle, ran, _ = self._try(load, grant)
            self._end(load, obstacle, ran)
        except ChildError as error:
            self._give_up(error, [load])
        except BaseException:
            _drop(load)
            raise

    def _try(self, load: Load, grant: Grant) -> tuple[Obstacle | None, tuple[Ran, ...] | None, bool]:
        """Load and test; return what is wrong, the tests that ran, and whether the process died, not being late."""
        outcome, late = self._ask(_request(load, keep=True), self._limits.seconds)
        obstacle = self._obstacle(load, outcome, late=late)
        if obstacle is not None:
            return obstacle, None, isinstance(outcome, Death) and not late
        ran: list[Ran] = []
        for case in load.artifact.tests:
            fuel = (case.fuel or cases.FUEL[1]) if grant.fuel else None
            request = Request({"test": case.to_json(), "fuel": fuel, "epoch": grant.epoch})
            outcome, late = self._ask(request, case.seconds)
            if isinstance(outcome, Death):
                ending = child.late(case.seconds) if late else outcome.words
                ran.append(tested.died(case, ending, outcome.stderr, self._limits.memory))
                return tested.verdict(load.artifact, ran), tuple(ran), not late
            ran.append(tested.judged(case, outcome.body, self._limits.memory))
        return tested.verdict(load.artifact, ran), tuple(ran), False

    # --- both ---------------------------------------------------------------------------------------------------------

    def _ask(self, request: Request, seconds: float | None) -> tuple[Reply | Death, bool]:
        """Return the outcome of a request, and whether it took too long."""
        self._grant(seconds)
        try:
            outcome = self._server.outcome(request)
        finally:
            self._watch.relax()
        return outcome, self._note(outcome)

    def _grant(self, seconds: float | None) -> None:
        self._watch.grant(None if seconds is None else seconds + (START_SECONDS if self._fresh else 0.0))

    def _note(self, outcome: Reply | Death) -> bool:
        """Note whether the next request has a new process, and return whether this one took too long."""
        self._fresh = isinstance(outcome, Death)
        self._loaded = 0 if self._fresh else self._loaded + 1
        return self._fresh and self._watch.expired

    def _restart(self) -> None:
        self._server.close()
        self._fresh, self._loaded = True, 0

    def _end(self, load: Load, obstacle: Obstacle | None, ran: tuple[Ran, ...] | None = None) -> None:
        now = time.monotonic()
        self._since, since = now, self._since
        load.end(Outcome(obstacle, ran, now - since))

    def _give_up(self, error: ChildError, items: list[Load | _Warm]) -> None:
        """Settle what a child that cannot be started leaves; raises the error where that is one of this host."""
        loads = [item for item in items if isinstance(item, Load)]
        if not self._place.is_runner:
            for load in loads:
                _drop(load)
            memory = self._limits.memory
            if memory is not None and memory < _TO_START:
                why, _ = start_failure(error)
                raise ChildError(f"{why}; allow it more memory than {format_bytes(memory)}") from None
            raise error
        self._useless = self._place.cannot(*start_failure(error))
        for load in loads:
            load.end(Outcome(self._useless))

    def _obstacle(self, load: Load, outcome: Reply | Death, *, late: bool) -> Obstacle | None:
        memory = self._limits.memory
        if isinstance(outcome, Death):
            words = child.late(self._limits.seconds) if late else outcome.words
            return death(load.artifact, words, outcome.stderr, memory)
        if "error" in outcome.body:
            return refusal(load.artifact, str(outcome.body["error"]), memory, self._place)
        imports, exports = outcome.body.get("imports"), outcome.body.get("exports")
        if not interface.is_told(imports, 4) or not interface.is_told(exports, 3):
            # The child is healthy until it loads something that is not.
            return Broken(f"{load.artifact.path} makes the process that loads it answer with nonsense; {AGAIN}")
        problem = interface.difference(load.artifact, imports, exports)
        return Broken(f"{load.artifact.path}: {problem}; {BY_HAND}") if problem else None


def start_failure(error: ChildError) -> tuple[str, str]:
    """Return why a runner's child could not be started, and what to do."""
    first, *rest = str(error).splitlines()
    last = rest[-1].strip() if rest else ""
    why = f"{first} ({last})" if last else first
    if "No module named 'wasmtime'" in last:
        return why, "install the package wasmtime for its python, or name an executable as its wasmtime"
    return why, CORRECT


def _may_be_another(death: Death) -> bool:
    """Tell whether something else than the request may have ended a process."""
    return (death.answered > 0 or death.status == _KILLED) and death.status != _EXCEPTION


def _drop(item: Load | _Warm | None) -> None:
    if isinstance(item, Load):
        item.file.close()


def _request(item: Load | _Warm, *, keep: bool = False) -> Request:
    if isinstance(item, _Warm):
        return Request({"engine": item.how})
    body: dict[str, Any] = {"load": item.artifact.kind, "engine": item.how}
    if keep:
        body["keep"] = True
    return Request(body, file=item.file.fileno())
