"""A compiler that makes an artifact up in no time, and projects for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from maker import Maker

from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.noop import Snapshot, not_yet
from wasmbuild.builder.session import Session
from wasmbuild.errors import CompileError
from wasmbuild.plan.graph import plan
from wasmbuild.project.config import parse
from wasmbuild.project.declaration_file import read
from wasmbuild.project.declared import Project
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits

EMPTY = b"\0asm\x01\0\0\0"
DECLARATION = """\
[project]
name = "p"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.pi]
triple = "aarch64-unknown-linux-gnu"
[modules."*"]
source = "src/*.wasm"
"""


def wasm(text: str) -> bytes:
    """Return a module that differs from others by its text, in a custom section."""
    content = b"\x04name" + text.encode()
    return EMPTY + b"\0" + bytes([len(content)]) + content


class FakeToolchain:
    """Compiles what it is not told to refuse."""

    def __init__(self) -> None:
        self.version = "48.0.2"
        self.limits = ProcessLimits(None, 60)
        self.compiled: list[str] = []
        self.refused: set[str] = set()

    def compiler(self, engine: object) -> FoundCompiler:
        return FoundCompiler("cli", "/somewhere/wasmtime", self.version, "c" * 64)

    def obstacle(self, engine: object) -> str | None:
        return None

    def compile(self, job: Job) -> None:
        self.compiled.append(job.name)
        if job.name in self.refused:
            raise CompileError(f"{job.name}: refused")
        triple = job.engine.triple
        isa: dict[str, Any] = dict(job.engine.isa_flags)
        job.out.write_bytes(Maker().artifact(triple.text, kind=job.kind, architecture=triple.architecture, isa=isa))

    def translate(self, text: bytes) -> bytes:
        return EMPTY

    def translator(self) -> str:
        return "d" * 64

    def close(self) -> None:
        pass


def load(path: Path) -> Project:
    """Read a declaration as a build does, for a library of line 48. Raises DeclarationError."""
    directory = Path(os.path.abspath(path)).parent
    return parse(read(path), file=str(path), directory=directory, default_line=48)


class FakeProject:
    """A declaration in a directory, and builds of it without a compiler."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = directory / "build"
        self.toolchain = FakeToolchain()
        (directory / "src").mkdir()
        self.declare(DECLARATION)

    def declare(self, text: str) -> None:
        (self.directory / "wasmbuild.toml").write_text(text)

    def write(self, *names: str, text: str = "") -> None:
        for name in names:
            (self.directory / "src" / f"{name}.wasm").write_bytes(wasm(text or name))

    def session(self, looked: Snapshot | None = None) -> Session:
        file = self.directory / "wasmbuild.toml"
        planned = plan(load(file))
        toolchain: Any = self.toolchain
        looked = looked or not_yet(planned, file.read_bytes())
        return Session(planned, looked, BuildDirectory(planned.build_dir), toolchain)

    def session_that_made(self, id: str) -> Session:
        """Return a session that has compiled one artifact and let go of the directory."""
        session = self.session()
        session.begin()
        session.compile(session.artifacts[id], parallel=False)
        session.close()
        return session

    def build(self) -> list[str]:
        """Build what is out of date, one after the other, and return the ids of what was compiled."""
        session = self.session()
        try:
            session.begin()
            wrong = [status.artifact for status in session.outdated()]
            for artifact in wrong:
                session.compile(artifact, parallel=False)
            session.finish()
        finally:
            session.close()
        return sorted(artifact.id for artifact in wrong)
