"""A lock file where a library compiles what it locks, since the executable that it names went away."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher import reporting
from support import HEAD, MODULES, Project

from wasmbuild.toolchain import lockfile
from wasmbuild.toolchain.find import library

ANOTHER = "error: wasmbuild.lock: the compiler that is found is not the one that is locked; "
TARGET = '[targets.p]\ntriple = "pulley64"\n'


@pytest.fixture
def project(embedded_user: Project, tmp_path: Path) -> Project:
    """One that is locked to an executable, which is not found any more."""
    embedded_user.declare(HEAD + TARGET + MODULES)
    embedded_user.run("toolchain", "install", "--from", str(reporting(tmp_path / "w", "48.0.77")))
    embedded_user.run("lock")
    embedded_user.run("toolchain", "remove", "48.0.77")
    return embedded_user


def test_no_lock_is_advised_that_would_fail(project: Project, tmp_path: Path) -> None:
    told = project.run("build", status=2).stderr.splitlines()[0]
    assert told == f"{ANOTHER}run: wasmbuild toolchain install --locked --from FILE"
    assert "here is a library" in project.run("lock", status=2).stderr
    project.run("toolchain", "install", "--locked", "--from", str(tmp_path / "w"))
    assert "what wasmbuild.lock names" in project.run("toolchain", "which").stderr


def test_what_is_locked_and_too_old_is_replaced_by_an_executable(project: Project, tmp_path: Path) -> None:
    version = library().version
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace('wasmtime = "48"', f'wasmtime = "{version}"'))
    (locked,) = lockfile.read(project.root)
    older = locked._replace(version=f"{version}-rc.1")
    project.write("wasmbuild.lock", lockfile.to_bytes([older]))
    install = f"wasmbuild toolchain install {version}"
    assert project.run("build", status=2).stderr == (
        f"error: wasmbuild.lock: what is locked is Wasmtime {older.version}, older than {version}; to lock what is "
        f"declared, run: {install}, and then: wasmbuild lock\n"
    )
    project.run(*install.split()[1:], "--from", str(reporting(tmp_path / "other", version)))
    project.run("lock")
    (locked,) = lockfile.read(project.root)
    assert locked.version == version
