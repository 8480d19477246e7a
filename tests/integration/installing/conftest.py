"""Releases made of the real executable, a server that has them, and a user who has installed nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving
from releases import Release

from wasmbuild.toolchain import executable, installed, platforms, search_path


@pytest.fixture(scope="session")
def release() -> Release:
    """Make an archive as upstream does, of the executable that the wheel brought."""
    wheel = next(candidate.path for candidate in search_path.executables() if candidate.origin == search_path.WHEEL)
    identity = executable.identify(wheel)
    platform = platforms.named(platforms.host())
    folder = platform.folder(identity.version)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=0) as tar:
        for name, content in (("LICENSE", b"Apache"), ("README.md", b"# wasmtime"), ("wasmtime", wheel.read_bytes())):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    path = f"/v{identity.version}/{platform.archive(identity.version)}"
    return Release(identity.version, Path(identity.path), buffer.getvalue(), path)


@pytest.fixture
def site() -> Iterator[serving.Site]:
    with serving.site() as here:
        yield here


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: serving.Site) -> Path:
    """Make a user who has installed nothing and whose mirror is the server; return where toolchains go."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("WASMBUILD_MIRROR", site.address)
    return installed.directory()
