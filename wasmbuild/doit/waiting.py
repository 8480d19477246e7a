"""How doit waits for what its threads do: such that it hears a request to stop meanwhile.

Python tells the main thread alone of a signal, and between two of its steps. Of one that another thread took, or that
came when the main one was just about to wait, it told when a compile or a test had come to its end, which may be never.
"""

from __future__ import annotations

from doit.runner import MThreadRunner

from wasmbuild.interrupts import HEARING_SECONDS
from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.queue import Empty, SimpleQueue
from wasmbuild.lean.typing import Any


class HeedfulQueue(SimpleQueue[Any]):
    """A queue from which whoever waits looks up now and then.

    What doit takes by itself is written in Python, and a request that comes as it takes its lock back breaks that.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        while block and timeout is None:
            with suppress(Empty):
                return super().get(timeout=HEARING_SECONDS)
        return super().get(block, timeout)


def hear_requests() -> None:
    """Have doit's main thread hear requests while it waits for the others, in all that it runs from now on."""
    MThreadRunner.Queue = staticmethod(HeedfulQueue)
