"""What is wrong is never passed, whatever this process lacks; and what is right is then not verified, or verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from matrix import thorough
from mounts import run_under
from support import Project, keep_bytecode

from wasmbuild.engine import host

pytest.importorskip("resource")

RUN = "import sys; from wasmbuild.cli import main; sys.exit(main(sys.argv[1:]))"
LIMIT = "import resource; resource.setrlimit(resource.{name}, ({value}, {value}))\n" + RUN
# Root is bound by no number of processes. Another user is, who here keeps what it takes to read the files of root.
NO_PROCESSES = """
import ctypes, os, resource
if os.getuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(8, 1, 0, 0, 0)
    os.setgroups([])
    os.setuid(65534)
    head, read = (ctypes.c_uint32 * 2)(0x20080522, 0), 0b110
    assert libc.capset(head, (ctypes.c_uint32 * 6)(read, read, 0, 0, 0, 0)) == 0
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
"""
STARVED = {
    # The default engine is the library's; the one of Rust takes an executable, which is copied and given copies.
    "descriptors": ("c-api", LIMIT.format(name="RLIMIT_NOFILE", value=8), {}),
    "files-8K": ("rust", LIMIT.format(name="RLIMIT_FSIZE", value=8192), {}),
    "memory": ("c-api", LIMIT.format(name="RLIMIT_DATA", value=20 << 20), {}),
    "address-space": ("c-api", LIMIT.format(name="RLIMIT_AS", value=40 << 20), {}),
    "processes": ("c-api", NO_PROCESSES + RUN, {}),
    "no-temporary-files": ("rust", LIMIT.format(name="RLIMIT_FSIZE", value=0), {}),
    "no-home": ("rust", RUN, {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}),
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, workshop: Any) -> Path:
    """A directory ``right/EMBEDDER``, and ``wrong/EMBEDDER`` of other settings than its manifest says."""
    keep_bytecode()
    root = tmp_path_factory.mktemp("starved")
    for embedder in ("c-api", "rust"):
        engine = {"embedder": embedder}
        for name, other in (("right", {}), ("wrong", {"epoch-interruption": True})):
            workshop.ship(
                root / name / embedder,
                "t",
                host.triple(),
                {"m": "(module)"},
                engine=engine,
                compiled_with={**engine, **other},
            )
    return root


def verified(directory: Path, name: str, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    embedder, program, environment = STARVED[name]
    kept = {name: value for name, value in os.environ.items() if name != "WASMBUILD_WASMTIME"}
    return subprocess.run(
        [sys.executable, "-c", program, "verify", str(directory / embedder), *options],
        env={**kept, **environment},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@thorough("name", list(STARVED), always=3)
def test_what_is_wrong_never_passes(shipped: Path, name: str) -> None:
    ended = verified(shipped / "wrong", name, ["--level", "loaded", "-q"])
    assert ended.returncode in (1, 3), ended
    assert ended.stdout or ended.stderr


@thorough("name", list(STARVED), always=3)
def test_what_is_right_passes_or_is_not_verified(shipped: Path, name: str) -> None:
    ended = verified(shipped / "right", name, ["--json"])
    assert "Traceback" not in ended.stderr
    if not ended.stdout:
        assert ended.returncode == 3, ended
        return
    report = json.loads(ended.stdout)
    [entry] = report["artifacts"]
    assert report["ok"] == (ended.returncode == 0) == (entry["outcome"] == "passed")
    if report["ok"]:
        assert entry["level"] == "loaded"
    else:
        assert (ended.returncode, entry["outcome"]) == (3, "not-verified"), entry["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere address space is not bounded")
@pytest.mark.parametrize("space", [56, 64, 72])
def test_address_space_for_less_than_an_artifact_fails_none(tmp_path: Path, workshop: Any, space: int) -> None:
    """The library starts with that, and the limit of ours, which is higher, is not what it runs into."""
    text = f'(module (memory 500) (data (i32.const 0) "{uuid.uuid4()}{"a" * (32 << 20)}"))'
    workshop.ship(tmp_path, "t", host.triple(), {"m": text})
    program = LIMIT.format(name="RLIMIT_AS", value=space << 20)
    command = [sys.executable, "-c", program, "verify", "."]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 3, ended
    assert "--memory-limit" not in ended.stdout
    assert "(ulimit -v)" in ended.stdout + ended.stderr


def test_what_is_right_passes_without_proc(shipped: Path) -> None:
    ended = run_under("mount -t tmpfs none /proc", "verify", "c-api", cwd=shipped / "right")
    assert ended.returncode == 0, ended


SMALLER = "memory-reservation = 268435456\nmemory-guard-size = 65536"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere address space is not bounded")
def test_a_memory_that_has_no_room_is_not_verified_and_each_hint_helps(project: Project) -> None:
    project.write("m.wat", '(module (memory 1) (func (export "f") (result i32) (i32.const 1)))')

    def verified(engine: str, space: int | None, status: int) -> str:
        project.declare(
            f"""[project]\nname = "p"\n[engine]\n{engine}\n[targets.t]\ntriple = "{host.triple()}"
[modules.m]\nsource = "m.wat"\ntests = [{{ call = "f", returns = [1] }}]\n"""
        )
        project.run("build")
        program = RUN if space is None else LIMIT.format(name="RLIMIT_AS", value=space)
        command = [sys.executable, "-c", program, "verify", "build", "--memory-limit", "64 GiB"]
        ended = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False, timeout=120)
        assert ended.returncode == status, ended
        return ended.stdout

    said = verified("", 3 << 30, 3)
    assert "NOT VERIFIED" in said
    assert "f() reserves 4.1 GiB of address space for a memory, which this process may not have; raise the" in said
    assert "1 tested" in verified("", None, 0)
    assert "1 tested" in verified(SMALLER, 3 << 30, 0)
