"""What is used of ``queue``, without ``threading`` and ``heapq``, which the queue that is written in C needs not.

To a type checker the names are those of ``queue``.
"""

from __future__ import annotations

from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from queue import Empty as Empty
    from queue import SimpleQueue as SimpleQueue
else:
    try:
        from _queue import Empty as Empty
        from _queue import SimpleQueue as SimpleQueue
    except ImportError:  # an interpreter that is not in C
        from queue import Empty as Empty
        from queue import SimpleQueue as SimpleQueue

_HEARING_SECONDS = 0.5

Item = TypeVar("Item")


def awaited(queue: SimpleQueue[Item]) -> Item:
    """Return what comes next. Whoever waits looks up now and then, and so hears a request to stop.

    Python tells the main thread alone of a signal, and between two of its steps: of one that came when it was just
    about to wait, it would tell when something came, which may be never.
    """
    while True:
        with suppress(Empty):
            return queue.get(timeout=_HEARING_SECONDS)
