"""Shipments with known faults, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from audited import (
    MODULES,
    Shell,
    manifest,
    ship,
)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


@pytest.fixture
def built(shell: Shell) -> Path:
    return ship(Path("out"), {target: manifest(MODULES, target=target) for target in ("x64", "arm")})
