"""A first project: what ``wasmbuild init`` writes builds, verifies, and overwrites nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import ADD, SUB, run_here

from wasmbuild.project import starter
from wasmbuild.project.starter import SCHEMA_FILE
from wasmbuild.toolchain import search_path


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "my project").mkdir()
    (tmp_path / "my project" / "add.wat").write_text(ADD)
    (tmp_path / "my project" / "sub.wat").write_text(SUB)
    return tmp_path / "my project"


def test_what_it_writes_builds_and_verifies(sources: Path) -> None:
    ended = run_here("init", cwd=sources)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == (
        "wasmbuild.toml: 2 modules for 2 targets\n"
        "dodo.py: the same as tasks of doit\n"
        "next: wasmbuild build, wasmbuild verify build\n"
    )
    # What it says to type next is typed.
    assert run_here("build", cwd=sources).returncode == 0
    verified = run_here("verify", "build", cwd=sources)
    assert verified.returncode == 0, verified.stdout
    assert "4 artifacts verified: 4 loaded" in verified.stdout
    ended = subprocess.run([sys.executable, "-m", "doit"], cwd=sources, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "4 loaded" in ended.stdout


def test_editors_find_the_schema_below_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in its virtual environment, which colleagues have at the same place."""
    monkeypatch.setattr(starter, "SCHEMA_FILE", tmp_path / ".venv" / "lib" / "wasmbuild.schema.json")
    assert starter.declaration(tmp_path, [], 48).startswith("#:schema ./.venv/lib/wasmbuild.schema.json\n# What")


def test_editors_find_the_schema_elsewhere(sources: Path) -> None:
    run_here("init", str(sources))
    first, then = (sources / "wasmbuild.toml").read_text().splitlines()[:2]
    assert first == f"#:schema {SCHEMA_FILE.as_uri()}"
    assert "`wasmbuild schema --file`" in then
    assert run_here("schema", "--file").stdout == f"{SCHEMA_FILE}\n"


def test_a_compiler_is_told_where_there_is_none(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the library's line: what brings another line takes the library of this one away."""
    assert run_here("init", cwd=sources).returncode == 0
    assert "\n# Another machine.\n# [targets." in (sources / "wasmbuild.toml").read_text()
    (sources / "wasmbuild.toml").unlink()
    monkeypatch.setattr(search_path, "executables", lambda: iter(()))
    monkeypatch.setattr(search_path, "library_line", lambda: 50)
    assert run_here("init", cwd=sources).returncode == 0
    written = (sources / "wasmbuild.toml").read_text()
    assert 'wasmtime = "50"' in written
    assert "\n# Other machines take a compiler that has them: wasmbuild toolchain install 50\n" in written


def test_it_overwrites_nothing(sources: Path) -> None:
    (sources / "dodo.py").write_text("mine")
    ended = run_here("init", str(sources))
    assert ended.returncode == 0
    assert f"{sources / 'dodo.py'}: is there already, and is left as it is\n" in ended.stderr
    assert f"next: cd '{sources}', wasmbuild build" in ended.stderr
    assert (sources / "dodo.py").read_text() == "mine"
    before = (sources / "wasmbuild.toml").read_bytes()
    again = run_here("init", str(sources))
    assert again.returncode == 2
    assert "is there already, and nothing was written" in again.stderr
    assert (sources / "wasmbuild.toml").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit is a command of POSIX")
def test_what_cannot_be_written_whole_is_not_there(sources: Path) -> None:
    init = [sys.executable, "-B", "-m", "wasmbuild", "init"]
    limited = ["/bin/sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *init]
    ended = subprocess.run(limited, cwd=sources, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 3
    assert ended.stderr.startswith("error: wasmbuild.toml: cannot be written: File too large; ")
    assert sorted(path.name for path in sources.iterdir()) == ["add.wat", "sub.wat"]
    assert run_here("init", cwd=sources).returncode == 0


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    scandir = os.scandir

    def scanned(path: str) -> Any:
        if os.path.basename(path) == "src":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scanned)
    ended = run_here("init", cwd=tmp_path)
    assert ended.returncode == 2
    assert 'left out: "src" (cannot be listed: Permission denied)\n' in ended.stderr
    assert "no other .wasm or .wat file was found" in ended.stderr


def test_without_sources_nothing_is_written(tmp_path: Path) -> None:
    ended = run_here("init", cwd=tmp_path)
    assert ended.returncode == 2
    assert "no .wasm or .wat file was found" in ended.stderr
    assert not list(tmp_path.iterdir())
    assert run_here("init", "nowhere", cwd=tmp_path).returncode == 2


def test_it_says_what_it_left_out_and_why(tmp_path: Path, sources: Path) -> None:
    (tmp_path / "z.wasm").touch()
    (tmp_path / "page.WASM").write_text("<html>")
    (tmp_path / "lost.wat").symlink_to("nowhere")
    sources.joinpath("add.wat").rename(tmp_path / "M.WAT")
    left_out = (
        'left out: "lost.wat" (a link that leads nowhere), "page.WASM" (an HTML page), "z.wasm" (an empty file)\n'
    )
    ended = run_here("init", cwd=tmp_path)
    assert ended.stderr.startswith(f"{left_out}wasmbuild.toml: 2 modules for 2 targets\n")
    assert run_here("build", cwd=tmp_path).returncode == 0
    for name in ("M.WAT", "my project/sub.wat", "wasmbuild.toml"):
        (tmp_path / name).unlink()
    ended = run_here("init", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{left_out}error: no other .wasm or .wat file was found below ")
