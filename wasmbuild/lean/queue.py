"""What is used of ``queue``, without ``threading`` and ``heapq``, which the queue that is written in C needs not.

To a type checker the names are those of ``queue``.
"""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING

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
