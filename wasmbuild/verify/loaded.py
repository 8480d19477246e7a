"""The third level: Wasmtime loads an artifact with the declared engine, and its imports and exports are as declared.

The library of the ``wasmtime`` Python package loads for this host and ``pulley64``. An executable loads what needs
settings that the library lacks; it shows neither imports nor exports. What a target's runner is declared for, it loads.
What loads an artifact executes its tests too, the fourth level.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from wasmbuild.engine import host, lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.formats import layouts
from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project.declared import Runner, Target
from wasmbuild.project.keys import dotted
from wasmbuild.toolchain.find import FoundCompiler
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify import probes
from wasmbuild.verify.intact import IntactArtifact
from wasmbuild.verify.library_loader import LibraryLoader
from wasmbuild.verify.loading import Load, LoadingSite, Settle
from wasmbuild.verify.outcomes import MACHINE, WASMTIME, Obstacle, Unreachable, Unverified
from wasmbuild.verify.tested import Metering
from wasmbuild.verify.tools import Tools

if TYPE_CHECKING:
    from wasmbuild.verify.executable_cases import RunOptions
    from wasmbuild.verify.executable_loader import ExecutableLoader

# The package wasmtime has wheels for these; elsewhere there can be an executable.
_WITH_PACKAGE = ("x86_64", "aarch64")
_PYTHON = 'python = "sysroot/usr/bin/python3"'
_WASMTIME = 'wasmtime = "sysroot/usr/bin/wasmtime"'


class Untestable(Enum):
    """Why the library that loads an artifact cannot execute its tests: they need more, or its code would crash."""

    WASI = "WASI 0.3 takes an executable of its line"
    LAYOUT = "it would crash in the library here, which has another layout than the release that compiled it"


class LoadingMethod(NamedTuple):
    """How the artifacts of one target are loaded on this host."""

    loader: LibraryLoader | ExecutableLoader
    how: Any
    metering: Metering

    def load(self, artifact: ManifestArtifact, opened: IntactArtifact, settle: Settle, *, test: bool) -> None:
        """Load an artifact sometime, execute its tests where wanted, and settle it from another thread.

        The file is closed then.
        """
        metering = self.metering if test and artifact.tests else None
        self.loader.put(Load(artifact, opened.file, opened.signature, settle, self.how, metering))


class Loaders:
    """The loaders of one run, each started when a target first needs it.

    ``targets`` are those of the user's declaration: their runners load what is for the same target and triple.
    """

    def __init__(self, tools: Tools, limits: ProcessLimits, targets: Iterable[Target] = ()) -> None:
        self._tools = tools
        self._limits = limits
        self._targets = {target.name: target for target in targets}
        self._libraries: dict[str, LibraryLoader] = {}
        self._executables: dict[str, ExecutableLoader] = {}
        self._runners: dict[str, LibraryLoader | ExecutableLoader] = {}

    def method(self, manifest: Manifest) -> LoadingMethod | Obstacle:
        """Return how the artifacts of a manifest are loaded, or why this host cannot load them."""
        engine = manifest.config
        triple = engine.triple
        declared = self._targets.get(manifest.target)
        runner = None if declared is None else declared.runner
        if declared is not None and runner is not None and declared.triple == triple:
            return self._through(runner, engine)
        if host.runs(triple):
            return self._here(engine, manifest.compiler)
        return Unreachable(foreign(manifest, triple, declared), MACHINE)

    def _here(self, engine: EngineConfig, made_by: str) -> LoadingMethod | Obstacle:
        line, triple = engine.line, engine.triple
        loads = triple if triple.is_pulley else triples.parse(host.triple() or "")
        here_engine = self._tools.library_engine(engine, loads)
        library = self._tools.library_of(line)
        if here_engine is not None and library is not None:
            if library.path not in self._libraries:
                self._libraries[library.path] = LibraryLoader(
                    probes.here(library, self._limits, self._tools.place()), self._limits
                )
            loader = self._libraries[library.path]
            how = _calls(here_engine)
            loader.warm(how)
            return LoadingMethod(loader, how, Metering.of(engine.settings))
        executable = self._tools.executable(line, made_by)
        if isinstance(executable, Unreachable):
            return executable._replace(message=f"cannot be loaded on this host: {executable.message}")
        if isinstance(executable, Unverified):
            return Unverified(f"was not loaded: {executable.message}")
        return self._with(executable, engine)

    def by_executable(self, manifest: Manifest, why: Untestable) -> LoadingMethod | Obstacle:
        """Return how a target's artifacts are loaded and tested where the library cannot give what tests need.

        Raises OSError where there is no place for copies of them, ChildError.
        """
        engine = manifest.config
        triple = engine.triple
        declared = self._targets.get(manifest.target)
        if declared is not None and declared.runner is not None and declared.triple == triple:
            if declared.runner.python is None:
                return self._through(declared.runner, engine)
            lacks, fix = "its tests need WASI 0.3, which its python lacks", 'write wasmtime = "…" in place of python'
            return LoadingSite(is_runner=True).cannot(lacks, fix)
        executable = self._tools.executable(engine.line, manifest.compiler)
        message = f"was not tested: {why.value}"
        if not isinstance(executable, FoundCompiler):
            return executable._replace(message=f"{message}; {executable.message}")
        if not self._tools.runs(executable):
            return Unreachable(f"{message}, and {executable.path} was built without `run`", WASMTIME)
        if why is Untestable.LAYOUT and layouts.differ(manifest.compiler, executable.version):
            return Unreachable(f"{message}, and so it would in {executable.path} of {executable.version}", WASMTIME)
        return self._with(executable, engine)

    def _with(self, executable: FoundCompiler, engine: EngineConfig) -> LoadingMethod:
        if executable.path not in self._executables:
            from wasmbuild.verify.executable_loader import ExecutableLoader, LoaderCommand

            program = LoaderCommand((executable.path,))
            self._executables[executable.path] = ExecutableLoader(program, self._tools.directory(), self._limits)
        return LoadingMethod(self._executables[executable.path], _run_options(engine), Metering.of(engine.settings))

    def _through(self, runner: Runner, engine: EngineConfig) -> LoadingMethod | Obstacle:
        site = LoadingSite(is_runner=True, program=runner.python or runner.wasmtime or "")
        limits = ProcessLimits(
            self._limits.memory if runner.memory is None else runner.memory,
            self._limits.seconds if runner.seconds is None else runner.seconds,
        )
        lacking = engine.loader_lacks() if runner.python is not None else []
        if lacking:
            why = f"its python cannot express {', '.join(lacking)}"
            return site.cannot(why, 'write wasmtime = "…", an executable of that target, in place of python')
        # Targets that share a runner share its child.
        key = repr(runner)
        loader = self._runners.get(key)
        if runner.python is not None:
            if loader is None:
                server = probes.through(runner, runner.python, limits, self._tools.directory())
                loader = self._runners[key] = LibraryLoader(server, limits, site)
            how = _calls(engine)
            if isinstance(loader, LibraryLoader):
                loader.warm(how)
            return LoadingMethod(loader, how, Metering.of(engine.settings))
        if loader is None:
            from wasmbuild.verify.executable_loader import ExecutableLoader, LoaderCommand

            command = (*runner.command, runner.wasmtime or "wasmtime")
            program = LoaderCommand(command, runner.environment, runner.directory)
            loader = self._runners[key] = ExecutableLoader(program, self._tools.directory(), limits, site)
        return LoadingMethod(loader, _run_options(engine), Metering.of(engine.settings))

    def flush(self) -> None:
        """Let nothing wait that was put in. Raises what ended a loader: ChildError, OSError."""
        for loader in self._all():
            loader.flush()

    def close(self) -> None:
        """Settle what is left. Raises what ended a loader: ChildError, OSError."""
        for loader in self._all():
            loader.close()

    def abort(self) -> None:
        """End the loaders without settling what is left."""
        for loader in self._all():
            loader.abort()

    def _all(self) -> list[LibraryLoader | ExecutableLoader]:
        return [*self._libraries.values(), *self._executables.values(), *self._runners.values()]


def _calls(engine: EngineConfig) -> list[Any]:
    return [engine.library_calls(), engine.triple.text if engine.triple.is_pulley else None]


def _run_options(engine: EngineConfig) -> RunOptions:
    from wasmbuild.verify.executable_cases import RunOptions

    return RunOptions(engine.loading_arguments(), _without_library(engine))


def _without_library(engine: EngineConfig) -> str:
    """Return why no library loads for an engine, on whatever machine; empty where one does."""
    if unused := lines.without_library(engine.line):
        return unused
    lacking = engine.loader_lacks()
    return f"no python can express {', '.join(lacking)}" if lacking else ""


def foreign(manifest: Manifest, triple: triples.TargetTriple, declared: Target | None) -> str:
    """Return why a manifest's artifacts cannot be loaded on this host, and what to write so that they can."""
    here = host.triple() or "a machine that Wasmtime has no compiler for"
    message = f"cannot be loaded on this host: it is for {triple}, and this is {here}"
    if declared is not None and declared.runner is not None:
        return f"{message}; the runner of target {declared.name} is for {declared.triple}"
    return f"{message}, and no runner is declared; {_advice(manifest, triple)}"


def _advice(manifest: Manifest, triple: triples.TargetTriple) -> str:
    under = f"under [{dotted('targets', manifest.target)}] of wasmbuild.toml write runner ="
    if triple.os == "linux":
        has_package = triple.architecture in _WITH_PACKAGE and not _without_library(manifest.config)
        program = _PYTHON if has_package else _WASMTIME
        return f'{under} {{ command = ["qemu-{triple.architecture}-static", "-L", "sysroot"], {program} }}'
    return f'{under} {{ command = ["…"], wasmtime = "…" }}, a command that runs a program of such a machine'
