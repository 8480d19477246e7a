"""The one project that all systems build, and what a build of it leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import wasmtime
from support import ADD, HEAD, SUB

from systems import System
from wasmbuild.toolchain.search_path import executables

TARGETS = """
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.portable]
triple = "pulley64"
"""
MODULES = """
[modules.add]
source = "add.wasm"
[modules.sub]
source = "sub.wasm"
[modules."plugins/*"]
source = "plugins/*.wasm"
"""
DECLARATION = HEAD + TARGETS + MODULES
BINARIES = {text: bytes(wasmtime.wat2wasm(text)) for text in (ADD, SUB)}


class Built:
    """The project in a directory of its own, with what a user of one system adds to it."""

    def __init__(self, system: System, root: Path) -> None:
        self.system = system
        self.root = root
        self.out = root / system.out
        tools = root.parent / "tools"
        tools.mkdir(parents=True)
        # A copy, because a test changes it; that of the wheel may lack its run bit.
        real = shutil.copyfile(executables()[0].path, tools / "real")
        real.chmod(0o755)
        self.compiler = tools / "compiler"
        self.compiler.write_text(f'#!/bin/sh\nexec "{real}" "$@"\n')
        self.compiler.chmod(0o755)
        here = os.path.dirname(sys.executable)
        self.environment = {
            **{name: text for name, text in os.environ.items() if "MAKEFLAGS" not in name},
            "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
            "WASMBUILD_WASMTIME": str(self.compiler),
            "LC_ALL": "C.UTF-8",
        }
        for name, text in (("add", ADD), ("sub", SUB), ("plugins/one", ADD)):
            self.write(f"{name}.wasm", BINARIES[text])
        self.write("wasmbuild.toml", DECLARATION)
        for name, text in system.files.items():
            self.write(name, text)
        for command in system.setup:
            code, said = self.run(command)
            assert code == 0, said

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, command: tuple[str, ...]) -> tuple[int, str]:
        ended = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        said = ended.stdout + ended.stderr
        assert "Traceback" not in said, said
        return ended.returncode, said

    def build(self) -> str:
        """Build, which has to go well, and return what was said."""
        code, said = self.run(self.system.build)
        assert code == 0, said
        return said

    def compiled(self) -> set[str]:
        """Build, and return the ids of the artifacts whose records or bytes are others now."""
        before = self.facts()
        self.build()
        after = self.facts()
        return {id for id in before.keys() | after.keys() if before.get(id) != after.get(id)}

    def facts(self) -> dict[str, tuple[int, bytes]]:
        """Return of each artifact what tells whether it was made again: its inode, and its record."""
        found = {}
        for path in self.out.rglob("*.cwasm"):
            target, module = path.relative_to(self.out).as_posix().removesuffix(".cwasm").split("/", 1)
            record = path.with_name(f"{path.name}.json")
            if record.exists():
                found[f"{module}@{target}"] = (path.stat().st_ino, record.read_bytes())
        return found

    def files(self) -> dict[str, bytes]:
        """Return what the build directory holds."""
        return {str(path.relative_to(self.out)): path.read_bytes() for path in self.out.rglob("*") if path.is_file()}

    def expected(self) -> dict[str, bytes]:
        """Return what ``wasmbuild build`` makes of the project now."""
        directory = self.root.parent / "expected"
        wasmbuild = ("wasmbuild", "build", "-q", "--build-dir", str(directory), "--state-dir", f"{directory}.state")
        code, said = self.run(wasmbuild)
        assert code == 0, said
        return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}

    def assert_right(self) -> None:
        assert self.files() == self.expected()

    def kill_amid(self) -> None:
        """Start a build and kill all of it when the first artifact has come."""
        process = subprocess.Popen(
            self.system.build,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and not any(self.out.rglob("*.cwasm")):
            time.sleep(0.005)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
