"""Which Wasmtime this host has for verification: the library of the Python package, and an executable of a line."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.engine.rules import EngineError
from wasmbuild.errors import ToolchainError
from wasmbuild.toolchain import child, cli, find, search_path
from wasmbuild.toolchain.embedded import EMPTY, Embedded
from wasmbuild.toolchain.find import FoundCompiler, NoCompilerError
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.loads_here import is_loaded_by_library
from wasmbuild.verify.host_errors import unverified
from wasmbuild.verify.outcomes import WASMTIME, Unreachable, Unverified

_REFERENCE_LIMITS = ProcessLimits(seconds=60)


class Tools:
    """What is installed, looked for when it is first needed. A context manager, which ends the children."""

    def __init__(self) -> None:
        self.library, self._unknown = _library()
        self._embedded: dict[str, Embedded] = {}
        self._others: dict[int, FoundCompiler] | None = None
        self._executables: dict[tuple[int, str | None], FoundCompiler | Unreachable | Unverified] = {}
        self._runs: dict[str, bool] = {}
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0

    def __enter__(self) -> Tools:
        return self

    def __exit__(self, *exception: object) -> None:
        for embedded in self._embedded.values():
            embedded.close()
        if self._directory is not None:
            self._directory.cleanup()

    def executable(self, line: int, made_by: str | None = None) -> FoundCompiler | Unreachable | Unverified:
        """Return an executable of a line, or why there is none, or why that cannot be told: the rest of a sentence.

        With ``made_by`` it is to load what that release of the line compiled. It is asked for where the library does
        not do. So where it is not known what the library is, this host may well have what is wanted, and what it lacks
        cannot be told.
        """
        release = made_by if lines.own_release_only(line) else None
        if (line, release) not in self._executables:
            self._executables[line, release] = self._found(line, release)
        return self._executables[line, release]

    def _found(self, line: int, release: str | None) -> FoundCompiler | Unreachable | Unverified:
        try:
            return find.find(find.CLI, line, os.curdir, at_least=release, others=lines.known())
        except NoCompilerError as error:
            if self._unknown:
                return Unverified(self._unknown)
            problem = str(error).partition("\n")[0]
            if lines.without_library(line):
                wanted = release or line
                return Unreachable(
                    f"an executable of Wasmtime {wanted} does that, and {problem}; run: wasmbuild toolchain install "
                    f"{wanted}",
                    WASMTIME,
                )
            if self.library_of(line) is None:
                why, ways = f"there is no library of Wasmtime {line} here", f" {line} --library, or without --library"
            else:
                why, ways = f"the library of Wasmtime {line} lacks its settings", f" {line}"
            return Unreachable(f"{why}, and {problem}; run: wasmbuild toolchain install{ways}", WASMTIME)
        except (ToolchainError, OSError) as error:
            return unverified(f"an executable of Wasmtime {line} is needed", error)

    def library_of(self, line: int) -> FoundCompiler | None:
        """Return a library of a line: that of this environment, or else the one that was installed for the line."""
        if lines.without_library(line):
            return None
        if self.library is not None and _line(self.library) == line:
            return self.library
        if self._others is None:
            self._others = _installed()
        return self._others.get(line)

    def runs(self, executable: FoundCompiler) -> bool:
        """Tell whether an executable was built with what runs artifacts. Raises ChildError."""
        if executable.path not in self._runs:
            ended = child.run([executable.path, "run", "--help"], limits=_REFERENCE_LIMITS)
            self._runs[executable.path] = not ended.reason
        return self._runs[executable.path]

    def library_release(self, engine: EngineConfig) -> str | None:
        """Return the release of the library where it is taken to load what is for an engine, None where it is not."""
        if self.library is None or _line(self.library) != engine.line:
            return None
        return self.library.version if is_loaded_by_library(engine.embedder, engine.triple.text) else None

    def library_engine(
        self, engine: EngineConfig, loads: triples.TargetTriple, *, runs: bool = True
    ) -> EngineConfig | None:
        """Return the engine with the same values on ``loads``, a target of the library.

        None where there is no library of that line, or it cannot express the settings, or refuses them on ``loads``, or
        has not what such code ``runs`` with.
        """
        if self.library_of(engine.line) is None:
            return None
        try:
            there = engine.on(loads)
        except EngineError:
            return None
        return None if there.library_lacks(runs=runs) else there

    def library_artifact(self, engine: EngineConfig) -> bytes:
        """Return the library's artifact of the empty module. Raises CompileError."""
        library = self.library_of(engine.line)
        if library is None:
            raise ValueError(f"there is no library of line {engine.line}")
        if library.path not in self._embedded:
            self._embedded[library.path] = Embedded(library, _REFERENCE_LIMITS)
        return self._embedded[library.path].reference("module", engine)

    def executable_artifact(self, executable: FoundCompiler, engine: EngineConfig) -> bytes:
        """Return an executable's artifact of the empty module. Raises CompileError and OSError."""
        self._count += 1
        wasm, out = self.directory() / "empty.wasm", self.directory() / f"reference-{self._count}.cwasm"
        wasm.write_bytes(EMPTY["module"])
        cli.compile(
            executable,
            Job(
                wasm, out, "module", engine, _REFERENCE_LIMITS,
                parallel=False, source=wasm.name, name=out.name,
            ),
        )  # fmt: skip
        try:
            return out.read_bytes()
        finally:
            out.unlink()

    def directory(self) -> Path:
        """Return a private directory that goes with this object."""
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="wasmbuild-verify-")
        return Path(self._directory.name)

    def place(self) -> Path | None:
        """Return ``directory``, None where there is none: for what few need."""
        try:
            return self.directory()
        except OSError:
            return None


def _library() -> tuple[FoundCompiler | None, str]:
    """Return the library that is installed, or why it cannot be told which one is."""
    try:
        path = search_path.library()
        version = search_path.library_version(path) if path is not None else None
    except OSError as error:
        return None, unverified("the wasmtime Python package cannot be looked for", error).message
    if path is None:
        return None, ""
    if version is None:
        return None, find.untold_version(path)
    # Its digest is what keys are made of, and nothing here has a key.
    return FoundCompiler(find.EMBEDDED, str(path), version, ""), ""


def _installed() -> dict[int, FoundCompiler]:
    """Return the newest library of each line of those that were installed beside the environment's."""
    found: dict[int, FoundCompiler] = {}
    with suppress(OSError):
        for path in search_path.libraries():
            if (version := search_path.library_version(path)) is not None:
                library = FoundCompiler(find.EMBEDDED, str(path), version, "")
                found.setdefault(_line(library), library)
    return found


def _line(library: FoundCompiler) -> int:
    major = library.version.partition(".")[0]
    return int(major) if major.isdecimal() else 0
