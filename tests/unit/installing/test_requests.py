"""Programs that install: a request to stop ends them, at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmbuild.installing import cargo, library

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a ``cargo`` and a Python whose pip take for ever, as downloads may."""
    for name in ("cargo", "python"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexec sleep 1000\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


@pytest.mark.parametrize(
    "install",
    [
        lambda room: cargo.install("48", room, offline=False),
        lambda room: library._downloaded("48", None, False, room),
    ],
    ids=["cargo", "pip"],
)
def test_a_request_to_stop_that_does_not_end_the_wait_is_heard(install: Callable[[Path], object], room: Path) -> None:
    """As one that comes when the wait is just about to begin: another thread takes it here."""
    asking = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    asking.start()
    with pytest.raises(KeyboardInterrupt):
        install(room)
    asking.join()
