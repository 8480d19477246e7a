"""The directories of what is installed, for other builds to watch."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wasmbuild.lean import pathlib as lean
from wasmbuild.toolchain import installed
from wasmbuild.toolchain.installed import Archive, InstallRecord


def test_they_are_there_and_older_than_whoever_made_them_to_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "data_directory", lambda: lean.Path(tmp_path, "data"))
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
    monkeypatch.setattr(installed, "data_directory", lambda: lean.Path(tmp_path, "data"))
    assert installed.watched() == []

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(installed, "data_directory", homeless)
    assert installed.watched() == []
    assert os.listdir(tmp_path) == ["data"]


WHOLE = InstallRecord("48.0.8", "cargo", "0" * 64, 1, Archive(1, "0" * 64)).to_bytes().decode()


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / installed.RECORD).write_text(WHOLE)
    record = installed.read(lean.Path(tmp_path))
    assert record is not None
    assert record.to_bytes().decode() == WHOLE


@pytest.mark.parametrize(
    ("said", "damaged"),
    [('"size": 1', '"size": 1e999'), ('"size": 1', '"size": NaN'), ('"schema"', '"scheme"'), ('"version"', '"versio"')],
)
def test_a_damaged_record_is_as_good_as_none(tmp_path: Path, said: str, damaged: str) -> None:
    assert said in WHOLE
    (tmp_path / installed.RECORD).write_text(WHOLE.replace(said, damaged))
    assert installed.read(lean.Path(tmp_path)) is None
