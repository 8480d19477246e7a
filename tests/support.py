"""Projects in a temporary directory, built by the command as a user runs it."""

from __future__ import annotations

import compileall
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import wasmbuild
from wasmbuild import cli

ALL = {"add@x64", "sub@x64", "add@arm", "sub@arm"}

ADD = """(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"""
SUB = """(module (func (export "sub") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub))"""

HEAD = """
[project]
name = "demo"
[toolchain]
wasmtime = "48"
"""
TARGETS = """
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.arm]
triple = "aarch64-unknown-linux-gnu"
"""
BOTH_LOADERS = """
[project]
name = "demo"
[targets.library]
triple = "x86_64-unknown-linux-gnu"
[targets.executable]
triple = "x86_64-unknown-linux-gnu"
engine = { embedder = "rust" }
"""
"""Targets of this machine: what the library loads, and what an executable has to."""
MODULES = """
[modules.add]
source = "add.wat"
[modules.sub]
source = "sub.wat"
"""


def keep_bytecode() -> None:
    """Compile all modules of the package, for what runs where files may not get large.

    Of a module that Python compiles there it keeps as much as fits, and no command starts again (gh-126606).
    """
    compileall.compile_dir(Path(wasmbuild.__file__).parent, quiet=2)


def run_here(
    *arguments: str, cwd: str | os.PathLike[str] = ".", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, as its entry point does, and return how it ended and what it wrote."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    saved = dict(os.environ), os.getcwd()
    requests = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in requests}
    os.environ.update(environment or {})
    try:
        os.chdir(cwd)
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            try:
                status = cli.main(arguments)
            except SystemExit as ended:  # argparse, after --help and --version
                status = int(ended.code or 0)
    finally:
        os.chdir(saved[1])
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(saved[0])
    out, err = (stream.buffer.getvalue().decode() for stream in streams)
    return subprocess.CompletedProcess(arguments, status, out, err)


class Project:
    """A wasmbuild.toml with its sources, and the command run on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.build = root / "build"
        self.environment: dict[str, str] = {}
        self.write("add.wat", ADD)
        self.write("sub.wat", SUB)
        self.declare(HEAD + TARGETS + MODULES)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def declare(self, toml: str) -> None:
        self.write("wasmbuild.toml", toml)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start ``wasmbuild`` and return at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "wasmbuild.cli", *arguments],
            cwd=options.pop("cwd", self.root),
            env={**os.environ, "NO_COLOR": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(
        self, *arguments: str, status: int = 0, alone: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run ``wasmbuild`` to its end and hold its exit code against ``status``; it never shows a traceback.

        In this process, which saves its start, unless it is to be ``alone`` or has ``options`` of a process.
        """
        cwd = options.pop("cwd", self.root)
        if options or alone:
            process = self.start(*arguments, cwd=cwd, **options)
            out, err = process.communicate(timeout=300)
            ended = subprocess.CompletedProcess(arguments, process.returncode, out, err)
        else:
            ended = run_here(*arguments, cwd=cwd, environment={"NO_COLOR": "1", **self.environment})
        # Indented, it is what a child wrote.
        assert "\nTraceback" not in f"\n{ended.stderr}", ended.stderr
        assert ended.returncode == status, f"exit {ended.returncode}, not {status}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def outcomes(self, *arguments: str, status: int = 0) -> dict[str, str]:
        """Build, and return what became of each artifact."""
        report = json.loads(self.run("build", "--json", *arguments, status=status).stdout)
        assert report["ok"] == (status == 0)
        return {entry["id"]: entry["outcome"] for entry in report["artifacts"]}

    def compiled(self, *arguments: str) -> set[str]:
        """Build, and return the ids that were compiled; everything else was up to date."""
        outcomes = self.outcomes(*arguments)
        assert set(outcomes.values()) <= {"compiled", "up-to-date"}
        return {id for id, outcome in outcomes.items() if outcome == "compiled"}

    def files(self) -> dict[str, bytes]:
        """Return everything in the build directory that is not remembered state."""
        return {
            path.relative_to(self.build).as_posix(): path.read_bytes()
            for path in self.build.rglob("*")
            if path.is_file() and ".wasmbuild/" not in path.relative_to(self.build).as_posix()
        }

    def verdicts(self, *arguments: str, status: int = 0) -> dict[str, dict[str, Any]]:
        """Verify what was built, and return the entries of the report."""
        report = json.loads(self.run("verify", "--json", *arguments, "build", status=status).stdout)
        return {entry["id"]: entry for entry in report["artifacts"]}

    def reasons(self, id: str) -> list[str]:
        """Return why an artifact would be built."""
        report = json.loads(self.run("explain", "--json", id).stdout)
        reasons: list[str] = report["artifacts"][0]["reasons"]
        return reasons


def built(root: Path, declaration: str, sources: Mapping[str, str]) -> Path:
    """Build a project that is declared so, and return its build directory."""
    project = Project(root)
    for name, text in sources.items():
        project.write(name, text)
    project.declare(declaration)
    project.run("build")
    return project.build


def as_nobody(locked: Path) -> list[str]:
    """Return the start of a command that may not use what is locked: root may, unless it lacks the capability."""
    if not os.access(locked, os.R_OK):
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root needs setpriv to be refused anything")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
