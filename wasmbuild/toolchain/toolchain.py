"""The compilers that a project's artifacts are made with, ready to be used by several threads at once."""

from __future__ import annotations

import os
from _thread import allocate_lock

from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import DiskError, ToolchainError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.toolchain import executable, installed, search_path
from wasmbuild.toolchain.find import AUTO, EMBEDDED, FoundCompiler, find, library, remedies, why_passed_over
from wasmbuild.toolchain.job import Job, NoVerdictError, undisturbed
from wasmbuild.toolchain.limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmbuild.toolchain.embedded import Embedded


def found(line: int) -> Toolchain:
    """Return what compiles for a line where no declaration is read. Raises ToolchainError."""
    from wasmbuild.project.declared import CompileLimits

    return Toolchain({line: find(AUTO, line, os.curdir)}, ProcessLimits(*CompileLimits(), declared=False))


class Toolchain:
    """A compiler for each line, and the library that translates text for them. Close it to end their children.

    ``choice`` is what was declared, and ``at_least`` by line the lowest version that will do, as ``find`` got them;
    ``lock`` is where the declaration may have a lock file beside it.
    """

    def __init__(
        self,
        compilers: Mapping[int, FoundCompiler],
        limits: ProcessLimits,
        choice: str = AUTO,
        at_least: Mapping[int, str | None] = {},
        lock: Path | None = None,
    ) -> None:
        self.compilers = dict(compilers)
        self.limits = limits
        self._choice = choice
        self._at_least = at_least
        self._lock = lock
        self._libraries: dict[str, Embedded] = {}
        self._mutex = allocate_lock()

    def compiler(self, engine: EngineConfig) -> FoundCompiler:
        """Return what compiles for an engine: that of its line."""
        return self.compilers[engine.line]

    def obstacle(self, engine: EngineConfig) -> str | None:
        """Say why nothing here can compile for a target and what to do, or ``None`` where something can."""
        if self.takes_text(engine):
            return None
        from wasmbuild.toolchain import embedded

        problem = embedded.obstacle(engine)
        if problem and self._choice == EMBEDDED:
            return f'{problem}; leave out compiler = "embedded" under [toolchain], and a wasmtime executable compiles'
        if not problem:
            return None
        line = engine.line
        others = why_passed_over(line, self._at_least.get(line))
        return "\n".join([f"no compiler here can make it: {problem}; {remedies(line)}", *others])

    def takes_text(self, engine: EngineConfig) -> bool:
        """Tell whether what compiles for an engine takes WebAssembly text, into what it makes of its binary."""
        return self.compiler(engine).kind != EMBEDDED

    def files(self) -> list[Path]:
        """Return what decides what compiles, for a build around this one to watch, all of which is there.

        That are the compilers that might be chosen another time, the lock file, the folders of theirs alone, where an
        older file may take the place of one, and the directories where one more may be installed. A script that starts
        another program is none of them: pip rewrites its own whenever it likes.
        """
        files = search_path.candidates(self._choice, lines=len(self.compilers))
        used = {compiler.path for compiler in self.compilers.values()}
        found = [path for path in files if str(path) in used or not executable.is_script(path)]
        lock = [] if self._lock is None or not os.path.exists(self._lock) else [self._lock]
        return [*found, *lock, *search_path.own_folders(found), *installed.watched()]

    def compile(self, job: Job) -> int | None:
        """Compile ``job.wasm`` into ``job.out``; return the most memory that it took in bytes, None where it is shared.

        Raises CompileError, DiskError, ToolchainError.
        """
        compiler = self.compiler(job.engine)
        if compiler.kind == EMBEDDED:
            if obstacle := self.obstacle(job.engine):
                raise ToolchainError(obstacle)
            with undisturbed(job):
                self._embedded(compiler).compile(job)
                executable.refuse_another(compiler.path, compiler.sha256)
            return None
        # What starts a process is not light, and most steps of a build that was made before compile nothing.
        from wasmbuild.toolchain import cli

        with undisturbed(job):
            return cli.compile(compiler, job)

    def translate(self, text: bytes) -> bytes:
        """Return the binary of WebAssembly text.

        Raises CompileError with the place that is wrong, NoVerdictError where nothing here comes to an end with it.
        """
        try:
            return self._embedded(library()).translate(text)
        except NoVerdictError as error:
            raise NoVerdictError(error.advised, of_host=error.of_host) from error
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
            libraries, self._libraries = list(self._libraries.values()), {}
        for embedded in libraries:
            embedded.close()

    def _embedded(self, compiler: FoundCompiler) -> Embedded:
        with self._mutex:
            if compiler.path not in self._libraries:
                from wasmbuild.toolchain.embedded import Embedded

                self._libraries[compiler.path] = Embedded(compiler, self.limits)
            return self._libraries[compiler.path]
