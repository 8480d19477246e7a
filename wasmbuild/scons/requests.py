"""Requests to stop, which SCons hears and then waits for what runs.

Compilers of others end by a terminal's Ctrl-C themselves; ours have process groups of their own, and hear none.
"""

from __future__ import annotations

import signal
import socket
import threading

from wasmbuild.toolchain import process

_REQUESTS = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_listens = False


def end_what_runs() -> None:
    """Have compiles that run end as soon as this process hears a request, whoever handles that; from the main thread.

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
    threading.Thread(target=_listen, args=(hear,), daemon=True).start()


def _listen(hear: socket.socket) -> None:
    while numbers := hear.recv(64):
        if not _REQUESTS.isdisjoint(numbers):
            process.kill_all()
