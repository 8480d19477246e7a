"""Artifacts that others compiled, in a store far away: fetched ahead, and never waited for too long.

What may be waited for is a budget: it is what a build may lose by this cache, so that the seconds a compile would have
taken are earned back by what is taken instead. A store that fails, or that used the budget up, is away for the rest of
the build. Who transfers is a child; see ``transferring`` for what it says.
"""

from __future__ import annotations

import itertools
import time
from _thread import allocate_lock

from wasmbuild.builder.cache import packed
from wasmbuild.builder.cache.answers import CacheProblem, RemoteReport
from wasmbuild.builder.cache.budget import Budget
from wasmbuild.builder.cache.remote_status import RemoteStatus
from wasmbuild.builder.cache.tiered import TakenArtifact
from wasmbuild.builder.cache.transferrer import Started
from wasmbuild.errors import ChildError, ToolchainError
from wasmbuild.lean.typing import TYPE_CHECKING, Any, Generic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wasmbuild.toolchain.replies import Reply

# So many are fetched and not asked for yet, so that what is not kept here is not held in memory for long. More set out
# together: to tell of each by itself takes longer than that.
_AHEAD = 64
_TOGETHER = 16
# What waits to be pushed is held in memory.
_MOST_BYTES = 256 << 20


def lacks(module: str) -> str:
    """Say that a module of the extra is missing, in words that follow the address of the cache."""
    return f"needs the extra remote, of which {module} is not installed: pip install 'wasmbuild[remote]'"


