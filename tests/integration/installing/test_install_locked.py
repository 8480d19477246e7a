"""``toolchain install --locked`` where not all that is declared is locked, and where no address says what is."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher import reporting
from support import Project

from wasmbuild.toolchain import lockfile, platforms

HOST = platforms.host()
NEXT = '[targets.next]\ntriple = "pulley64"\nwasmtime = "49"\n'


@pytest.fixture
def project(embedded_user: Project) -> Project:
    """One whose line 48 only the library of the environment compiles, and whose line 49 what a test installs."""
    embedded_user.declare((embedded_user.root / "wasmbuild.toml").read_text() + NEXT)
    return embedded_user


def test_a_line_that_a_library_compiles_keeps_no_other_from_being_installed(project: Project, tmp_path: Path) -> None:
    file = reporting(tmp_path / "w49", "49.0.3")
    project.run("toolchain", "install", "--from", str(file))
    left_out = (
        "left out: what compiles for Wasmtime 48 here is a library, and wasmbuild.lock names executables; to lock one, "
        "run: wasmbuild toolchain install 48\n"
    )
    assert project.run("lock").stderr.endswith(left_out)
    assert [locked.line for locked in lockfile.read(project.root)] == [49]
    ended = project.run("toolchain", "install", "--locked")
    assert "Wasmtime 49.0.3 is installed already" in ended.stderr
    assert left_out in ended.stderr
    said = project.run("toolchain", "install", "48.0.9", "--config", "none.toml", "--offline", status=2).stderr
    assert said.endswith("install: --config says where --locked finds what is locked; leave it out\n")
    # What it says to run is what has that line locked too.
    project.run("toolchain", "install", "48", "--from", str(reporting(tmp_path / "w48", "48.0.9")))
    said = project.run("toolchain", "install", "--locked", status=2).stderr
    assert said == "error: wasmbuild.lock locks nothing for Wasmtime 48; run: wasmbuild lock\n"
    project.run("lock")
    assert len(project.run("toolchain", "install", "--locked").stdout.splitlines()) == 2


def test_where_all_that_is_declared_is_left_out_nothing_is_installed(project: Project, tmp_path: Path) -> None:
    project.run("toolchain", "install", "--from", str(reporting(tmp_path / "w49", "49.0.3")))
    project.run("lock")
    project.declare((project.root / "wasmbuild.toml").read_text().replace(NEXT, ""))
    said = project.run("toolchain", "install", "--locked", status=2).stderr
    assert said.startswith("error: what compiles for Wasmtime 48 here is a library")
    said = project.run("toolchain", "install", "--locked", "--from", str(tmp_path / "w 48"), status=2).stderr
    assert said == (
        "error: wasmbuild.lock locks nothing for Wasmtime 48; run: wasmbuild toolchain install --from "
        f"'{tmp_path / 'w 48'}', and then: wasmbuild lock\n"
    )
    project.run("toolchain", "install", "--from", str(reporting(tmp_path / "w 48", "48.0.9")))
    project.run("lock")
    project.run("toolchain", "install", "--locked", "--from", str(tmp_path / "w 48"))


def test_a_line_that_nothing_compiles_says_what_gets_it(project: Project, tmp_path: Path) -> None:
    project.run("toolchain", "install", "--from", str(reporting(tmp_path / "w48", "48.0.9")))
    project.declare((project.root / "wasmbuild.toml").read_text().replace(NEXT, ""))
    project.run("lock")
    project.declare((project.root / "wasmbuild.toml").read_text() + NEXT)
    said = project.run("toolchain", "install", "--locked", status=2).stderr
    assert said == (
        "error: wasmbuild.lock locks nothing for Wasmtime 49; run: wasmbuild toolchain install 49, and then: "
        "wasmbuild lock\n"
    )
    project.run("toolchain", "install", "49", "--from", str(reporting(tmp_path / "w49", "49.0.3")))
    project.run("lock")
    project.run("toolchain", "install", "--locked")


def test_without_a_lock_file_it_says_that_there_is_none(project: Project, tmp_path: Path) -> None:
    none = "error: there is no wasmbuild.lock beside the declaration; run: "
    said = project.run("toolchain", "install", "--locked", status=2).stderr
    assert said == f"{none}wasmbuild toolchain install 48, and then: wasmbuild lock\n"
    file = reporting(tmp_path / "w48", "48.0.9")
    said = project.run("toolchain", "install", "--locked", "--from", str(file), status=2).stderr
    assert said == f"{none}wasmbuild toolchain install --from {file}, and then: wasmbuild lock\n"
    project.run("toolchain", "install", "--from", str(file))
    assert project.run("toolchain", "install", "--locked", status=2).stderr == f"{none}wasmbuild lock\n"


def test_of_files_that_are_locked_it_says_which_is_wanted(project: Project, tmp_path: Path) -> None:
    for version in ("48.0.9", "49.0.3"):
        project.run("toolchain", "install", "--from", str(reporting(tmp_path / version, version)))
    project.run("lock")
    for version in ("49.0.3", "48.0.9"):
        project.run("toolchain", "remove", version)
    for locked in lockfile.read(project.root):
        assert project.run("toolchain", "install", "--locked", status=2).stderr == (
            f"error: wasmbuild.lock: what is locked for {HOST}, Wasmtime {locked.version}, came from a file, which is "
            f"not downloaded; name that file: --from FILE\n    locked: SHA-256 {locked.platforms[HOST].sha256}\n"
        )
        project.run("toolchain", "install", "--locked", "--from", str(tmp_path / locked.version))
    project.run("toolchain", "install", "--locked")
