"""What lies beside an output under a name of ours, and is none of ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wasmbuild.builder.disk import ALONE_PREFIX
from wasmbuild.builder.scratch import directory_beside
from wasmbuild.digest import sha256_hex


@pytest.fixture
def leftover(tmp_path: Path) -> Path:
    """Where a process that was killed left its directory for the output ``out.cwasm``."""
    return tmp_path / f"{ALONE_PREFIX}{sha256_hex(b'out.cwasm')[:16]}-{'0' * 16}"


def test_what_a_killed_process_left_goes(leftover: Path) -> None:
    leftover.mkdir()
    (leftover / "held").touch()
    with directory_beside(leftover.parent / "out.cwasm"):
        assert not leftover.exists()
    assert not list(leftover.parent.iterdir())


def test_of_a_link_nothing_goes_but_itself(leftover: Path) -> None:
    elsewhere = leftover.parent / "elsewhere"
    elsewhere.mkdir()
    leftover.symlink_to("elsewhere")
    with directory_beside(leftover.parent / "out.cwasm"):
        assert not os.path.lexists(leftover)
    assert not list(elsewhere.iterdir())


def test_nothing_is_made_where_a_link_in_a_leftover_leads(leftover: Path) -> None:
    leftover.mkdir()
    (leftover / "held").symlink_to("../made")
    with directory_beside(leftover.parent / "out.cwasm"):
        assert not (leftover.parent / "made").exists()
