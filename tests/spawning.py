"""Whether this Python starts children by itself; builds of it that run on any Linux leave that to ``subprocess``."""

from __future__ import annotations

import os
import sys

import pytest

from wasmbuild.toolchain.process import end
from wasmbuild.toolchain.spawn import spawn


def _spawns() -> bool:
    child = spawn([sys.executable, "-I", "-S", "-c", ""], os.environ)
    if child is not None:
        end(child)
    return child is not None


needs_spawn = pytest.mark.skipif(not _spawns(), reason="this Python starts no session by posix_spawn")
