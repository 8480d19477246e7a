"""Threads that are started without ``threading`` run, and are waited for, as those of ``threading`` do and are."""

from __future__ import annotations

import threading
import time

from wasmbuild.lean.threading import Thread


def test_a_thread_runs_beside_the_one_that_starts_it() -> None:
    go, said = threading.Event(), []

    def run() -> None:
        go.wait()
        said.append(threading.get_ident())

    thread = Thread(target=run, daemon=True)
    assert not thread.is_alive()
    thread.start()
    thread.join(0.01)
    assert thread.is_alive()
    assert not said
    go.set()
    thread.join()
    assert not thread.is_alive()
    assert len(said) == 1
    assert said != [threading.get_ident()]
    thread.join()


def test_several_wait_for_one() -> None:
    go = threading.Event()
    thread = Thread(target=go.wait, daemon=True)
    thread.start()
    waiting = [threading.Thread(target=thread.join) for _ in range(3)]
    for one in waiting:
        one.start()
    time.sleep(0.01)
    assert all(one.is_alive() for one in waiting)
    go.set()
    for one in waiting:
        one.join(10)
    assert not any(one.is_alive() for one in waiting)
