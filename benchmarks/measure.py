"""Running commands and timing them, in turns."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

_STDERR_LINES = 20


class BenchmarkError(Exception):
    """A row cannot be measured; the text says why."""


class Medians(NamedTuple):
    """Medians of two commands that took turns, in seconds or bytes."""

    ours: float
    yardstick: float


def program(name: str) -> str:
    """Return the path of a program of this Python environment, or else of PATH. Raises BenchmarkError."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise BenchmarkError(f"there is no {name} in this Python environment or on PATH")
    return found


def seconds(command: Sequence[str | Path], cwd: Path) -> float:
    """Run a command to its end and return how long that took. Raises BenchmarkError when it fails.

    Python's own variables are left out, so that it writes and reads its bytecode caches as it does for most people.
    """
    start = time.perf_counter()
    _run(command, cwd)
    return time.perf_counter() - start


def cpu_seconds(command: Sequence[str | Path], cwd: Path) -> float:
    """Run a command to its end and return what it and its children computed: other work does not show in that.

    Raises BenchmarkError when it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(command, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(command: Sequence[str | Path], cwd: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode:
        shown = "\n".join(ended.stderr.splitlines()[-_STDERR_LINES:])
        raise BenchmarkError(f"exit code {ended.returncode} of `{' '.join(map(str, command))[:200]}`:\n{shown}")


def alternate(
    ours: Callable[[], float], yardstick: Callable[[], float], rounds: int, *, warm_up: bool = True
) -> Medians:
    """Measure two things in turns, so that what else the machine does falls on both, and return the medians."""
    if warm_up:
        ours()
        yardstick()
    measured = [(ours(), yardstick()) for _ in range(rounds)]
    return Medians(
        statistics.median(first for first, _ in measured), statistics.median(second for _, second in measured)
    )
