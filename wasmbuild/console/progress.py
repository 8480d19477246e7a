"""The story of a build, told on a console: what is compiled and why, what failed, and how it ended."""

from __future__ import annotations

import time

from wasmbuild.console.figures import counted, human_seconds, human_size
from wasmbuild.console.terminal import Console
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

_REASONS_SHOWN = 2


class Progress:
    """Tells what becomes of ``total`` artifacts; ``up_to_date`` others need nothing.

    ``taken`` is how many of those that were restored came from a remote cache, ``pushed`` how many went there.
    """

    def __init__(self, console: Console, total: int = 0, up_to_date: int = 0) -> None:
        self.console = console
        self.total = total
        self.up_to_date = up_to_date
        self.taken = self.pushed = 0
        self._workers: set[str] = set()
        self.failed: dict[str, list[str]] = {}
        self._started = time.monotonic()
        self._running: list[str] = []
        # Whether each of those that were made was restored.
        self._made: dict[str, bool] = {}
        self._finished = 0

    def start(self, id: str) -> None:
        """Tell that an artifact is being compiled."""
        self._running.append(id)
        self._bar()

    def done(
        self,
        id: str,
        reasons: Sequence[str],
        seconds: float,
        size: int,
        *,
        restored: bool = False,
        worker: str | None = None,
    ) -> None:
        """Tell that an artifact was compiled, here or by a worker, or restored from a cache; ``size`` is in bytes."""
        self._finished += 1
        self._made[id] = restored
        if restored:
            reasons = ("restored", *reasons)
        if worker is not None:
            self._workers.add(worker)
            reasons = (f"on {worker}", *reasons)
        self._end(id)
        why = "; ".join(reasons[:_REASONS_SHOWN]) + ("; …" if len(reasons) > _REASONS_SHOWN else "")
        figures = f"{human_seconds(seconds):>8}  {human_size(size):>9}"
        self.console.say(f"{self._count()}  {id:<28} {figures}  {self.console.dim(why)}")
        self._bar()

    def found_right(self, id: str) -> None:
        """Tell that an artifact needs nothing after all: another build made it meanwhile."""
        self._end(id)
        self.total -= 1
        self.up_to_date += 1
        self._bar()

    def fail(self, id: str, message: str) -> None:
        """Tell that an artifact failed; the message is shown once, however many artifacts it concerns.

        One that was made may fail after all.
        """
        if self._made.pop(id, None) is None:
            self._finished += 1
        self._end(id)
        self.failed.setdefault(message, []).append(id)
        self.console.say(f"{self._count()}  {id:<28} {self.console.bad('failed')}")
        self._bar()

    @property
    def restored(self) -> int:
        """How many artifacts came from a cache."""
        return sum(self._made.values())

    @property
    def compiled(self) -> int:
        """How many artifacts were compiled."""
        return len(self._made) - self.restored

    @property
    def unfinished(self) -> int:
        """How many artifacts have neither been made nor failed yet."""
        return self.total - self._finished

    def end(self, lost: Sequence[str] = ()) -> None:
        """Tell what failed and how everything ended; ``lost`` are messages of what could be no artifact."""
        self.console.clear()
        for message, ids in self.failed.items():
            # In the order of names, because compiles end in any order.
            ids.sort()
            self.console.error(message, of=listed(ids, 8))
        for message in lost:
            self.console.error(message)
        self.console.say(self.summary())

    def summary(self) -> str:
        """Return one line that says how everything ended."""
        failed = sum(map(len, self.failed.values()))
        parts = []
        if self.compiled:
            where = f" on {counted(len(self._workers), 'worker')}" if self._workers else ""
            parts.append(f"{self.compiled} compiled{where}")
        if self.restored:
            parts.append(f"{self.restored} restored" + (f" ({self.taken} from afar)" if self.taken else ""))
        if self.pushed:
            parts.append(f"{self.pushed} pushed")
        if self.up_to_date:
            parts.append(f"{self.up_to_date} up to date")
        if failed:
            parts.append(self.console.bad(f"{failed} failed"))
        if self.unfinished > 0:
            parts.append(f"{self.unfinished} not tried")
        seconds = time.monotonic() - self._started
        total = counted(self.total + self.up_to_date, "artifact")
        return f"{total}: {', '.join(parts) or 'nothing to do'} in {human_seconds(seconds)}"

    def _end(self, id: str) -> None:
        if id in self._running:
            self._running.remove(id)

    def _count(self) -> str:
        width = len(str(self.total))
        return self.console.dim(f"[{self._finished:>{width}}/{self.total}]")

    def _bar(self) -> None:
        self.console.bar(self._finished, self.total, ", ".join(self._running))
