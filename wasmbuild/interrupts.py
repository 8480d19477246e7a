"""Requests to stop (Ctrl-C, a polite kill, a closed terminal), from the first moment of the process to its last.

While nothing runs yet, or no longer, one ends the process at once. While a command runs, the first becomes a
KeyboardInterrupt, and what comes during the orderly end that follows is not heard: people and CI systems send several.
A third ends the process in any case.

It imports next to nothing, because a request that comes before this is in place is answered by the interpreter, with a
traceback.
"""

from __future__ import annotations

import os
import sys

from wasmbuild.lean.contextlib import suppress
from wasmbuild.lean.signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from wasmbuild.lean.queue import SimpleQueue
    from wasmbuild.lean.typing import Any, NoReturn, TypeVar

    Item = TypeVar("Item")

REQUESTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals that ask a process to stop, of those that this system has."""

HEARING_SECONDS = 0.5
"""How long the main thread waits for anything at most before it looks up.

Python tells it of a signal between two of its steps: of one that came when it was just about to wait, it would tell
when something came, which may be never.
"""

_INTERRUPTED = 130
_PATIENCE = 3

_heard = 0
_at_end: list[Callable[[], object]] = []


def end_at_once() -> None:
    """Let a request end this process at once, until a command runs; one that is ignored, as under nohup, stays so."""
    for number in REQUESTS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)
    sys.unraisablehook = _unraisable


def hear_of_children() -> None:
    """Let this process be told how its children end, also where its parent ignores that, or failures would pass."""
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def end(code: int) -> NoReturn:
    """End this process with an exit code, and without what the interpreter does then, which a request would break.

    What ``at_end`` was told is done before.
    """
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN)
    for do in _at_end:
        do()
    os._exit(code)


def at_end(do: Callable[[], object]) -> None:
    """Have something done when this process ends, by ``end`` or, as that of another program, by itself."""
    import atexit

    _at_end.append(do)
    atexit.register(do)


class ImmediateInterrupts:
    """Lets the first request raise KeyboardInterrupt meanwhile; in any thread but the main one it changes nothing."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        global _heard
        _heard = 0
        try:
            for number in REQUESTS:
                if (handler := signal.getsignal(number)) != signal.SIG_IGN:
                    signal.signal(number, _raise)
                    self._before[number] = handler
        except ValueError:  # another thread
            return
        except KeyboardInterrupt:
            self.__exit__()
            raise

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def raise_when_terminated() -> None:
    """Let all requests raise KeyboardInterrupt in a program that is not ours and would end at once, and leave children.

    What the program hears itself or ignores stays so, and in any thread but the main one nothing changes. Processes
    that are forked end at once as before.
    """
    heard: list[int] = []

    def forget() -> None:
        # Python 3.14 tells a process that another thread than the main one forked of no signal.
        for number in heard:
            if signal.getsignal(number) == _raise:
                signal.signal(number, signal.SIG_DFL)

    with suppress(ValueError):  # another thread
        for number in REQUESTS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _raise)
                heard.append(number)
    if heard and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)


def before_it_ends(do: Callable[[], object]) -> None:
    """Have something done before a program that is not ours ends by KeyboardInterrupt.

    What its other threads do goes on until then, and is waited for.
    """
    others = sys.excepthook

    def ended(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            hear_no_more()
            do()
        others(kind, error, traceback)

    sys.excepthook = ended


def hear_no_more() -> None:
    """Let the orderly end of a program that is not ours pass, whatever it heard before; a third request ends it.

    In any thread but the main one nothing changes.
    """
    global _heard
    _heard = max(_heard, 1)
    with suppress(ValueError):  # another thread
        for number in REQUESTS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _raise)


def tell_in_one_line(left: str) -> None:
    """Have a program that is not ours, and ends by KeyboardInterrupt, say what is ``left`` in place of a traceback."""
    others = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(f"interrupted; {left}", file=sys.stderr)
        else:
            others(kind, error, traceback)

    sys.excepthook = tell


def awaited(queue: SimpleQueue[Item]) -> Item:
    """Return what comes next in a queue, hearing of requests meanwhile."""
    from wasmbuild.lean.queue import Empty

    while True:
        with suppress(Empty):
            return queue.get(timeout=HEARING_SECONDS)


class DeferredInterrupts:
    """Lets requests wait meanwhile, and be heard at the end; in any thread but the main one, which hears none, nothing.

    For what must not be left half done, such as a child that runs and is known to nobody yet.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> None:
        try:
            for number in REQUESTS:
                if callable(handler := signal.getsignal(number)):
                    self._before[number] = handler
                    signal.signal(number, self._wait)
        except ValueError:  # another thread
            self._before.clear()

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self._waiting:
            signal.raise_signal(number)

    def _wait(self, number: int, frame: FrameType | None) -> None:
        self._waiting.append(number)


def _raise(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard += 1
    if _heard == 1:
        raise KeyboardInterrupt
    if _heard >= _PATIENCE:
        os._exit(_INTERRUPTED)


def _end(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard += 1
    if _heard == 1:
        # Not through sys.stderr, which may be in the middle of something.
        with suppress(OSError):
            os.write(2, b"interrupted\n")
    if _heard == 1 or _heard >= _PATIENCE:
        os._exit(_INTERRUPTED)


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Hear a request that came where Python can only tell of exceptions, such as a callback of the import system."""
    global _heard
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import threading

    _heard = 0
    threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()
