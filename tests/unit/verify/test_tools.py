from __future__ import annotations

import os
from pathlib import Path

import pytest

from wasmbuild.verify.outcomes import WASMTIME, Unreachable, Unverified
from wasmbuild.verify.tools import Tools


def test_an_executable_that_cannot_be_found_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASMBUILD_WASMTIME", str(tmp_path / "none"))
    with Tools() as tools:
        reason = tools.executable(48)
        assert isinstance(reason, Unverified)
        assert "WASMBUILD_WASMTIME" in reason.message
        assert "\n" not in reason.message


def test_that_no_executable_of_a_line_is_there_is_known_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASMBUILD_WASMTIME", raising=False)
    with Tools() as tools:
        reason = tools.executable(7)
        assert isinstance(reason, Unreachable)
        assert reason.lacks == WASMTIME
        assert "\n" not in reason.message


def test_the_private_directory_goes() -> None:
    with Tools() as tools:
        directory = tools.directory()
        assert directory.is_dir()
        if os.name != "nt":
            assert directory.stat().st_mode & 0o77 == 0
    assert not directory.exists()
