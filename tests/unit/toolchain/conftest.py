"""Programs that play a part: any script as an executable that is no script, children of servers."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import launcher
import pytest

from wasmbuild.lean import pathlib as lean
from wasmbuild.toolchain import identities, search_path

MakeProgram = Callable[[Path, str], Path]
Gone = Callable[[int], bool]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine without any compiler, and return its root."""
    (tmp_path / "home").mkdir()
    # What is imported when it is needed would not be found later.
    import resource
    import secrets

    import tomli

    del resource, secrets, tomli
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second"), "/usr/bin", "/bin"]))
    monkeypatch.setattr(lean.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(search_path.VARIABLE, raising=False)
    monkeypatch.setattr(identities, "_found", {})
    return tmp_path


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let this process forget what it found out, so that only the user's cache knows."""
    return lambda: monkeypatch.setattr(identities, "_found", {})


@pytest.fixture
def gone() -> Gone:
    """Wait a while for a process to end, and tell whether it did; one that is dead but not waited for has ended."""

    def alive(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def wait(pid: int) -> bool:
        for _ in range(5000):
            if not alive(pid):
                return True
            time.sleep(0.02)
        return False

    return wait


@pytest.fixture
def script() -> MakeProgram:
    """Write a shell script that can be run."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return path

    return make


@pytest.fixture
def program() -> MakeProgram:
    """Write an executable in machine code that runs a shell script beside it."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        return launcher.program(path, body)

    return make
