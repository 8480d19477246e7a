"""Several compiles at once, and an orderly end when one is interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from wasmbuild.toolchain import child

if TYPE_CHECKING:
    from wasmbuild.builder.session import Outcome, Session
    from wasmbuild.project.declared import Artifact


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compile_all(
    session: Session,
    artifacts: Sequence[Artifact],
    *,
    jobs: int,
    on_start: Callable[[Artifact], None],
    on_done: Callable[[Outcome], None],
) -> None:
    """Compile artifacts, ``jobs`` at a time, in the order given.

    While many wait, each compiler gets one thread: that keeps all cores busy and costs least. The last few, and any
    that run alone, get all cores. ``on_start`` and ``on_done`` are called by this thread. When it is interrupted, the
    running compilers are killed and nothing else is started.
    """
    waiting = list(reversed(artifacts))
    running: dict[Future[Outcome], Artifact] = {}
    available = cores()
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    unfinished = len(waiting) + len(running)
                    artifact = waiting.pop()
                    on_start(artifact)
                    parallel = min(unfinished, jobs) < available
                    running[pool.submit(session.compile, artifact, parallel=parallel)] = artifact
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    on_done(future.result())
        except BaseException:
            # No thread starts another compile: whatever they wait for ends now.
            pool.shutdown(wait=False, cancel_futures=True)
            child.kill_all()
            raise
