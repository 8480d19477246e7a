"""The command in a process of its own, with streams of the test's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from support import Project

posix = pytest.mark.skipif(os.name != "posix", reason="devices, links and descriptors of POSIX")


def wasmbuild(
    project: Project,
    *arguments: str,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wasmbuild.cli", *arguments]
    done = subprocess.run(command, cwd=project.root, text=True, timeout=300, check=False, stdout=stdout, stderr=stderr)
    assert "Traceback" not in (done.stderr or "")
    return done


def device(project: Project, name: str, minor: int) -> Path:
    """Make a device of our own: nothing of the machine's is named in a test."""
    path = project.root / name
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, minor))
        path.open("wb").close()
    except OSError:
        pytest.skip("only root may make devices, where the file system takes them")
    return path
