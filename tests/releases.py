"""A release of Wasmtime as upstream publishes it, and an installation that is killed at a step of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Release(NamedTuple):
    version: str
    program: Path
    archive: bytes
    path: str


_DYING = """
import os
from pathlib import Path
left = {step}
def dying(call):
    def wrapped(*arguments, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return call(*arguments, **options)
    return wrapped
for name in ("replace", "chmod", "write_bytes"):
    setattr(Path, name, dying(getattr(Path, name)))
"""


def dies_installing(code: str, step: int) -> bool:
    """Run an installation that dies before what it changes on the disk for the ``step``-th time; tell whether it did.

    What a kill leaves is what the steps before it have done: each step on the disk is the first not done, once.
    """
    command = [sys.executable, "-c", _DYING.format(step=step) + code]
    status = subprocess.run(command, env={**os.environ}, check=False).returncode
    assert status in (0, 9)
    return status == 9
