"""What is written is there whole or not at all, and nothing lies beside it, whenever its writer is interrupted."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from wasmbuild import files
from wasmbuild.builder import disk
from wasmbuild.errors import DiskError


class _Interrupt:
    """Raises KeyboardInterrupt before the line of that number which is run in the files that write."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in (disk.__file__, files.__file__):
            return self if event == "call" else None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("folder", ["here", "new"])
def test_who_is_interrupted_while_writing_leaves_nothing(tmp_path: Path, folder: str) -> None:
    (tmp_path / "here").mkdir()
    out = tmp_path / folder / "a.json"
    before = sys.gettrace()
    line = 0
    while True:
        line += 1
        interrupt = _Interrupt(line)
        sys.settrace(interrupt)
        try:
            disk.write(out, b"whole", disk.REPLACING)
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] in ([], ["a.json"]), line
        out.unlink(missing_ok=True)
    assert line > 15
    assert out.read_bytes() == b"whole"


def test_who_is_interrupted_as_a_file_is_opened_is_told_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"one")
    fdopen = os.fdopen

    def interrupted(descriptor: int, *arguments: Any, **options: Any) -> None:
        fdopen(descriptor, *arguments, **options).close()
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fdopen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.open_regular(tmp_path / "a")


@pytest.mark.parametrize(
    ("winerror", "fix"), [(5, "close what has it open, or check that you may write"), (19, "check that you may write")]
)
def test_what_windows_does_not_replace_may_be_open(winerror: int, fix: str) -> None:
    error = PermissionError(13, "Access is denied")
    error.winerror = winerror  # type: ignore[attr-defined,unused-ignore]
    with (
        pytest.raises(DiskError, match=f"^a.cwasm: cannot be written: Access is denied; {fix} there, or set another"),
        disk.as_disk_error("a.cwasm", "written", disk.BUILDING),
    ):
        raise error
