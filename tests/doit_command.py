"""doit as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import Project


def doit(project: Project, *arguments: str, status: int = 0, cwd: Path | None = None) -> str:
    """Run doit and return what it wrote; there is never a traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "doit", *arguments],
        cwd=cwd or project.root,
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
