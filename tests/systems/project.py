"""The one project that all systems build, and what a build of it leaves."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import wasmtime
from support import ADD, HEAD, SUB

from systems import JOBS, System
from wasmbuild.project import filenames
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
        tools = root.parent / "tools"
        tools.mkdir(parents=True)
        # A copy, because a test changes it; that of the wheel may lack its run bit.
        real = shutil.copyfile(executables()[0].path, tools / "real")
        real.chmod(0o755)
        self._hold = tools / "hold"
        # In a folder of its own, as a release is.
        self.compiler = tools / "release" / "compiler"
        self.compiler.parent.mkdir()
        self.compiler.write_text(_COMPILER.format(hold=self._hold, real=real))
        self.compiler.chmod(0o755)
        here = os.path.dirname(sys.executable)
        self.environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "CARGO_"))},
            "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
            "WASMBUILD_WASMTIME": str(self.compiler),
            "XDG_DATA_HOME": str(root.parent / "data"),
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

    @property
    def out(self) -> Path:
        """The build directory; one that is not there, before there is any."""
        found = glob.glob(self.system.out, root_dir=self.root)
        return self.root / (found[0] if found else self.system.out)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, command: tuple[str, ...], jobs: int = 4) -> tuple[int, str]:
        ended = subprocess.run(
            _with(command, jobs), cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        said = ended.stdout + ended.stderr
        assert "Traceback" not in said, said
        return ended.returncode, said

    def build(self, jobs: int = 4) -> str:
        """Build, which has to go well, and return what was said."""
        code, said = self.run(self.system.build, jobs)
        assert code == 0, said
        return said

    def clean(self) -> None:
        code, said = self.run(self.system.clean)
        assert code == 0, said

    def compiled(self) -> set[str]:
        """Build, and return the ids of the artifacts whose records or bytes are others now."""
        before = self.facts()
        self.build()
        after = self.facts()
        return {id for id in before.keys() | after.keys() if before.get(id) != after.get(id)}

    def facts(self) -> dict[str, tuple[int, bytes]]:
        """Return of each artifact what tells whether it was made again: its inode, and its record."""
        found = {}
        # Not rglob, which fails where a step that is running removes its temporary directory.
        for name in glob.glob("**/*.cwasm", root_dir=self.out, recursive=True):
            path = self.out / name
            target, module = Path(name).as_posix().removesuffix(".cwasm").split("/", 1)
            record = path.with_name(f"{path.name}.json")
            if record.exists():
                found[f"{module}@{target}"] = (path.stat().st_ino, record.read_bytes())
        return found

    def files(self) -> dict[str, bytes]:
        """Return what the build directory holds, but for what is remembered there and what only this system puts."""
        found = _files(self.out)
        return {name: data for name, data in found.items() if name not in self.system.beside and not _is_state(name)}

    def expected(self) -> dict[str, bytes]:
        """Return what ``wasmbuild build`` makes of the project now."""
        directory = self.root.parent / "expected"
        wasmbuild = ("wasmbuild", "build", "-q", "--build-dir", str(directory), "--state-dir", f"{directory}.state")
        code, said = self.run(wasmbuild)
        assert code == 0, said
        return _files(directory)

    def assert_right(self) -> None:
        assert self.files() == self.expected()

    def stop_amid(self, number: signal.Signals) -> None:
        """Start a build, and send a signal to all of it when one artifact was made and others are in the making."""
        self._hold.mkdir()
        before = self.facts()
        process = subprocess.Popen(
            _with(self.system.build, 2),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while self.facts() == before or not (self._hold / "waiting").exists():
                assert process.poll() is None, "the build ended, and should have been held"
                time.sleep(0.01)
            if number == signal.SIGKILL:
                _kill_session(process.pid)
            else:
                os.killpg(process.pid, number)
            assert process.wait(60) != 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            # A compile that is just starting makes nothing in a directory of another name.
            shutil.rmtree(self._hold.rename(self._hold.with_name("held")))


# While it is held, the first compile goes on and the others wait to be killed.
_COMPILER = """\
#!/bin/sh
if [ "$1" = compile ] && [ -d "{hold}" ] && ! mkdir "{hold}/first" 2> /dev/null; then
    mkdir "{hold}/waiting" 2> /dev/null
    exec sleep 30
fi
exec "{real}" "$@"
"""


def _kill_session(leader: int) -> None:
    """Kill a process and all that it started: Ninja gives each command a process group of its own."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,sess="], capture_output=True, text=True, check=True).stdout
    pairs = (map(int, line.split()) for line in listed.splitlines())
    for pid in [pid for pid, session in pairs if session == leader]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _with(command: tuple[str, ...], jobs: int) -> list[str]:
    return [word.replace(JOBS, str(jobs)) for word in command]


def _files(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def _is_state(name: str) -> bool:
    return name.startswith(f"{filenames.STATE_DIRECTORY}/")
