"""The third level: Wasmtime loads an artifact with the declared engine, and its imports and exports are as declared.

The library of the ``wasmtime`` Python package loads for this host and ``pulley64``. An executable loads what needs
settings that the library lacks; it shows neither imports nor exports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.project import triples
from wasmbuild.project.settings import cli_args, config_calls
from wasmbuild.toolchain.child import Limits
from wasmbuild.verify.intact import Opened
from wasmbuild.verify.library_loader import LibraryLoader
from wasmbuild.verify.loading import Load, Settle
from wasmbuild.verify.report import Unreachable
from wasmbuild.verify.tools import Tools

if TYPE_CHECKING:
    from wasmbuild.verify.executable_loader import ExecutableLoader


class Way(NamedTuple):
    """How the artifacts of one target are loaded on this host."""

    loader: LibraryLoader | ExecutableLoader
    how: Any

    def load(self, artifact: ManifestArtifact, opened: Opened, settle: Settle) -> None:
        """Load an artifact sometime, and settle it from another thread. The file is closed then."""
        self.loader.put(Load(artifact, opened.file, opened.modified, settle, self.how))


class Loaders:
    """The loaders of one run, each started when a target first needs it."""

    def __init__(self, tools: Tools, limits: Limits) -> None:
        self._tools = tools
        self._limits = limits
        self._library: LibraryLoader | None = None
        self._executable: ExecutableLoader | None = None

    def way(self, manifest: Manifest) -> Way | Unreachable:
        """Return how the artifacts of a manifest are loaded, or why this host cannot load them."""
        triple = triples.parse(manifest.triple)
        if not triples.runs_on_host(triple):
            here = triples.host_triple() or "a machine that Wasmtime has no compiler for"
            return Unreachable(f"cannot be loaded on this host: it is for {triple}, and this is {here}")
        engine, line = manifest.engine, manifest.major
        loads = triple if triple.is_pulley else triples.parse(triples.host_triple() or "")
        here_engine = self._tools.library_engine(engine, line, triple, loads)
        if here_engine is not None and self._tools.library is not None:
            if self._library is None:
                self._library = LibraryLoader(self._tools.library, self._limits)
            how = [config_calls(here_engine, line), triple.text if triple.is_pulley else None]
            self._library.warm(how)
            return Way(self._library, how)
        executable = self._tools.executable(line)
        if isinstance(executable, str):
            return Unreachable(
                f"cannot be loaded on this host: the library of the wasmtime Python package is of another line or "
                f"lacks its settings, and {executable}; install an executable of Wasmtime {line}"
            )
        if self._executable is None:
            from wasmbuild.verify.executable_loader import ExecutableLoader

            self._executable = ExecutableLoader(self._tools.directory(), self._limits)
        target = ["--target", triple.text] if triple.is_pulley else []
        return Way(self._executable, [executable.path, "run", "--allow-precompiled", *cli_args(engine, line), *target])

    def close(self) -> None:
        """Settle what is left. Raises what ended a loader: ChildError, OSError."""
        for loader in (self._library, self._executable):
            if loader is not None:
                loader.close()

    def abort(self) -> None:
        """End the loaders without settling what is left."""
        for loader in (self._library, self._executable):
            if loader is not None:
                loader.abort()
