"""Rust programs for tests: copies of the examples with another main, built with cargo.

They are built below ``.cache``, where what they depend on takes minutes the first time and none later.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "tests" / "integration" / "embed"
TARGET_DIR = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / ".cache" / "rust")
NAMES = {"rust": "host", "rust-minimal": "host-minimal", "cargo": "host-included"}
"""What the program of an example is called."""

_BUILD_SECONDS = 1500


def example(name: str, into: Path) -> Path:
    """Copy an example as it is in the repository."""
    shutil.copytree(
        ROOT / "examples" / name, into, ignore=shutil.ignore_patterns("build", "target", "Cargo.lock", "engine.rs")
    )
    return into


def run(*command: str | Path, cwd: Path, seconds: int = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with the ``wasmbuild`` of this Python in its PATH."""
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET_DIR),
        # Nobody debugs these programs: without what that takes, Wasmtime is compiled and linked sooner.
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_INCREMENTAL": "0",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def built(name: str, directory: Path, *command: str | Path) -> str:
    """Build the copy of an example with a command, leave its program there as ``host``, return what the command wrote.

    Warnings of the compiler are failures.
    """
    TARGET_DIR.mkdir(parents=True, exist_ok=True)
    with (TARGET_DIR / "tests.lock").open("w") as lock:
        # All copies of an example are one package to cargo, built to one file; it takes the program of another copy
        # for this one's where that was built after these sources were written.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for source in directory.rglob("*.rs"):
            source.touch()
        done = run(*command, cwd=directory, seconds=_BUILD_SECONDS)
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr, done.stderr
        shutil.copy(TARGET_DIR / "debug" / NAMES[name], directory / "host")
    return done.stdout


def with_main(name: str, source: str, directory: Path) -> Path:
    """Build the copy of an example with one of the programs for tests in place of its own, and return that program."""
    shutil.copy(SOURCES / source, directory / "src" / "main.rs")
    built(name, directory, "cargo", "build", "--quiet")
    return directory / "host"
