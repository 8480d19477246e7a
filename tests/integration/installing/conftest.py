"""Releases made of the real executable, a server that has them, and a user who has installed nothing."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import serving
from launcher import IS_RUN_HERE, program
from releases import Release
from support import Project

from wasmbuild.lean import pathlib as lean
from wasmbuild.toolchain import executable, installed, platforms, search_path


@pytest.fixture(scope="session")
def real_release() -> Release:
    """Make an archive as upstream does, of the executable that the wheel brought."""
    identity = executable.identify(_wheel())
    return _release(identity.version, Path(identity.path))


@pytest.fixture(scope="session")
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release whose executable has the real one do the work: what is 70 MB takes a second each time it is moved.

    The archive is as large as one that can be cut off and stopped amid has to be.
    """
    if not IS_RUN_HERE:
        return cast(Release, request.getfixturevalue("real_release"))
    identity = executable.identify(_wheel())
    folder = tmp_path_factory.mktemp("release")
    body = f'[ "$1" != --version ] || exec echo wasmtime {identity.version}\nexec "{identity.path}" "$@"'
    return _release(identity.version, program(folder / "wasmtime", body), os.urandom(4_000_000))


@pytest.fixture(params=["release", pytest.param("real_release", marks=pytest.mark.slow)])
def either_release(request: pytest.FixtureRequest) -> Release:
    return cast(Release, request.getfixturevalue(request.param))


def _wheel() -> Path:
    return next(candidate.path for candidate in search_path.executables() if candidate.origin == search_path.WHEEL)


def _release(version: str, program: Path, readme: bytes = b"# wasmtime") -> Release:
    platform = platforms.named(platforms.host())
    folder = platform.folder(version)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=0) as tar:
        for name, content in (("LICENSE", b"Apache"), ("README.md", readme), ("wasmtime", program.read_bytes())):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    path = f"/v{version}/{platform.archive(version)}"
    return Release(version, program, buffer.getvalue(), path)


@pytest.fixture
def site() -> Iterator[serving.Site]:
    with serving.site() as here:
        yield here


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that keeps, from one test to another, what the executable of the wheel is, and a copy that can be run."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: serving.Site, kept: Path) -> Path:
    """Make a user who has installed nothing and whose mirror is the server; return where toolchains go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(lean.Path, "home", lambda: tmp_path)
    monkeypatch.setenv("WASMBUILD_MIRROR", site.address)
    return installed.directory()


@pytest.fixture
def embedded_user(user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project of that user, in whose environment only the library of the package compiles."""
    package = search_path._package
    monkeypatch.setattr(search_path, "_package", lambda name: None if name == "wasmtime_cli" else package(name))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "p").mkdir()
    return Project(tmp_path / "p")
