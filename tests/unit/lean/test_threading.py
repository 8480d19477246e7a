"""Threads that are started without ``threading`` run, and are waited for, as those of ``threading`` do and are."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest

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


@pytest.mark.parametrize("line", range(1, 4))
def test_who_is_interrupted_while_it_waits_can_wait_again(line: int) -> None:
    """An executor is aborted then, and waits until no thread is alive."""
    lines = 0

    def interrupt(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines == line:
            raise KeyboardInterrupt
        return interrupt if frame.f_code is Thread.join.__code__ else None

    thread = Thread(target=lambda: None, daemon=True)
    thread.start()
    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        thread.join()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    thread.join(10)
    assert not thread.is_alive()
