"""Directories that tests give to programs of WASI: read when it is built, and verified anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough
from support import BOTH_LOADERS, Project

NINJA = Path(sys.executable).parent / "ninja"
BINARY = b"\xff\0\xfe\1 and more\r\n"
FIRST = 0x01FE00FF
READER = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "deep/in.bin")
  (func $file (param $size i32) (param $flags i32) (param $rights i64) (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 16) (local.get $size) (local.get $flags) (local.get $rights)
      (i64.const 0) (i32.const 0) (i32.const 8)))
  (func (export "first") (result i32)
    (if (call $file (i32.const 11) (i32.const 0) (i64.const 2)) (then unreachable))
    (i32.store (i32.const 32) (i32.const 100))
    (i32.store (i32.const 36) (i32.const 64))
    (drop (call $read (i32.load (i32.const 8)) (i32.const 32) (i32.const 1) (i32.const 40)))
    (i32.load (i32.const 100)))
  (func (export "make") (result i32)
    (i32.ne (call $file (i32.const 6) (i32.const 1) (i64.const 64)) (i32.const 0))))"""
TEST = f'{{ call = "first", returns = [{FIRST}], wasi = {{ dirs = ["given"] }} }}'


@pytest.fixture
def given(project: Project) -> Path:
    """Declare a test that reads a file of a directory, and return the file."""
    project.write("m.wat", READER)
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{TEST}]\n')
    file = project.root / "given" / "deep" / "in.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(BINARY)
    return file


def refused(project: Project) -> str:
    process = project.start("build")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    return error


