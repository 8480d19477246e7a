from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.errors import ToolchainError, UsageError
from wasmbuild.toolchain import process
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify import Verdict, verify


def test_intact_needs_no_wasmtime(tmp_path: Path, maker: Any) -> None:
    manifests = [maker.ship(tmp_path, {"a": b"x", "b/c": b"y"}, target="pi")]
    maker.index(tmp_path, *manifests)
    (tmp_path / "pi" / "a.cwasm").write_bytes(b"z")
    report = verify([tmp_path], level="intact")
    first, second = report.artifacts
    assert (first.id, first.ok, first.level, first.failed) == ("a@pi", False, None, "intact")
    assert second == Verdict("b/c@pi", True, "intact", None, "intact", "")
    assert report.exit_code == 1


def test_what_cannot_be_read_has_its_place_in_the_report(tmp_path: Path, maker: Any) -> None:
    maker.ship(tmp_path, {"a": b"x"}, target="pi")
    report = verify([tmp_path / "none", tmp_path / "pi"], level="intact")
    assert [(entry.id, entry.ok) for entry in report.artifacts] == [(str(tmp_path / "none"), False), ("a@pi", True)]


def test_an_unknown_level_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no level 'perfect'; write one of intact, consistent, loaded"):
        verify([tmp_path], level="perfect")


def test_a_memory_limit_that_the_system_lacks_is_not_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "memory_can_be_limited", lambda: False)
    with pytest.raises(ToolchainError, match="cannot limit the memory of what loads artifacts"):
        verify([tmp_path], limits=ProcessLimits(memory=1 << 30))


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = {"wasmtime", "pydantic", "doit", "subprocess", "socket"}
    code = f"import sys, wasmbuild.verify; print({heavy} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
