"""The one way to run a child process.

``run`` starts a program, waits for it and says how it ended. ``server.Server`` keeps one that answers requests;
``wire.py`` describes the protocol and is the child's half of it.

Every child has a scrubbed environment, no shell, no terminal, a process group of its own that is killed whole when its
time is up or its parent is interrupted, a bounded address space, no core dump, and output of which both ends are kept,
32 KiB of each where nobody asks for more.

When the parent itself is killed outright (SIGKILL, power, out of memory), a server's child ends by itself, because its
stdin does. A program under ``run`` goes on until it is done, or has computed for longer than it could in its time: give
it a private directory of the parent's to write into, which the next build removes, so that whatever it still writes
harms nothing.
"""

from __future__ import annotations

import time

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain import endings, process
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.streams import ERR, EXIT, KEPT_BYTES, OUT, Streams, TruncatedText, open_streams

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from wasmbuild.toolchain.process import Process


class ChildResult(NamedTuple):
    """How a child ended. ``reason`` is empty when all went well, else words that go on after the program's name.

    ``status`` is as ``Popen.returncode`` has it: negative for the number of a signal. ``stdout`` are the bytes that it
    wrote, ``stderr`` text that is safe to show, of the bytes ``stderr_bytes``; all with a gap in the middle when they
    were long. ``peak_memory`` is the most that it had in memory, in bytes, where the system tells.
    """

    argv: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: str
    reason: str
    peak_memory: int | None = None
    stderr_bytes: bytes = b""


def run(
    argv: Sequence[str],
    *,
    limits: ProcessLimits,
    env_extra: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    input: bytes | None = None,  # noqa: A002 -- the name that subprocess.run has for it
    on_start: Callable[[Process], object] | None = None,
    keep: int = KEPT_BYTES,
) -> ChildResult:
    """Run a program to its end, whatever end that is.

    ``input`` becomes its stdin, which is empty without. When the program has ended, whatever it started and left
    running is killed. ``on_start`` is given the process, for another thread to ``kill``. ``keep`` is how many bytes of
    either end of its output are kept.

    Raises ChildError when it cannot be started, ToolchainError when a memory limit is asked for that this system cannot
    set. Interrupted, it kills the program and raises what interrupted it.
    """
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    if input is None:
        child = process.start(argv, limits, env_extra=env_extra, cwd=cwd)
    else:
        import tempfile

        # A file, because a pipe would have to be written while the output is read.
        with tempfile.TemporaryFile() as stdin:
            stdin.write(input)
            stdin.seek(0)
            child = process.start(argv, limits, stdin=stdin, env_extra=env_extra, cwd=cwd)
    kept = {OUT: TruncatedText(keep), ERR: TruncatedText(keep)}
    exhausted = ""
    try:
        process.end_some_time(child, limits.seconds)
        if on_start is not None:
            on_start(child)
        streams = open_streams(child)
        try:
            timed_out = not _gather(streams, kept, deadline)
            if timed_out:
                from wasmbuild.toolchain import exhaustion

                exhausted = exhaustion.told(child.pid)
        finally:
            process.kill(child)
            streams.close()
    finally:
        status, peak = process.end(child)
    stderr = kept[ERR].text()
    reason = endings.ending(status, stderr, limits, timed_out=timed_out) + exhausted
    return ChildResult(tuple(argv), status, kept[OUT].bytes(), stderr, reason, peak, kept[ERR].bytes())


def _gather(streams: Streams, kept: Mapping[str, TruncatedText], deadline: float | None) -> bool:
    """Keep what the child writes until it ends; false when the deadline comes first."""
    while (event := streams.next(deadline)) is not None:
        if event.stream == EXIT:
            for rest in streams.rest():
                kept[rest.stream].add(rest.data)
            return True
        kept[event.stream].add(event.data)
    return False
