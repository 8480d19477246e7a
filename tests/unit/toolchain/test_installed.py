"""The directories of what is installed, for other builds to watch."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wasmbuild.lean import paths
from wasmbuild.toolchain import installed


def test_they_are_there_and_older_than_whoever_made_them_to_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "data_directory", lambda: paths.Path(tmp_path, "data"))
    watched = installed.watched()
    assert watched == [installed.directory(kind) for kind in (installed.TOOLCHAINS, installed.LIBRARIES)]
    assert all(path.stat().st_mtime < time.time() - 86400 for path in watched)
    (watched[0] / "48.0.8-1a2b3c4d5e6f").mkdir()
    times = [path.stat().st_mtime_ns for path in watched]
    assert times[0] > times[1]
    assert installed.watched() == watched
    assert [path.stat().st_mtime_ns for path in watched] == times


def test_what_cannot_be_made_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").touch()
    monkeypatch.setattr(installed, "data_directory", lambda: paths.Path(tmp_path, "data"))
    assert installed.watched() == []

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(installed, "data_directory", homeless)
    assert installed.watched() == []
    assert os.listdir(tmp_path) == ["data"]
