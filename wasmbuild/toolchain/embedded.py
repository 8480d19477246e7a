"""Compile with the library of the ``wasmtime`` Python package, in children, because it ends the process when it panics.

The library compiles for this machine's triple and for ``pulley64``, and translates text for both compilers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wasmbuild.boundary import host_fix
from wasmbuild.engine import host, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import ChildError, CompileError, DiskError, ToolchainError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import Any
from wasmbuild.toolchain import embedded_worker, endings, process, python
from wasmbuild.toolchain.advice import failure
from wasmbuild.toolchain.find import FoundCompiler, remedies
from wasmbuild.toolchain.job import Job, NoVerdictError
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.toolchain.replies import Reply
from wasmbuild.toolchain.server import Server
from wasmbuild.toolchain.worker import ChildExit, Request, StartError

EMPTY = {"module": b"\0asm\x01\0\0\0", "component": b"\0asm\x0d\0\x01\0"}
"""The smallest binary of each kind."""


def compiles_for(triple: str) -> bool:
    """Tell whether the library on this machine compiles for a target triple."""
    return triple == host.triple() or triples.parse(triple).architecture == "pulley64"


def obstacle(engine: EngineConfig) -> str:
    """Say why the library cannot compile for an engine; empty when it can."""
    triple = engine.triple.text
    if not compiles_for(triple):
        return f"the wasmtime Python package compiles for {host.triple()} and pulley64 alone, not for {triple}"
    if lacking := engine.library_lacks(runs=False):
        return f"the wasmtime Python package cannot compile with {', '.join(lacking)} as set under [engine]"
    return ""


class Embedded:
    """The library, in one child for each thread that asks at the same time; close it to end them."""

    def __init__(self, library: FoundCompiler, limits: ProcessLimits) -> None:
        self.compiler = library
        self._limits = limits
        self._idle: list[Server] = []
        self._all: list[Server] = []
        self._lock = threading.Lock()

    def compile(self, job: Job) -> None:
        """Compile ``job.wasm`` into ``job.out``; the limits are those of the instance.

        Raises CompileError, DiskError when it cannot be written, ToolchainError where ``obstacle`` says why not.
        """
        asked = _request(job.kind, job.engine, parallel=job.parallel)
        try:
            outcome = self._ask(Request({"do": "compile", "wasm": str(job.wasm), "out": str(job.out), **asked}))
        except NoVerdictError as error:
            raise error.as_compile_error(error.advised) from error
        if isinstance(outcome, ChildExit):
            raise failure(job, outcome.name, outcome.reason, outcome.stderr)
        if "errno" in outcome.body:
            unread = outcome.body["file"] == str(job.wasm)
            trouble = f"{job.source}: cannot be read" if unread else f"{job.name}: cannot be written"
            fix = host_fix(outcome.body["errno"] or 0) or "build again when this is mended"
            raise DiskError(f"{trouble}: {outcome.body['error']}; {fix}")
        if "error" in outcome.body:
            raise failure(job, self._name, "refused", outcome.body["error"])

    def translate(self, text: bytes) -> bytes:
        """Return the binary of WebAssembly text.

        Raises CompileError with the place that is wrong, NoVerdictError where the library did not come to an end.
        """
        outcome = self._ask(Request({"do": "translate"}, text), ", which translates text,")
        if isinstance(outcome, ChildExit):
            raise NoVerdictError.of(str(outcome), outcome.reason, self._limits)
        if "error" in outcome.body:
            said = outcome.body["error"].replace("<anon>:", "line ").strip("\n")
            raise CompileError("\n    ".join(["is not valid WebAssembly text", *said.splitlines()]))
        return outcome.data

    def reference(self, kind: str, engine: EngineConfig) -> bytes:
        """Return the artifact of the empty module or component for an engine of this machine or of ``pulley64``.

        Raises CompileError, ToolchainError where ``obstacle`` says why not.
        """
        asked = _request(kind, engine, parallel=False)
        outcome = self._ask(Request({"do": "compile", **asked}, EMPTY[kind]))
        if isinstance(outcome, ChildExit):
            raise CompileError(str(outcome))
        if "error" in outcome.body:
            raise CompileError(f"{self._name} refuses these engine settings: {outcome.body['error']}")
        return outcome.data

    def validate(self, wasm: bytes, engine: EngineConfig) -> str:
        """Say why a module is not valid with these settings, in Wasmtime's words; empty when it is.

        Compiling may still refuse what is valid. Raises CompileError when the library dies over it.
        """
        asked = _request("module", engine, parallel=False)
        outcome = self._ask(Request({"do": "validate", **asked}, wasm))
        if isinstance(outcome, ChildExit):
            raise CompileError(str(outcome))
        return str(outcome.body.get("error", ""))

    def close(self) -> None:
        """End all children."""
        with self._lock:
            servers, self._all, self._idle = self._all, [], []
        for server in servers:
            server.close()

    @property
    def _name(self) -> str:
        return f"the library of wasmtime {self.compiler.version}"

    def _ask(self, request: Request, role: str = "") -> Reply | ChildExit:
        """Return the outcome of a request; ``role`` is added to the library's name for who chose another compiler."""
        memory = self._limits.memory
        with self._server() as server:
            try:
                outcome = server.outcome(request)
                # The memory that earlier requests left behind may be to blame. Killed, it was out of time or unwanted;
                # status 1 is an exception of Python, which comes again.
                if (
                    isinstance(outcome, ChildExit)
                    and outcome.answered
                    and outcome.status not in (process.KILLED, python.EXCEPTION)
                ):
                    outcome = server.outcome(request)
            except ChildError as error:
                if (lacking := process.as_host_error(error)) is not None:
                    raise lacking from error
                ending = error.ending if isinstance(error, StartError) else ""
                if endings.is_out_of_memory(ending) or not python.can_start(memory):
                    ending = endings.out_of_memory(memory)
                    said = f"{self._name}{role} could not be started: it {ending}"
                    raise NoVerdictError.of(said, ending, self._limits) from error
                raise NoVerdictError.of(str(error), ending, self._limits) from error
        if isinstance(outcome, ChildExit):
            said = "" if endings.says_all(outcome.reason) else outcome.stderr
            return outcome._replace(name=self._name + role, stderr=said)
        return outcome

    @contextmanager
    def _server(self) -> Iterator[Server]:
        with self._lock:
            if self._idle:
                server = self._idle.pop()
            else:
                server = self._start()
                self._all.append(server)
        try:
            yield server
        finally:
            with self._lock:
                self._idle.append(server)

    def _start(self) -> Server:
        own_root = Path(__file__).parents[2]
        library_root = Path(self.compiler.path).parents[2]
        return Server(
            python.isolated(embedded_worker.__file__, (library_root, own_root)),
            name=self._name,
            limits=self._limits,
            env_extra=python.variables(),
        )


def _request(kind: str, engine: EngineConfig, *, parallel: bool) -> dict[str, Any]:
    if why_not := obstacle(engine):
        raise ToolchainError(f"there is no compiler for this target: {why_not}; {remedies(engine.line)}")
    return {
        "kind": kind,
        "target": engine.triple.text,
        "flags": dict(engine.isa_flags),
        "calls": engine.library_calls(),
        "parallel": parallel,
    }
