"""The compilers of a line that are at hand: an executable, and the library where it is of that line."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wasmbuild.engine import lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import ChildError, CompileError, ToolchainError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.line_check.sample import MODULE
from wasmbuild.toolchain import child, embedded, find
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import ChildExit, Request
from wasmbuild.verify import executable_loader, probes

_LIMITS = ProcessLimits(seconds=120)
_OPTION = re.compile(r"^ *(-[OCDW]) +([\w-]+)(?:\[?=([\w|-]+))?", re.MULTILINE | re.ASCII)


class Attempt(NamedTuple):
    """What came of a compile: the artifact, or None and what the compiler says."""

    artifact: bytes | None
    said: str = ""


class Compilers:
    """An executable, and the library or None. A context manager, which ends the children that it needed."""

    def __init__(self, executable: find.FoundCompiler, library: find.FoundCompiler | None, line: int) -> None:
        self.line = line
        self.executable = executable
        self.library = library
        self._embedded = Embedded(library, _LIMITS) if library is not None else None
        self._probe: Server | None = probes.here(library, _LIMITS) if library is not None else None
        self._directory = tempfile.TemporaryDirectory(prefix="wasmbuild-line-")
        self._text = Path(self._directory.name, "module.wat")
        self._text.write_text(MODULE, encoding="utf-8")
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __enter__(self) -> Compilers:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for server in (self._embedded, self._probe):
            if server is not None:
                server.close()
        self._directory.cleanup()

    def compile(self, arguments: Iterable[str]) -> Attempt:
        """Compile the module with the executable, by the arguments of its command."""
        with tempfile.TemporaryDirectory(dir=self._directory.name) as directory:
            out = Path(directory, "out.cwasm")
            command = [self.executable.path, "compile", *arguments, "-o", str(out), str(self._text)]
            try:
                ended = child.run(command, limits=_LIMITS, cwd=directory)
            except ChildError as error:
                return Attempt(None, str(error))
            if ended.reason or not os.path.isfile(out):
                return Attempt(None, " ".join(ended.stderr.split())[:400] or ended.reason)
            return Attempt(out.read_bytes())

    def compile_all(self, commands: Iterable[Iterable[str]]) -> list[Attempt]:
        """Compile with each list of arguments, several at once."""
        return list(self._pool.map(self.compile, commands))

    def has_library_for(self, triple: triples.TargetTriple) -> bool:
        """Tell whether the library is of the line, and compiles for a target and loads what is compiled for it."""
        return self._embedded is not None and embedded.compiles_for(triple.text)

    def lacks_library(self, triple: triples.TargetTriple) -> bool:
        """Tell whether the line has a library that compiles for a target, and it is not here."""
        return lines.get(self.line).library and not self.has_library_for(triple)

    def compile_by_library(self, engine: EngineConfig) -> Attempt:
        """Compile the module with the library."""
        if self._embedded is None:
            return Attempt(None, f"there is no library of line {self.line}")
        with tempfile.TemporaryDirectory(dir=self._directory.name) as directory:
            wasm, out = Path(directory, "m.wasm"), Path(directory, "out.cwasm")
            try:
                wasm.write_bytes(self._embedded.translate(MODULE.encode()))
                self._embedded.compile(Job(wasm, out, "module", engine, _LIMITS, True, "module.wat", "out.cwasm"))
            except CompileError as error:
                return Attempt(None, " ".join(str(error).split())[:400])
            return Attempt(out.read_bytes())

    def refusal(self, artifact: bytes, engine: EngineConfig) -> str:
        """Have an artifact loaded with an engine; return what is said against that, empty if it loads.

        The library loads it, or the executable where there is none.
        """
        if self._probe is None:
            return self._refusal_of_executable(artifact, engine)
        target = engine.triple.text if engine.triple.is_pulley else None
        request = Request({"load": ["module"], "engine": [engine.library_calls(), target]}, artifact)
        outcome = self._probe.outcome(request)
        if isinstance(outcome, ChildExit):
            return str(outcome)
        [said] = outcome.body.get("loaded", [outcome.body])
        return str(said.get("error", ""))

    def _refusal_of_executable(self, artifact: bytes, engine: EngineConfig) -> str:
        with tempfile.TemporaryDirectory(dir=self._directory.name) as directory:
            Path(directory, "m.cwasm").write_bytes(artifact)
            command = executable_loader.loading((self.executable.path,), engine.loading_arguments(), "m.cwasm")
            ended = child.run(command, limits=_LIMITS, cwd=directory)
            return "" if executable_loader.is_loaded(ended) else ended.stderr.partition("\n")[2] or str(ended.reason)

    def options(self) -> dict[str, tuple[str, ...]]:
        """Return the options of the executable, such as ``-Omemory-may-move``, each with the values that it lists."""
        found = {}
        for group in "OCDW":
            for letter, name, listed in _OPTION.findall(self._written("compile", f"-{group}", "help")):
                found[f"{letter}{name}"] = tuple(listed.split("|")) if "|" in listed else ()
        return found

    def isa_flags(self, triple: str) -> set[str]:
        """Return the names of the ISA flags that the executable knows for a target."""
        document: Mapping[str, list[Mapping[str, str]]] = json.loads(
            self._written("settings", "--json", "--target", triple)
        )
        return {flag["name"] for kind in ("bools", "enums", "nums") for flag in document[kind]}

    def _written(self, *arguments: str) -> str:
        ended = child.run([self.executable.path, *arguments], limits=_LIMITS, cwd=self._directory.name)
        if ended.reason:
            command = " ".join(arguments)
            raise ToolchainError(f"{self.executable.path} {command} {ended.reason}: {ended.stderr.strip()[:400]}")
        return ended.stdout.decode("utf-8", "replace")


def at_hand(line: int, compiler: str | None) -> Compilers:
    """Return the compilers of a line: the executable that is named, else the best that is found, and the library.

    Raises ToolchainError without an executable of the line.
    """
    executable = find.find(compiler or find.CLI, line, os.getcwd())
    try:
        return Compilers(executable, find.library(line), line)
    except ToolchainError:
        return Compilers(executable, None, line)
