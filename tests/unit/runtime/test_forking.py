"""Locks in a child that was forked while another thread held them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_CODE = """
import os, sys
from wasmbuild.runtime.forking import ForkSafeLock

held, free = ForkSafeLock(), ForkSafeLock()
held.mutex.acquire()
child = os.fork()
if child == 0:
    taken = [lock.mutex.acquire(blocking=False) for lock in (held, free)]
    again = [lock.mutex.acquire(blocking=False) for lock in (held, free)]
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0 if held.mutex.acquire(blocking=False) else 1)
    os._exit(bool(os.waitpid(grandchild, 0)[1]) or taken != [True, True] or again != [False, False])
ended = os.waitpid(child, 0)[1]
sys.exit(ended != 0 or held.mutex.acquire(blocking=False))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_finds_free_what_its_parent_holds_and_each_holds_its_own() -> None:
    assert subprocess.run([sys.executable, "-c", _CODE], timeout=60, check=False).returncode == 0
