"""The compiler that a project's artifacts are made with, ready to be used by several threads at once."""

from __future__ import annotations

import threading
from pathlib import Path

from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import DiskError, ToolchainError
from wasmbuild.lean_typing import TYPE_CHECKING
from wasmbuild.toolchain import cli, executable, search_path
from wasmbuild.toolchain.child import ProcessLimits
from wasmbuild.toolchain.find import AUTO, EMBEDDED, FoundCompiler, library, ways
from wasmbuild.toolchain.job import Job, NoVerdictError

if TYPE_CHECKING:
    from wasmbuild.toolchain.embedded import Embedded


class Toolchain:
    """A compiler, and the library that translates text for it. Close it to end their children.

    ``choice`` is what was declared, which ``find`` got.
    """

    def __init__(self, compiler: FoundCompiler, line: int, limits: ProcessLimits, choice: str = AUTO) -> None:
        self.compiler = compiler
        self.limits = limits
        self._line = line
        self._choice = choice
        self._library: Embedded | None = None
        self._mutex = threading.Lock()

    def obstacle(self, engine: EngineConfig) -> str | None:
        """Say why this compiler cannot compile for a target and what to do, or ``None`` where it can."""
        if self.compiler.kind != EMBEDDED:
            return None
        from wasmbuild.toolchain import embedded

        problem = embedded.obstacle(engine)
        if problem and self._choice == EMBEDDED:
            return f'{problem}; leave out compiler = "embedded" under [toolchain], and a wasmtime executable compiles'
        return f"no compiler here can make it: {problem}; {ways(self._line)}" if problem else None

    @property
    def takes_text(self) -> bool:
        """Tell whether it compiles WebAssembly text, into what it makes of its binary."""
        return self.compiler.kind != EMBEDDED

    def files(self) -> list[Path]:
        """Return the files that decide what compiles, such as a compiler that might be chosen another time.

        A script that starts another program is none of them: pip rewrites its own whenever it likes.
        """
        files = search_path.candidates(self._choice)
        return [path for path in files if str(path) == self.compiler.path or not executable.is_script(path)]

    def compile(self, job: Job) -> int | None:
        """Compile ``job.wasm`` into ``job.out``; return the most memory that it took in bytes, None where it is shared.

        Raises CompileError, DiskError, ToolchainError.
        """
        if self.compiler.kind == EMBEDDED:
            if obstacle := self.obstacle(job.engine):
                raise ToolchainError(obstacle)
            self._embedded().compile(job)
            return None
        return cli.compile(self.compiler, job)

    def translate(self, text: bytes) -> bytes:
        """Return the binary of WebAssembly text.

        Raises CompileError with the place that is wrong, NoVerdictError where nothing here comes to an end with it.
        """
        try:
            return self._embedded().translate(text)
        except NoVerdictError as error:
            said, *details = str(error).splitlines()
            advised = f"{said}: {error.fix}" if error.fix else said
            raise NoVerdictError("\n".join([advised, *details])) from error
        except (ToolchainError, DiskError) as error:
            raise NoVerdictError(f"is WebAssembly text, and nothing here translates it: {error}") from error

    def translator(self) -> str:
        """Return what names the library that translates text: its digest, or nothing where there is none."""
        try:
            return library().sha256
        except ToolchainError:
            return ""

    def close(self) -> None:
        """End all children."""
        with self._mutex:
            if self._library is not None:
                self._library.close()
                self._library = None

    def _embedded(self) -> Embedded:
        with self._mutex:
            if self._library is None:
                from wasmbuild.toolchain.embedded import Embedded

                self._library = Embedded(library(), self.limits)
            return self._library
