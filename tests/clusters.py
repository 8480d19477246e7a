"""A real Dask cluster on loopback: a scheduler and workers as processes, which tests may kill, stop and deceive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The benchmarks use this module too, and know no other of the tests.
    from support import Project

_SECONDS = 60
_DASK = Path(sys.executable).with_name("dask")

# A worker that is at its limit of memory while there is a file of that name in the scheduler's directory.
PAUSES = """
import os
from distributed.system_monitor import SystemMonitor
SystemMonitor.get_process_memory = lambda self: (1 << 60) * os.path.exists("paused")
"""


class Cluster:
    """A scheduler with a directory of its own, and workers by their names; ``close`` ends all of them."""

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None, protocol: str = "tcp") -> None:
        """``settings`` are environment variables of the scheduler, such as those of Dask's configuration."""
        self.root = root
        self.protocol = protocol
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        root.mkdir(parents=True, exist_ok=True)
        file = root / "scheduler.json"
        arguments = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        arguments += ["--protocol", protocol]
        self.scheduler = self._start("scheduler", arguments, settings or {})
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        self.port = int(json.loads(file.read_text())["address"].rpartition(":")[2])

    @property
    def address(self) -> str:
        return f"dask://127.0.0.1:{self.port}"

    def worker(self, name: str, *, preload: str = "", environment: Mapping[str, str] | None = None) -> None:
        """Start a worker with one thread, and wait until it is registered. ``preload`` is Python that it runs first."""
        arguments = [
            f"{self.protocol}://127.0.0.1:{self.port}",
            "--name",
            name,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--no-nanny",
        ]
        arguments += ["--local-directory", str(self.root / name)]
        if preload:
            script = self.root / f"{name}_preload.py"
            # Dask runs it more than once.
            once = "import sys\nif not hasattr(sys, 'preloaded'):\n    sys.preloaded = True\n"
            script.write_text(once + textwrap.indent(preload, "    "))
            arguments += ["--preload", str(script)]
        self.workers[name] = self._start(name, ["worker", *arguments], environment or {})
        wait_for(lambda: "Registered to" in self.log(name) or self.workers[name].poll() is not None)
        assert self.workers[name].poll() is None, self.log(name)

    def log(self, name: str) -> str:
        """Return what the scheduler or a worker has written."""
        return (self.root / f"{name}.log").read_text(errors="replace")

    def children(self, name: str) -> list[str]:
        """Return the command lines of the processes that a worker has started and that run."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                state, parent = (process / "stat").read_text().rpartition(") ")[2].split()[:2]
                if int(parent) == self.workers[name].pid and state != "Z":
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def signal(self, name: str, number: int) -> None:
        """Send a worker a signal, or the scheduler by that name."""
        (self.scheduler if name == "scheduler" else self.workers[name]).send_signal(number)

    def close(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def _start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.root / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [_DASK, *arguments],
                cwd=self.root,
                env={**os.environ, "XDG_CACHE_HOME": str(self.root / "cache"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def heavy(functions: int, seed: int = 0) -> str:
    """Return the text of a module that takes about half a millisecond of compiling for each of its functions."""
    body = " ".join(
        f"(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const {seed + 2 * step + 3})) (i32.xor (local.get 1) "
        f"(i32.shr_u (local.get 0) (i32.const {step % 31})))))"
        for step in range(40)
    )
    one = f"(func (param i32 i32) (result i32) (loop {body} (br_if 0 (local.get 0))) (local.get 0))"
    return f"(module {' '.join([one] * functions)})"


def build(project: Project, cluster: Cluster, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Build on a cluster, as a user does, by a process."""
    return project.run("build", "--executor", cluster.address, *arguments, status=status, alone=True)


def local(project: Project, tmp_path: Path) -> dict[str, bytes]:
    """Return what a build on this machine makes of a project."""
    root = tmp_path / "local"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns("build"))
    other = type(project).__new__(type(project))
    other.root, other.build, other.environment = root, root / "build", {}
    other.run("build")
    return other.files()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line of progress of a build."""
    assert process.stderr is not None
    while line := process.stderr.readline():
        if line.startswith("["):
            return line
    raise AssertionError("the build ended without a line")