class RemoteCache(Generic[Started]):
    """A store of packed artifacts; no method raises, and threads may use it at once."""

    def __init__(
        self,
        start: Callable[[], Started],
        shown: str,
        timeout: float,
        *,
        push: bool = False,
        push_problem: str | None = None,
        warning: str | None = None,
        cores: int = 1,
        hear: Callable[[int, CacheProblem | None], None] | None = None,
        late: Callable[[], None] = lambda: None,
        was_late: Callable[[], bool] | None = None,
        leave: Callable[[Started], None] | None = None,
    ) -> None:
        """``start`` starts who transfers, to and from a store that ``shown`` names to people; ``leave`` takes it back.

        ``timeout`` are the seconds by which it may delay a build, ``cores`` how many compiles that runs at once.
        ``push_problem`` says why nothing can be pushed, ``warning`` what is told in any case. ``hear`` is called with
        the bytes by which the cache of this machine has grown and what is in its way, ``late`` when the build goes on
        without the store because the seconds are over, or ended without it because nobody answered. Where another
        step of this build did so and told it, as ``was_late`` says when the store is first needed, it is done
        without, and nothing is told.
        """
        self._status = RemoteStatus(shown, push_problem, warning)
        self._budget = Budget(timeout)
        self._start = start
        self._timeout = timeout
        self._pushes = push
        self._cores = cores
        self._hear = hear
        self._late = late
        self._was_late = was_late
        self._leave_to = leave
        self._transferrer: Started | None = None
        # Of all below, and of what is sent; and of whoever reads, who takes the other one too.
        self._mutex = allocate_lock()
        self._reading = allocate_lock()
        # What is wanted and did not set out yet, in its order; what did, and nobody has asked for; what came of it.
        self._waiting: dict[str, None] = {}
        self._unasked: set[str] = set()
        self._arrived: dict[str, list[TakenArtifact | None]] = {}
        self._refused: set[str] = set()
        # What is on its way there, with the size of each artifact in bytes, and of all together.
        self._pushing: dict[str, int] = {}
        self._pushing_bytes = 0
        # The smallest entry that was accepted: its size in bytes and its key.
        self._accepted: tuple[int, str] | None = None
        self._looked = False

    # --- taking

    def expect(self) -> None:
        """Have ready whoever transfers."""
        with self._mutex:
            self._started()

    def want(self, keys: Iterable[str]) -> None:
        """Begin to fetch what will be asked for, in this order."""
        with self._mutex:
            self._waiting.update((key, None) for key in keys if key not in self._unasked)
            self._fetch_ahead()

    def get(self, key: str) -> TakenArtifact | None:
        """Return what came of an entry, None where there is none to be trusted."""
        with self._mutex:
            if key in self._refused or self._status.away is not None:
                return None
            if key not in self._unasked:
                self._waiting.pop(key, None)
                self._send({"take": [key]})
            else:
                self._unasked.remove(key)
                if len(self._unasked) <= _AHEAD - _TOGETHER:
                    self._fetch_ahead()
        while self._wait_until(lambda: key in self._arrived):
            with self._mutex:
                # Artifacts may have the same key, and threads ask for them at once.
                if key in self._arrived:
                    return self._taken(key)
        return None

    def refuse(self, key: str) -> None:
        """Take no more what turned out to be another artifact."""
        with self._mutex:
            self._refused.add(key)
            self._status.damaged += 1
            self._status.taken -= 1

    def lose(self, taken: TakenArtifact) -> None:
        """Note that what came was gone before anybody could use it; it may be asked for again."""
        with self._mutex:
            self._status.taken -= 1
            self._budget.earn(-taken.seconds / self._cores)

    def _taken(self, key: str) -> TakenArtifact | None:
        """Return what came; the mutex is held."""
        answers = self._arrived[key]
        found = answers.pop()
        if not answers:
            del self._arrived[key]
        if found is not None:
            self._status.taken += 1
            self._budget.earn(found.seconds / self._cores)
        return found

    def _fetch_ahead(self) -> None:
        """Have more set out, while there is room for it; the mutex is held."""
        keys = list(itertools.islice(self._waiting, max(0, _AHEAD - len(self._unasked))))
        if keys:
            for key in keys:
                del self._waiting[key]
            self._unasked.update(keys)
            self._send({"take": keys})

    # --- pushing, and the end

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        """Begin to put an artifact there, if that is asked for; where much is on its way already, wait for that."""
        status = self._status
        if not self._pushes or len(artifact) > packed.MAX_BYTES:
            return
        with self._mutex:
            status.offered += 1
            is_much = self._pushing_bytes > _MOST_BYTES
        if status.away is not None or status.push_problem is not None:
            return
        if is_much:
            self._wait_until(self._has_pushed)
        request = {"put": key, "sha256": sha256, "seconds": seconds, "inputs": len(inputs)}
        with self._mutex:
            self._pushing_bytes += len(artifact) - self._pushing.get(key, 0)
            self._pushing[key] = len(artifact)
            self._send(request, inputs, artifact)

    def close(self) -> None:
        """Wait for what is being pushed as long as there is time, and end all transfers.

        Of what was accepted one entry is asked for, to see whether it is kept.
        """
        if self._wait_until(self._has_pushed) and self._accepted is not None:
            with self._mutex:
                self._send({"look": self._accepted[1]})
            self._accepted = None
            self._wait_until(lambda: self._looked)
        if self._status.is_absent:
            self._late()
        transferrer, self._transferrer = self._transferrer, None
        if transferrer is None:
            return
        if self._leave_to is not None and self._status.away is None and not self._unasked:
            self._leave_to(transferrer)
        else:
            transferrer.kill()
            with self._reading:
                transferrer.close()

    def report(self) -> RemoteReport:
        """Return what became of it so far."""
        return self._status.report()

    def _has_pushed(self) -> bool:
        return not self._pushing

    # --- who transfers

    def _send(self, request: dict[str, Any], *parts: bytes) -> None:
        """Ask for something, unless the store is away; the mutex is held."""
        transferrer = self._started()
        if transferrer is None:
            return
        try:
            with self._budget:
                taken = transferrer.send(request, *parts, seconds=self._budget.left())
        except OSError as error:
            self._leave_unasked(error)
        else:
            if not taken:
                self._leave_late()

    def _started(self) -> Started | None:
        """Return who transfers, None where the store is away; the mutex is held."""
        if self._status.away is None and self._transferrer is None:
            # Who takes turns with others was made before the first of them waited.
            if self._was_late is not None and self._was_late():
                self._status.leave_untold()
                return None
            try:
                self._transferrer = self._start()
            except (ChildError, ToolchainError, OSError) as error:
                self._leave_unasked(error)
        return None if self._status.away is not None else self._transferrer

    def _wait_until(self, is_there: Callable[[], bool]) -> bool:
        """Wait for something to come; tell whether it did before the store was away."""
        if is_there():
            return True
        with self._budget:
            while not is_there() and self._status.away is None:
                with self._reading:
                    # Another thread may have read it meanwhile.
                    if not is_there() and self._status.away is None:
                        self._read()
        return is_there()

    def _read(self) -> None:
        """Note what comes next, or leave the store."""
        replies: list[Reply] = []
        try:
            if self._transferrer is not None:
                replies = self._transferrer.next(time.monotonic() + max(0.0, self._budget.left()))
        except ChildError as error:
            self._leave(f"is not asked any more: the process that does {error}")
        else:
            if not replies:
                self._leave_late()
        with self._mutex:
            for reply in replies:
                self._note(reply)

    def _note(self, reply: Reply) -> None:
        """Note what became of a transfer; the mutex is held."""
        said, status = reply.body, self._status
        of, key, outcome = said["of"], said["key"], said["outcome"]
        status.hear(outcome, absent=said.get("absent", False))
        if outcome == "hopeless":
            self._leave(said["why"])
        elif outcome == "lacking":
            self._leave(lacks(said["module"]))
        elif of == "put":
            self._note_put(key, outcome, said)
        elif of == "look":
            self._looked = True
            if outcome == "missing":
                status.kept_nothing()
        else:
            self._note_taken(key, outcome, reply)

    def _note_taken(self, key: str, outcome: str, reply: Reply) -> None:
        said, status, taken = reply.body, self._status, None
        if outcome == "found":
            taken = TakenArtifact(said["sha256"], said["seconds"], said.get("kept"), reply.data)
            if self._hear is not None:
                self._hear(said.get("added", 0), CacheProblem(*said["problem"]) if "problem" in said else None)
        elif outcome == "damaged":
            self._refused.add(key)
            status.damaged += 1
        elif outcome == "untrusted":
            self._refused.add(key)
            status.untrusted += 1
        elif outcome == "denied":
            status.denied += 1
        elif outcome == "failed":
            status.failure = said["why"]
        self._arrived.setdefault(key, []).append(taken)

    def _note_put(self, key: str, outcome: str, said: dict[str, Any]) -> None:
        status = self._status
        self._pushing_bytes -= self._pushing.pop(key, 0)
        if outcome == "done":
            status.pushed += 1
            entry = (said["bytes"], key)
            self._accepted = min(self._accepted or entry, entry)
        elif outcome == "denied":
            status.push_problem = "does not let this user write"
        elif outcome in ("failed", "refused"):
            status.push_failure = said["why"]
            if outcome == "refused":
                status.push_problem = f"does not take what is put there ({status.push_failure})"

    def _leave_unasked(self, error: Exception) -> None:
        self._leave(f"cannot be asked ({error})")

    def _leave_late(self) -> None:
        self._leave(f"kept the build waiting for {self._timeout:g} s ([cache] timeout)")
        self._late()

    def _leave(self, why: str) -> None:
        """Do without it from now on."""
        if self._status.away is None:
            self._status.away = why
        if self._transferrer is not None:
            self._transferrer.kill()
