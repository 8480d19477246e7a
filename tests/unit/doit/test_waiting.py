"""How doit waits for its threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# However often it is asked to stop, and by what, it hears that and nothing else, until what it waits for comes.
ASKED_OFTEN = """\
import signal, threading, time

from wasmbuild.doit.waiting import HeedfulQueue

queue, heard, inside, got = HeedfulQueue(), 0, False, None


def hear(number, frame):
    global inside
    if inside:
        inside = False
        raise KeyboardInterrupt


def ask():
    for number in range(4000):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM if number % 2 else signal.SIGINT)
        queue.put(number)
        time.sleep(0.0001)
    while got != "end":
        queue.put("end")
        time.sleep(0.01)


signal.signal(signal.SIGINT, hear)
signal.signal(signal.SIGTERM, hear)
asking = threading.Thread(target=ask)
asking.start()
while got != "end":
    try:
        inside = True
        got = queue.get()
        inside = False
    except KeyboardInterrupt:
        heard += 1
asking.join()
print("heard" if heard else "deaf", end="")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_requests_to_stop_break_no_wait() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ASKED_OFTEN], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ended.stdout, ended.stderr) == ("heard", "")
