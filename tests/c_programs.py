"""Programs of C whose engine is that of a project: they hold the header that is generated for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from support import Project

from wasmbuild.engine import host

EXAMPLE = Path(__file__).parents[1] / "examples" / "c"

# A target that this machine runs, and one that it does not.
HERE = f'[targets.here]\ntriple = "{host.triple()}"\n'
ARCHITECTURE = str(host.triple()).partition("-")[0]
ELSEWHERE = '[targets.mainframe]\ntriple = "s390x-unknown-linux-gnu"\n'
MODULE = '[modules.gcd]\nsource = "gcd.wat"\n'
HEAD = '[project]\nname = "c"\n[toolchain]\nwasmtime = "48"\n'


class Ran(NamedTuple):
    status: int
    out: str
    err: str


class Host:
    """A project whose engine a C program has, and that program."""

    def __init__(self, project: Project, library: Path) -> None:
        self.project = project
        self.library = library
        self.program = project.root / "host"
        self.targets = HERE + ELSEWHERE

    def declare(self, engine: str) -> Host:
        self.project.write("gcd.wat", (EXAMPLE / "gcd.wat").read_bytes())
        self.project.declare(f"{HEAD}[engine]\n{engine}\n{self.targets}{MODULE}")
        return self

    def make(
        self, engine: str, source: Path = EXAMPLE / "main.c", *, compiler: str = "cc", standard: str = "c99"
    ) -> Host:
        self.declare(engine)
        self.project.run("embed", "--lang", "c", "-o", "engine.h")
        shutil.copy(source, self.project.root / source.name)
        done = subprocess.run(
            [
                compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                "-isystem", self.library / "include", source.name, "-o", self.program,
                "-L", self.library / "lib", "-lwasmtime", f"-Wl,-rpath,{self.library / 'lib'}",
            ],
            cwd=self.project.root, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return self

    def build(self) -> Host:
        self.project.run("build", "--quiet")
        return self

    def run(self, *arguments: str | Path, **environment: str) -> Ran:
        done = subprocess.run(
            [self.program, *arguments], cwd=self.project.root, env={**os.environ, **environment},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def refusal(self, *arguments: str | Path) -> str:
        """Run the program, which fails, and return what it says behind its name."""
        ran = self.run(*arguments)
        assert ran.status == 1, ran
        assert ran.out == ""
        return ran.err.removeprefix("host: ").rstrip("\n")
