"""How doit waits for what its threads do: such that it hears a request to stop meanwhile.

Python tells the main thread alone of a signal, and between two of its steps. Of one that another thread took, or that
came when the main one was just about to wait, it told when a compile or a test had come to its end, which may be never.
"""

from __future__ import annotations

import queue

from doit.runner import MThreadRunner

from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import Any

_SECONDS = 0.5


class HeedfulQueue(queue.Queue[Any]):
    """A queue from which whoever waits looks up now and then."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        while block and timeout is None:
            with suppress(queue.Empty):
                return super().get(timeout=_SECONDS)
        return super().get(block, timeout)


def hear_requests() -> None:
    """Have doit's main thread hear requests while it waits for the others, in all that it runs from now on."""
    MThreadRunner.Queue = staticmethod(HeedfulQueue)
