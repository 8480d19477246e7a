"""Builds that another system runs artifact by artifact, below a build that counts jobs."""

from __future__ import annotations

import os
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
