"""Projects in a temporary directory, built by the command as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
MODULES = """
[modules.add]
source = "add.wat"
[modules.sub]
source = "sub.wat"
"""


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

    def run(self, *arguments: str, status: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``wasmbuild`` to its end and hold its exit code against ``status``; it never shows a traceback."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert process.returncode == status, f"exit {process.returncode}, not {status}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

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
