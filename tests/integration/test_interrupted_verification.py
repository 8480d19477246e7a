"""Verifications by doit that are asked to stop: no test goes on, and no file stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import BOTH_LOADERS, Project

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

DODO = """from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load().dodo()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one", "threads"])
def test_asked_to_stop_doit_leaves_no_test_that_runs(
    project: Project, tmp_path: Path, options: tuple[str, ...], number: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    process = _verifying(project, DODO, 'targets = ["executable"]\n', options, temporary, subprocess.PIPE)
    running = _begun_in(temporary, process)
    process.send_signal(number)
    try:
        _, error = process.communicate(timeout=30)
        left = _run_in(temporary)
    finally:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    assert error == "interrupted; what was finished is whole, and the next run goes on from there\n"
    assert running
    assert left == set()
    assert list(temporary.iterdir()) == []


SLOW_TO_REMOVE = """import shutil
import sys
import time


def remove(*arguments, **options):
    time.sleep(1)
    removed(*arguments, **options)


def tell(*error):
    told(*error)
    # Were the main thread not to wait for the other, it would end the process in the middle of what that removes.
    time.sleep(0.5)


removed, shutil.rmtree = shutil.rmtree, remove
told, sys.excepthook = sys.excepthook, tell
"""


def test_asked_to_stop_doit_waits_for_the_files_of_its_threads(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    process = _verifying(project, DODO + SLOW_TO_REMOVE, "", ("-n", "2"), temporary, subprocess.DEVNULL)
    _begun_in(temporary, process)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert list(temporary.iterdir()) == []


# As the system may: where many threads run, not all of them have the same one tell Python of a signal.
TAKEN_BY_ANOTHER = """import os
import signal
import threading
import time


def take():
    while not os.path.exists("asked"):
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


threading.Thread(target=take, daemon=True).start()
"""


def test_asked_to_stop_doit_hears_it_though_its_main_thread_waits(project: Project, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    process = _verifying(project, DODO + TAKEN_BY_ANOTHER, "", ("-n", "2"), temporary, subprocess.DEVNULL)
    _begun_in(temporary, process)
    project.write("asked", "")
    process.wait(30)
    assert list(temporary.iterdir()) == []


LARGER = """from wasmbuild.doit import load

WASM = load()


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_verify():
    return WASM.verify(basename="wasm")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-n", "2", "-P", "thread")], ids=["one", "processes", "threads"])
def test_asked_to_stop_a_larger_dodo_leaves_no_test_that_runs_either(
    project: Project, tmp_path: Path, options: tuple[str, ...], number: signal.Signals
) -> None:
    temporary = tmp_path / "temporary"
    process = _verifying(project, LARGER, "", options, temporary, subprocess.DEVNULL)
    try:
        _begun_in(temporary, process)
        # The terminal tells all of its processes, a supervisor the one that it knows.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        process.wait(30)
        assert _run_in(temporary) == set()
        assert list(temporary.iterdir()) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _verifying(
    project: Project, dodo: str, targets: str, options: tuple[str, ...], temporary: Path, stderr: int
) -> subprocess.Popen[str]:
    """Have doit verify a module whose test runs for a minute, in a session of its own."""
    project.write("dodo.py", dodo)
    project.write("loop.wat", '(module (func (export "loop") (loop (br 0))))')
    test = 'tests = [{ call = "loop", returns = [], time-limit = 60 }]'
    project.declare(f'{BOTH_LOADERS}[modules.loop]\nsource = "loop.wat"\n{targets}{test}\n')
    project.run("build")
    temporary.mkdir()
    command, environment = [sys.executable, "-m", "doit", *options, "verify"], {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.Popen(
        command, cwd=project.root, env=environment, stderr=stderr, start_new_session=True, text=True
    )


def _begun_in(directory: Path, process: subprocess.Popen[Any]) -> set[str]:
    """Wait until a process runs the function ``loop`` below a directory, and return it."""
    while not (running := _run_in(directory)) and process.poll() is None:
        time.sleep(0.01)
    return running


def _run_in(directory: Path) -> set[str]:
    """Return the processes that call the function ``loop`` and work below a directory."""
    found = set()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"--invoke=loop" in (place / "cmdline").read_bytes() and directory in (place / "cwd").readlink().parents:
                found.add(place.name)
    return found
