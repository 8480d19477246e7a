"""Load and test artifacts with the library of the ``wasmtime`` Python package, in a child that takes one after another.

Artifacts without tests are loaded in a row, each request sent before the answer to the one before it is there. Small
ones share a request, since to send each by itself costs more than to load it; where that comes to no answer, each is
loaded by itself. One with tests always is: it stays loaded until each test, a request of its own, has its answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress

from wasmbuild.errors import ChildError
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.interrupts import HEARING_SECONDS
from wasmbuild.lean.typing import Any, NamedTuple
from wasmbuild.project.cases import Case
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import ChildExit, Request
from wasmbuild.verify import interface, library_requests, tested
from wasmbuild.verify import library_answers as answers
from wasmbuild.verify.loading import HERE, Load, LoadingSite, LoadOutcome
from wasmbuild.verify.outcomes import Obstacle
from wasmbuild.verify.tested import CaseResult, Metering

# So many wait at most, each of whose artifacts has a descriptor open.
_BATCHES = 2
_BATCH_SIZE = 16
_BATCH_BYTES = 1 << 20
_POLL_SECONDS = 0.05


class _Batch(NamedTuple):
    """Artifacts that share a request and an engine; without any, the engine is made for those to come."""

    how: list[Any]
    loads: tuple[Load, ...] = ()

    @property
    def has_tests(self) -> bool:
        """Whether it is a single artifact with tests."""
        return bool(self.loads) and self.loads[0].metering is not None


class LibraryLoader:
    """Settles what is put in, in order, on a thread of its own, while the next artifacts are hashed.

    ``server`` runs the probe. ``Load.how`` is the engine as the probe takes it: calls on ``Config`` and a target or
    None. ``limits.seconds`` is the time to load one artifact, ``limits.memory`` what the child may allocate, which is
    bounded elsewhere. A child that cannot be started is an error of this host; of a runner, it is what keeps its
    artifacts from being loaded.
    """

    def __init__(self, server: Server, limits: ProcessLimits, site: LoadingSite = HERE) -> None:
        self._limits = limits
        self._site = site
        self._server = server
        self._taken = 0
        self._since = 0.0
        self._queue: queue.Queue[_Batch | None] = queue.Queue(_BATCHES)
        self._gathered: list[Load] = []
        self._bytes = 0
        self._idle = True
        self._returned: _Batch | None = None
        self._useless: Obstacle | None = None
        self._error: BaseException | None = None
        self._ended = False
        # An interrupted join of a thread ends that thread in the eyes of Python before 3.13.
        self._done = threading.Event()
        threading.Thread(target=self._run, name="wasmbuild-loader", daemon=True).start()

    @property
    def is_here(self) -> bool:
        """Whether the library is that of this host, not that of a runner."""
        return not self._site.is_runner

    def warm(self, how: list[Any]) -> None:
        """Start the child, if it is not running, and make the engine that loads to come will need."""
        self.flush()
        self._hand(_Batch(how))

    def put(self, load: Load) -> None:
        """Take a load, waiting while many others do; ``flush`` is called some time. Raises what ended the thread."""
        size = load.artifact.size
        first = self._gathered[0] if self._gathered else None
        if first is not None and (
            load.how != first.how or load.metering or first.metering or self._bytes + size > _BATCH_BYTES
        ):
            self.flush()
        self._gathered.append(load)
        self._bytes += size
        if len(self._gathered) >= _BATCH_SIZE or self._idle:
            self.flush()

    def flush(self) -> None:
        """Let no load wait for others. Raises what ended the thread."""
        self._hand_over()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Settle what is left, end the child, and raise what ended the thread, if anything did."""
        self._hand_over()
        self._hand(None)
        while not self._done.wait(HEARING_SECONDS):
            pass
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """End the child without settling what is left."""
        self._error = self._error or InterruptedError("verification was interrupted")
        _drop(self._gathered)
        self._gathered = []
        while not self._done.wait(_POLL_SECONDS):
            self._server.kill()
            with suppress(queue.Full):
                self._queue.put_nowait(None)

    def _hand_over(self) -> None:
        if self._gathered:
            batch = _Batch(self._gathered[0].how, tuple(self._gathered))
            self._gathered, self._bytes = [], 0
            self._hand(batch)

    def _hand(self, batch: _Batch | None) -> None:
        while True:
            with suppress(queue.Full):
                return self._queue.put(batch, timeout=HEARING_SECONDS)

    def _run(self) -> None:
        try:
            with self._server:
                while self._error is None and (batch := self._take()) is not None:
                    self._settle(batch)
        except BaseException as error:
            self._error = self._error or error
        try:
            # Whoever puts in more would wait for room forever.
            while self._error is not None and (batch := self._take()) is not None:
                _drop(batch.loads)
        finally:
            self._done.set()

    def _take(self, *, wait: bool = True) -> _Batch | None:
        """Return what comes next, None ever after the end. Raises queue.Empty."""
        if self._ended:
            return None
        self._idle = wait
        taken, self._returned = self._returned or self._queue.get(wait), None
        self._idle = False
        self._ended = taken is None
        return taken

    def _settle(self, batch: _Batch) -> None:
        self._since = time.monotonic()
        if self._useless is not None:
            self._end(batch.loads, [self._useless] * len(batch.loads))
        elif batch.has_tests:
            self._load_each(batch.loads)
        else:
            self._load_each(self._load_many(batch))

    # --- by the batch -----------------------------------------------------------------------------------------------

    def _load_many(self, first: _Batch) -> Sequence[Load]:
        """Load ``first`` and what came in meanwhile, without waiting for more; return what is to be loaded alone."""
        under_way: deque[_Batch] = deque()
        again: list[Load] = []

        def requests() -> Iterator[Request]:
            batch: _Batch | None = first
            with suppress(queue.Empty):
                while batch is not None:
                    if batch.has_tests or again:
                        self._returned = batch
                        return
                    under_way.append(batch)
                    if self._error is not None:
                        return
                    yield self._request(batch)
                    batch = self._take(wait=False)

        try:
            for outcome in self._server.outcomes(requests()):
                loads = under_way.popleft().loads
                alone = self._note(outcome, len(loads)) and len(loads) == 1
                obstacles = answers.obstacles(loads, outcome, self._limits.memory, self._site)
                if obstacles is None or answers.may_be_of_another(outcome, self._site, alone=alone):
                    again.extend(loads)
                else:
                    self._end(loads, obstacles)
            return again
        except ChildError as error:
            self._give_up(error, [*again, *_all_loads(under_way)])
            return ()
        except BaseException:
            _drop(again)
            raise
        finally:
            _drop(_all_loads(under_way))

    # --- one by one ---------------------------------------------------------------------------------------------------

    def _load_each(self, loads: Iterable[Load]) -> None:
        left = deque(loads)
        try:
            while left and self._error is None:
                obstacle, results, doubtful = self._load(left[0])
                if doubtful and self._error is None:
                    # An artifact before it may have damaged the process: only a death of its own counts.
                    self._restart()
                    obstacle, results, _ = self._load(left[0])
                self._end([left.popleft()], [obstacle], results)
        except ChildError as error:
            self._give_up(error, left)
        finally:
            _drop(left)

    def _load(self, load: Load) -> tuple[Obstacle | None, tuple[CaseResult, ...] | None, bool]:
        """Load and test; return what is wrong, the tests that ran, and whether another artifact may be the cause."""
        obstacle, alone, doubtful = self._open(load)
        if obstacle is not None or load.metering is None:
            return obstacle, None, doubtful
        results: list[CaseResult] = []
        needed = 1
        for case in load.artifact.tests:
            before = self._taken - 1
            outcome, result = self._test(load.artifact, case, load.metering)
            if before >= needed and answers.may_be_of_earlier(outcome, result, self._site):
                # Others had their outcomes, which stand: only what it does by itself counts.
                self._restart()
                obstacle, alone, _ = self._open(load)
                if obstacle is not None:
                    return obstacle, None, False
                outcome, result = self._test(load.artifact, case, load.metering)
                # Where all tests are wrong, a child for each would take far longer than the tests.
                needed *= 2 if result.problem else 1
            results.append(result)
            if isinstance(outcome, ChildExit):
                doubtful = answers.may_be_of_another(outcome, self._site, alone=alone)
                break
        return tested.verdict(load.artifact, results), tuple(results), doubtful

    def _open(self, load: Load) -> tuple[Obstacle | None, bool, bool]:
        """Load; return what is wrong, whether nothing came before it, and whether another may be the cause."""
        memory = self._limits.memory
        outcome = self._server.outcome(self._request(_Batch(load.how, (load,)), keep=load.metering is not None))
        alone = self._note(outcome, 1)
        obstacles = answers.obstacles((load,), outcome, memory, self._site)
        doubtful = answers.may_be_of_another(outcome, self._site, alone=alone)
        return (None if obstacles is None else obstacles[0]), alone, doubtful

    def _test(self, artifact: ManifestArtifact, case: Case, metering: Metering) -> tuple[Reply | ChildExit, CaseResult]:
        body = library_requests.to_execute(artifact, case, metering)
        outcome = self._server.outcome(Request(body, seconds=case.seconds))
        self._note(outcome, 1)
        memory = self._limits.memory
        if isinstance(outcome, Reply):
            return outcome, tested.judged(case, outcome.body, memory)
        return outcome, tested.died(case, outcome.reason, outcome.stderr, memory, is_own=answers.is_own(outcome))

    # --- both ---------------------------------------------------------------------------------------------------------

    def _request(self, batch: _Batch, *, keep: bool = False) -> Request:
        loads = batch.loads
        body: dict[str, Any] = {"engine": batch.how, "load": [load.artifact.kind for load in loads]}
        if unsized := [at for at, load in enumerate(loads) if interface.has_untold_sizes(load.artifact)]:
            body["unsized"] = unsized
        if keep:
            body["keep"] = True
        return Request(body, files=[load.file.fileno() for load in loads], seconds=self._limits.seconds)

    def _note(self, outcome: Reply | ChildExit, count: int) -> bool:
        """Count what the process has loaded and tested, and return whether nothing came before this."""
        alone = self._taken == 0
        self._taken = 0 if isinstance(outcome, ChildExit) else self._taken + count
        return alone

    def _restart(self) -> None:
        self._server.close()
        self._taken = 0

    def _end(
        self,
        loads: Collection[Load],
        obstacles: Sequence[Obstacle | None],
        results: tuple[CaseResult, ...] | None = None,
    ) -> None:
        """Settle the loads of one request, which share its time."""
        now = time.monotonic()
        seconds = (now - self._since) / max(1, len(loads))
        self._since = now
        try:
            for load, obstacle in zip(loads, obstacles, strict=True):
                load.end(LoadOutcome(obstacle, results, seconds))
        finally:
            _drop(loads)

    def _give_up(self, error: ChildError, loads: Collection[Load]) -> None:
        """Settle what a child that cannot be started leaves: this one and all to come."""
        self._useless = answers.not_started(error, self._limits.memory, self._site)
        self._end(loads, [self._useless] * len(loads))


def _drop(loads: Iterable[Load]) -> None:
    for load in loads:
        load.file.close()


def _all_loads(batches: Iterable[_Batch]) -> list[Load]:
    return [load for batch in batches for load in batch.loads]
