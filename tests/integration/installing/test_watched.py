"""The time of the directories of what is installed, by which other builds see that another compiler may be found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wheels
from releases import Release
from support import run_here

from wasmbuild.installing import store
from wasmbuild.toolchain import installed

BEFORE = 10**18


@pytest.fixture
def began(user: Path) -> Callable[..., bool]:
    """Return what runs a command, and tells whether builds that watch what is installed begin by it."""

    def seen() -> Iterator[Path]:
        """Yield what they look at: Cargo takes what is in a directory as well."""
        for directory in installed.watched():
            yield from (directory, *directory.rglob("*"))

    def run(*arguments: str, status: int = 0) -> bool:
        for path in seen():
            os.utime(path, ns=(BEFORE, BEFORE))
        ended = run_here("toolchain", *arguments)
        assert ended.returncode == status, ended.stderr
        return any(path.stat().st_mtime_ns > BEFORE for path in seen())

    return run


def test_what_changes_nothing_begins_no_build(began: Callable[..., bool], tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no executable")
    for library in ((), ("--library",)):
        assert not began("remove", "1.2.3", *library, status=2)
        assert not began("install", "--from", str(text), *library, status=2)
    assert not began("install", "48.0.77", "--offline", status=3)
    assert not began("install", "48.0.77", status=3)


def test_what_is_installed_and_removed_begins_builds(
    began: Callable[..., bool], user: Path, release: Release, tmp_path: Path
) -> None:
    executable = ("install", "--from", str(release.program))
    assert began(*executable)
    assert not began(*executable)
    (installed.folders()[0] / installed.PROGRAM).write_bytes(b"damaged")
    assert began(*executable)
    assert began("remove", release.version)
    wheel, version = wheels.of_here(tmp_path)
    assert began("install", "--library", "--from", str(wheel))
    assert began("remove", version, "--library")


def test_what_another_one_installed_meanwhile_begins_builds(user: Path) -> None:
    [watched, _] = installed.watched()
    os.utime(watched, ns=(BEFORE, BEFORE))
    with store.alone(print):
        (user / "48.0.8-1a2b3c4d5e6f").mkdir()
    assert watched.stat().st_mtime_ns != BEFORE
