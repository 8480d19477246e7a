"""What is told of processes that are late: whether they have all the memory that they may have."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wasmbuild.toolchain import child, exhaustion
from wasmbuild.toolchain.endings import is_late
from wasmbuild.toolchain.limits import ProcessLimits

if TYPE_CHECKING:
    from wasmbuild.toolchain.process import Process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")

# It may have so much more than it has, says so, and stays.
STAYS = """
import resource, sys, time
with open("/proc/self/status") as status:
    [line] = [line for line in status if line.startswith("VmData:")]
more = int(sys.argv[1])
limit = int(line.split()[1]) * 1024 + more if more >= 0 else resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("more", "is_exhausted"), [(100 << 10, True), (64 << 20, False), (-1, False)])
def test_memory_that_is_all_allocated(more: int, is_exhausted: bool) -> None:
    argv = [sys.executable, "-I", "-S", "-c", STAYS, str(more)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        told = exhaustion.told(process.pid)
        process.communicate()
    assert exhaustion.is_told(f"did not end within 1 s{told}") is is_exhausted
    assert told.startswith(", having allocated all of the ") is is_exhausted


def test_nothing_is_told_of_a_process_that_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", ""]) as process:
        process.wait()
    assert exhaustion.told(process.pid) == ""


def test_a_program_that_is_late_is_told_with_it() -> None:
    import resource

    def limit(process: Process) -> None:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (1 << 20, 1 << 20))

    ended = child.run(["sleep", "1000"], limits=ProcessLimits(seconds=1), on_start=limit)
    assert ended.reason == "did not end within 1 s, having allocated all of the 1 MiB that it may"
    assert is_late(ended.reason)
