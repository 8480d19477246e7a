"""A process that has doit and wasmbuild imported, and forks for each run of doit: imports take longer than most runs.

A run is a process of its own as ever, in which nothing of an earlier one is left. Started as a script, this is that
process: each line of its input is a request, and the answer to it is how the run ended.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import NamedTuple


class _Request(NamedTuple):
    arguments: tuple[str, ...]
    cwd: str
    environment: dict[str, str]
    files: list[str]
    """Where what is written to stdout goes, and what to stderr."""


class _Server:
    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self._process.communicate)

    def run(self, arguments: tuple[str, ...], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run doit to its end there, with the environment of this process and no colours."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as directory:
            files = [Path(directory, name) for name in ("stdout", "stderr")]
            request = _Request(arguments, str(cwd), {**os.environ, "NO_COLOR": "1"}, [str(file) for file in files])
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            out, err = (file.read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(arguments, status, out, err)


server = functools.cache(_Server)
"""Return the server of this process, which ends with it."""


def _serve() -> None:
    import doit.doit_cmd  # noqa: F401

    import wasmbuild.builder.session
    import wasmbuild.doit.reporter
    import wasmbuild.doit.skipping
    import wasmbuild.project.config
    import wasmbuild.verify.ladder  # noqa: F401

    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = _run(_Request(*json.loads(line)))
            finally:
                # To take all that is imported down again would cost as much as to import it.
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(request: _Request) -> int:
    """Be ``python -m doit`` and return its exit code; after five minutes a signal ends it."""
    signal.alarm(300)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in enumerate(request.files, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[0] = request.cwd
    sys.argv[1:] = request.arguments
    try:
        runpy.run_module("doit", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    _serve()
