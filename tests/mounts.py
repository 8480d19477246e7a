"""The command, or another program, where a mount of its own hides or forbids what this machine has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def run_under(
    mount: str, *arguments: str, cwd: Path, program: tuple[str, ...] = ("-m", "wasmbuild.cli")
) -> subprocess.CompletedProcess[str]:
    """Run the command where a shell has run ``mount``; skip the test where this system lets no user mount."""
    prefix = ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], cwd=cwd, check=False).returncode:
        pytest.skip("needs a user that may mount")
    command = [*prefix, sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
