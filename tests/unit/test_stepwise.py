"""Builds that another system runs artifact by artifact, below a build that counts jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from building import FakeProject

from wasmbuild.stepwise import StepwiseBuild


def test_a_job_server_that_cannot_be_asked_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make offers a semaphore on Windows, which has no pipe that can be waited for."""
    monkeypatch.setenv("CARGO_MAKEFLAGS", "-j4 --jobserver-auth=gmake_semaphore_1")
    monkeypatch.delattr(os, "set_blocking")
    project = FakeProject(tmp_path)
    project.write("a")
    workspace: Any = None
    session = project.session()
    try:
        session.begin()
        outcome = StepwiseBuild(workspace, print).compile(session, "a@pi", parallel=True)
    finally:
        session.close()
    assert outcome.error is None
    assert project.toolchain.compiled == ["pi/a.cwasm"]


ENDED = """\
import signal
from types import SimpleNamespace

from wasmbuild.stepwise import StepwiseBuild

def close():
    signal.raise_signal(signal.{number})
    print("closed")

session = SimpleNamespace(close=close, remote_report=lambda: None)
workspace = SimpleNamespace(session=lambda *arguments, **options: session)
StepwiseBuild(workspace, print).session()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_request_to_stop_does_not_break_the_end(number: str) -> None:
    """As people and CI systems send several, the second comes while what the first ended is cleared away."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDED.format(number=number)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "closed\n", "")
