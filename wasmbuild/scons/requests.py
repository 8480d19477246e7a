"""Requests to stop, which SCons hears and then waits for what runs.

Compilers of others end by a terminal's Ctrl-C themselves; ours have process groups of their own, and hear none.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from wasmbuild import interrupts
from wasmbuild.errors import WasmbuildError
from wasmbuild.toolchain import process

_PAUSE_SECONDS = 0.05

_listens = False
_heard = 0
# The threads of the steps that run.
_running: dict[object, int] = {}


def listen() -> None:
    """Have steps ended as soon as this process hears a request, whoever handles that; from the main thread.

    A program that has asked Python for its signals in this way keeps them, and waits.
    """
    global _listens
    if _listens:
        return
    _listens = True
    hear, tell = socket.socketpair()
    tell.setblocking(False)
    try:
        others = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    except ValueError:  # another thread
        others = None
    if others != -1:
        if others is not None:
            signal.set_wakeup_fd(others)
        hear.close()
        tell.close()
        return
    # Its descriptor is Python's from now on.
    tell.detach()
    if hasattr(os, "register_at_fork"):
        # What a pool of processes is told when it ends is none of ours.
        os.register_at_fork(after_in_child=_forget)
    threading.Thread(target=_listen, args=(hear,), daemon=True).start()


@contextmanager
def step() -> Iterator[None]:
    """Run a step in this thread, whose compile a request ends. Raises WasmbuildError where that made it fail."""
    this, before = object(), _heard
    _running[this] = threading.get_ident()
    try:
        yield
    except WasmbuildError as error:
        if _heard == before:
            raise
        raise WasmbuildError("the build was interrupted") from error
    finally:
        del _running[this]


def _forget() -> None:
    signal.set_wakeup_fd(-1)


def _listen(hear: socket.socket) -> None:
    global _heard
    while numbers := hear.recv(64):
        if not set(interrupts.REQUESTS).isdisjoint(numbers):
            _heard += 1
            _end(list(_running))


def _end(steps: list[object]) -> None:
    """End steps, but none that SCons begins later: one that was asked to stop may be interactive, and go on."""
    # Again and again: one of them may be about to start a child.
    while threads := [thread for this in steps if (thread := _running.get(this)) is not None]:
        process.kill_all(threads)
        time.sleep(_PAUSE_SECONDS)
