"""doit as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import doit_forked
from support import Project


def doit(project: Project, *arguments: str, status: int = 0, cwd: Path | None = None, alone: bool = False) -> str:
    """Run doit and return what it wrote; there is never a traceback.

    Where processes can be forked, it is not started anew, unless it is to be ``alone``.
    """
    directory = cwd or project.root
    if hasattr(os, "fork") and not alone:
        ended = doit_forked.server().run(arguments, directory)
    else:
        ended = subprocess.run(
            [sys.executable, "-m", "doit", *arguments],
            cwd=directory,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stdout + ended.stderr
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