def verified(project: Project, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    ended = project.run("verify", "--json", "--level", "tested", *arguments, status=status)
    entries: list[dict[str, Any]] = json.loads(ended.stdout)["artifacts"]
    return entries


def test_they_travel_with_the_manifest_and_nothing_is_left_of_them(
    project: Project, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("build")
    elsewhere = shutil.copytree(project.build, tmp_path / "elsewhere")
    shutil.rmtree(given.parent)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    entries = verified(project, str(elsewhere))
    assert [(entry["ok"], entry["level"], entry["message"]) for entry in entries] == [(True, "tested", "")] * 2
    assert list(temporary.iterdir()) == []


def test_what_changes_in_them_is_noticed(project: Project, given: Path) -> None:
    project.run("build")
    manifest = project.build / "library" / "manifest.json"
    artifact = project.build / "library" / "m.cwasm"
    before, made = manifest.read_bytes(), artifact.stat().st_mtime_ns
    assert "up to date" in project.run("build").stderr
    given.write_bytes(b"else")
    project.run("build")
    assert manifest.read_bytes() != before
    assert artifact.stat().st_mtime_ns == made
    assert {entry["failed"] for entry in verified(project, "build", status=1)} == {"tested"}
    given.write_bytes(BINARY)
    project.run("build")
    assert manifest.read_bytes() == before
    (given.parent / "more.txt").write_text("more")
    project.run("build")
    assert b"deep/more.txt" in manifest.read_bytes()
    (given.parent / ".hidden").write_text("no")
    assert b"hidden" not in manifest.read_bytes()


def test_many_tests_of_many_modules_read_one_directory_that_is_large(project: Project, given: Path) -> None:
    for name in ("a", "b"):
        project.write(f"src/{name}.wat", READER)
    given.write_bytes(BINARY + os.urandom(900_000))
    project.declare(f'{BOTH_LOADERS}[modules."*"]\nsource = "src/*.wat"\ntests = [{", ".join([TEST] * 40)}]\n')
    project.run("build")
    sizes = [(project.build / target / "manifest.json").stat().st_size for target in ("library", "executable")]
    assert max(sizes) < 1_300_000
    assert len(project.run("plan", "--json").stdout) < 1_300_000
    assert "up to date" in project.run("build").stderr


def test_doit_writes_the_manifests_again(project: Project, given: Path) -> None:
    project.write("dodo.py", "from wasmbuild.doit import load\n_, task_compile, _ = load('wasmbuild.toml').dodo()\n")
    manifest = project.build / "library" / "manifest.json"
    written = []
    for content in (BINARY, b"else"):
        given.write_bytes(content)
        subprocess.run([sys.executable, "-m", "doit", "compile"], cwd=project.root, check=True, capture_output=True)
        written.append(manifest.read_bytes())
    assert written[0] != written[1]


@pytest.mark.needs_modules("SCons")
def test_scons_writes_the_manifests_after_what_makes_them(project: Project, given: Path) -> None:
    made = 'env.Command("given/deep/in.bin", "made", Copy("$TARGET", "$SOURCE"))\nenv.Wasmbuild()\n'
    tool = "from wasmbuild.scons import wasmbuild\nenv = Environment(tools=['default', wasmbuild])\n"
    project.write("SConstruct", tool + made)
    for content in ("first", "second"):
        project.write("made", content)
        subprocess.run([sys.executable, "-m", "SCons"], cwd=project.root, check=True, capture_output=True)
        manifest = (project.build / "library" / "manifest.json").read_bytes()
        project.run("build")
        assert (project.build / "library" / "manifest.json").read_bytes() == manifest


def test_they_are_inputs_of_manifests(project: Project, given: Path) -> None:
    steps = json.loads(project.run("plan", "--json").stdout)["steps"]
    reading = {step["id"] for step in steps if "given/deep/in.bin" in step["inputs"]}
    assert reading == {"manifest:library", "manifest:executable"}
    edges = project.run("plan", "--ninja").stdout.splitlines()
    [edge] = [line for line in edges if "given/deep/in.bin" in line]
    assert ": wasmbuild_manifest | " in edge


def test_ninja_writes_the_manifests_again_whatever_becomes_of_them(project: Project, given: Path) -> None:
    project.write("build.ninja", "build build.ninja: phony wasm.ninja\nsubninja wasm.ninja\n")
    project.run("plan", "--ninja", "-o", "wasm.ninja")
    more = given.with_name("more.txt")
    for content in ("one", "two", None):
        if content is None:
            more.unlink()
        else:
            more.write_text(content)
        for _ in range(2):
            ended = subprocess.run([NINJA], cwd=project.root, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "no work to do" in ended.stdout
        made = (project.build / "library" / "manifest.json").read_bytes()
        project.run("build")
        assert (project.build / "library" / "manifest.json").read_bytes() == made
        assert (b"more.txt" in made) == more.exists()


def test_they_cannot_be_written_to(project: Project, given: Path) -> None:
    """Where an executable cannot keep the user who verifies from it, the test says nothing of the artifact."""
    test = '{ call = "make", returns = [1], wasi = { dirs = ["given"] } }'
    project.declare(f'{BOTH_LOADERS}[modules.m]\nsource = "m.wat"\ntests = [{test}, {TEST}]\n')
    project.run("build")
    library, executable = json.loads(project.run("verify", "--json", "build").stdout)["artifacts"]
    assert library["level"] == "tested"
    is_kept_out = sys.platform != "win32" and os.geteuid() != 0
    assert executable["level"] == ("tested" if is_kept_out else "loaded")
    assert is_kept_out or "writes to its dirs, which an executable lets" in executable["message"]
    assert given.read_bytes() == BINARY


@thorough(
    ("dirs", "words"),
    [
        ("gone", '"gone" cannot be read: No such file or directory; name a directory that is there'),
        ("build", '"build" holds the build directory; name a directory beside it'),
        (".", "is no path of a directory in it; write a directory below the folder of the file"),
        ("größe", '"tests/data": ASCII letters, digits, spaces and _.+@=,- are what every system has'),
        ("../other", "is no path of a directory in it; write a directory below the folder of the file"),
        ("build/library", '"build/library" is in the build directory; name a directory outside of it'),
        ("given/gone", '"given/gone" cannot be read: No such file or directory; name a directory that is there'),
        ("given/deep/in.bin", '"given/deep/in.bin" cannot be read: Not a directory; name a directory that is there'),
        ("m.wat", '"m.wat" cannot be read: Not a directory; name a directory that is there'),
    ],
    always=3,
)
def test_what_is_no_such_directory_is_refused(project: Project, given: Path, dirs: str, words: str) -> None:
    project.run("build")
    project.declare((project.root / "wasmbuild.toml").read_text().replace("given", dirs))
    assert words in refused(project)


def test_what_cannot_travel_is_refused(project: Project, given: Path, tmp_path: Path) -> None:
    link = given.parent / "link"
    link.symlink_to(tmp_path)
    assert '"given/deep/link" is a link to a directory; put the directory itself there' in refused(project)
    link.unlink()
    (tmp_path / "outside").write_text("")
    link.symlink_to(tmp_path / "outside")
    copied = "leads out of the directory through a link; put a copy of what it leads to in its place (cp -rL)"
    assert f'"given/deep/link" {copied}' in refused(project)
    link.unlink()
    directory = given.parents[1].rename(tmp_path / "far")
    given.parents[1].symlink_to(directory)
    assert f'"given" {copied}' in refused(project)
    given.parents[1].unlink()
    directory.rename(given.parents[1])
    link.write_bytes(bytes((1 << 20) + 1))
    assert '"given" holds more than 1 MiB; name a smaller directory' in refused(project)
    link.write_bytes(bytes((1 << 20) - len(BINARY)))
    project.run("build")
    link.rename(link.with_name("what:no"))
    assert '"deep/what:no" is no path of a file; rename it' in refused(project)


def test_a_manifest_whose_files_are_damaged_is_told(project: Project, given: Path) -> None:
    project.run("build")
    manifest = project.build / "library" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"deep/in.bin": "', b'"deep/in.bin": "!'))
    [entry] = verified(project, str(manifest), status=1)
    assert "is not the SHA-256 of what is there" in entry["message"]
