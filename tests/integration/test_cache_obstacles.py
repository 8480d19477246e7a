"""Parts of the cache on this machine that cannot be used: the rest is, and one line says which part, and what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ALL, HEAD, MODULES, TARGETS, Project, as_nobody

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have modes and owners on POSIX systems alone")


@pytest.fixture
def cache(project: Project, tmp_path: Path) -> Path:
    """Return the directory of a cache that has all of the project, whose build directory is gone."""
    project.environment["WASMBUILD_CACHE"] = str(tmp_path / "cache")
    project.run("build")
    shutil.rmtree(project.build)
    return tmp_path / "cache"


@pytest.fixture
def locked(cache: Path) -> Iterator[Path]:
    """Return a folder of it that may not be entered."""
    folder = min(cache.glob("?"))
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def again(project: Project, *command: str, status: int = 0, locked: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody who is refused what is locked."""
    ended = subprocess.run(
        [*as_nobody(locked), sys.executable, "-m", "wasmbuild", *command],
        cwd=project.root,
        env={**os.environ, "NO_COLOR": "1", **project.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    return ended


def told(ended: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in ended.stderr.splitlines() if line.startswith("the cache of this machine is ")]


@posix
def test_a_folder_that_may_not_be_entered(project: Project, cache: Path, locked: Path) -> None:
    ended = again(project, "build", "--json", locked=locked)
    outcomes = {entry["id"]: entry["outcome"] for entry in json.loads(ended.stdout)["artifacts"]}
    fix = f"chmod u+rwx {locked}"
    why = f"{locked}: Permission denied; run: {fix}"
    assert told(ended) == [
        f"the cache of this machine is used in part: {why}; WASMBUILD_CACHE names another directory, or off"
    ]
    stats = again(project, "cache", "stats", locked=locked)
    restored = list(outcomes.values()).count("restored")
    assert stats.stdout.startswith(f"{cache}: {restored} artifact")
    assert stats.stderr == f"used in part: {why}\n"
    assert json.loads(again(project, "cache", "stats", "--json", locked=locked).stdout)["problem"] == why
    subprocess.run(["sh", "-c", fix], check=True)
    shutil.rmtree(project.build)
    ended = project.run("build")
    assert told(ended) == []
    assert "4 restored in" in ended.stderr
    assert project.run("cache", "stats").stderr == ""


@posix
def test_what_can_be_removed_is_and_what_cannot_is_told(project: Project, cache: Path, locked: Path) -> None:
    for command in ("clear", "prune"):
        ended = again(project, "cache", command, status=3, locked=locked)
        why = f"{locked}: Permission denied; mend that, or name another place with WASMBUILD_CACHE"
        assert ended.stderr == f"error: {why}\n"
    assert {path.parent for path in cache.glob("?/*")} <= {locked}
    locked.chmod(0o700)
    assert list(cache.glob("?/*")) == list(locked.iterdir()) != []


def test_a_directory_in_the_place_of_an_entry(project: Project, cache: Path) -> None:
    entries = sorted(cache.glob("?/*"))
    entries[0].unlink()
    entries[0].mkdir()
    ended = project.run("build")
    assert len(told(ended)) == 1
    assert told(ended)[0].startswith(f"the cache of this machine is used in part: {entries[0]}: ")
    assert "; remove it; WASMBUILD_CACHE names another directory, or off" in told(ended)[0]
    assert "1 compiled, 3 restored in" in ended.stderr
    entries[0].rmdir()
    shutil.rmtree(project.build)
    assert told(project.run("build")) == []
    assert sorted(cache.glob("?/*")) == entries


def test_what_came_from_afar_and_cannot_be_kept(project: Project, tmp_path: Path) -> None:
    project.declare(f'{HEAD}{TARGETS}{MODULES}\n[cache]\nremote = "file://{tmp_path}/store"\n')
    (tmp_path / "store").mkdir()
    project.environment["WASMBUILD_CACHE"] = "off"
    project.run("build", "--push")
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    for digit in "0123456789abcdef":
        (cache / digit).touch()
    project.environment["WASMBUILD_CACHE"] = str(cache)
    shutil.rmtree(project.build)
    ended = project.run("build")
    assert "4 restored (4 from afar)" in ended.stderr
    while lines := told(ended):
        said = re.fullmatch(r"the cache of this machine is used in part: (.*): .*; remove it; WASM.*", "\n".join(lines))
        assert said is not None
        # What it was told to do.
        Path(said[1]).unlink()
        shutil.rmtree(project.build)
        ended = project.run("build")
    assert len(list(cache.glob("?/*"))) == 4


@posix
def test_entries_that_others_may_write_to_are_made_anew(project: Project, cache: Path) -> None:
    for path in cache.glob("?/*"):
        path.chmod(0o666)
    assert project.compiled() == ALL
    shutil.rmtree(project.build)
    ended = project.run("build")
    assert "4 restored in" in ended.stderr
    assert told(ended) == []
