"""The cache of the machine on disks that are full, read-only, or share blocks: real ones, mounted for the test."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ALL, HEAD, MODULES, TARGETS, Project

from wasmbuild.builder.cache import entry
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.usercache import CacheDirectory

EVERY = dict.fromkeys(ALL, "restored")


@contextlib.contextmanager
def mounted(place: Path, *arguments: str) -> Iterator[Path]:
    """Mount something on a new directory; skip where that is not allowed."""
    place.mkdir()
    command = ["mount", *arguments, str(place)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"may not mount: {ended.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def other(project: Project) -> Project:
    """Return the same sources in another place, for a build that knows the same cache."""
    root = project.root.with_name(project.root.name + "-other")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    copy = Project(root)
    copy.environment = project.environment
    return copy


def left(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob("*") if path.name.startswith(entry.TEMPORARY)]


@pytest.mark.needs("mount", "umount")
def test_a_full_disk(project: Project, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=300k,mode=700", "tmpfs") as small:
        project.environment["WASMBUILD_CACHE"] = str(small)
        ended = project.run("build")
        assert "4 compiled in " in ended.stderr
        assert [line for line in ended.stderr.splitlines() if "cache" in line] == [
            f"the cache of this machine is used in part: {small}: No space left on device; free some space there; "
            "WASMBUILD_CACHE names another directory, or off"
        ]
        assert left(small) == []
        assert project.run("cache", "prune").stderr.startswith("0 artifacts removed, ")
        second = other(project)
        outcomes = second.outcomes()
        assert set(outcomes) == ALL
        assert set(outcomes.values()) == {"restored", "compiled"}
        assert second.files() == project.files()
        # What it was told to do.
        subprocess.run(["mount", "-o", "remount,size=3m", str(small)], check=True)
        assert "cache" not in other(project).run("build").stderr
        assert other(project).outcomes() == EVERY


@pytest.mark.needs("mount", "umount")
def test_a_cache_that_is_read_only(project: Project, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    project.environment["WASMBUILD_CACHE"] = str(cache)
    project.run("build", "add@*")
    with mounted(tmp_path / "fixed", "-o", "bind", str(cache)) as fixed:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(fixed)], check=True)
        project.environment["WASMBUILD_CACHE"] = str(fixed)
        ended = other(project).run("build", "--json")
        outcomes = {entry["id"]: entry["outcome"] for entry in json.loads(ended.stdout)["artifacts"]}
        assert outcomes == {id: "restored" if id.startswith("add") else "compiled" for id in ALL}
        assert "cache" not in ended.stderr
        assert project.run("cache", "prune").stderr == "0 artifacts removed, 0 B\n"
        ended = project.run("cache", "clear", status=3)
        assert "Read-only file system; mend that, or name another place with WASMBUILD_CACHE" in ended.stderr
    assert len(list(cache.glob("?/*"))) == 2


@pytest.mark.needs("mount", "umount")
def test_a_cache_that_is_read_only_and_empty_is_cleared(project: Project, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    with mounted(tmp_path / "fixed", "-o", "bind", str(cache)) as fixed:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(fixed)], check=True)
        project.environment["WASMBUILD_CACHE"] = str(fixed)
        assert project.run("cache", "clear").stderr == "0 artifacts removed, 0 B\n"


@pytest.mark.needs("mount", "umount")
def test_a_remote_cache_that_is_read_only(project: Project, tmp_path: Path) -> None:
    """A directory that others share: what it has is taken, and what it lacks is said not to have come there."""
    store = tmp_path / "store"
    store.mkdir()
    declared = HEAD + TARGETS + MODULES + "\n[cache]\nremote = {}\n"
    project.environment["WASMBUILD_CACHE"] = "off"
    project.declare(declared.format(f'"file://{store}"'))
    project.run("build", "--push", "add@*")
    with mounted(tmp_path / "fixed", "-o", "bind", str(store)) as fixed:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(fixed)], check=True)
        second = other(project)
        second.declare(declared.format(f'"file://{fixed}"'))
        ended = second.run("build", "--push")
    assert "2 compiled, 2 restored (2 from afar)" in ended.stderr
    assert f"\nfile://{fixed} did not get 2 of what was compiled (read-only file system)\n" in ended.stderr


@pytest.mark.needs("mount", "umount", "mkfs.btrfs")
def test_where_blocks_can_be_shared_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(160 << 20)
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True)
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        (disk / "project").mkdir()
        project = Project(disk / "project")
        project.environment["WASMBUILD_CACHE"] = str(disk / "cache")
        project.run("build")
        kept = {path: path.read_bytes() for path in (disk / "cache").glob("?/*")}

        shared = []
        take = entry.take

        def taken(*arguments: Any, **named: Any) -> entry.ExtractedArtifact:
            found = take(*arguments, **named)
            shared.append(found.shared)
            return found

        monkeypatch.setattr(entry, "take", taken)
        second = other(project)
        assert second.outcomes() == EVERY
        assert second.files() == project.files()
        second.verdicts()
        large = bytes(range(256)) * 4096
        cache = LocalCache(CacheDirectory(base=disk / "cache"), 1 << 30)
        cache.put("ab" * 32, large, hashlib.sha256(large).hexdigest(), b"{}")
        assert cache.get("ab" * 32, disk / "large") is not None
        assert (disk / "large").read_bytes() == large
        cache.discard("ab" * 32)
        assert shared == [True] * 5
        # To write into what was restored is to write into no cache.
        with (second.build / "x64" / "add.cwasm").open("r+b") as artifact:
            artifact.write(b"edited")
            os.fsync(artifact.fileno())
        assert {path: path.read_bytes() for path in kept} == kept
        assert second.outcomes()["add@x64"] == "restored"
