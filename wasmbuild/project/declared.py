"""What is declared, checked: the values that every other room works with."""

from __future__ import annotations

import sys

from wasmbuild.files import seen_from_here
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project.filenames import ARTIFACT_SUFFIX, WASM_SUFFIX
from wasmbuild.versions import order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.engine.triples import TargetTriple
    from wasmbuild.project.audit_policy import AuditPolicy
    from wasmbuild.project.cache_policy import CachePolicy
    from wasmbuild.project.cases import Case


class Module(NamedTuple):
    """A module to compile.

    ``source`` is the absolute path of its file, ``source_text`` the path from the declaration's folder, with forward
    slashes. ``imports`` are globs over ``module.name`` of what it may import, ``exports`` what it has to export; None
    allows any and demands none. ``tests`` are as declared: whether they fit is known when the module is. With
    ``ship_source`` the module as binary WebAssembly is shipped beside each artifact. ``label`` is what people call a
    source whose path says nothing to them. ``key`` is that of the table that declares it where it is another than the
    name, as of a glob.
    """

    name: str
    source: Path
    source_text: str
    imports: tuple[str, ...] | None
    exports: tuple[str, ...] | None
    tests: tuple[Case, ...] = ()
    ship_source: bool = False
    label: str | None = None
    key: str | None = None

    def declared_at(self, *parts: str | int) -> str:
        """Return the dotted key of something in the table that declares it."""
        from wasmbuild.project.keys import dotted

        return dotted("modules", self.key or self.name, *parts)

    @property
    def test_files(self) -> tuple[str, ...]:
        """The files that tests are given, from the declaration's folder, with forward slashes."""
        held = {each.path: each.files for test in self.tests if test.wasi is not None for each in test.wasi.dirs}
        return tuple(dict.fromkeys(f"{path}/{name}" for path, files in held.items() for name, _ in files or ()))

    @property
    def shown(self) -> str:
        """What people call the source: its path as they see it from where they stand."""
        return self.label or seen_from_here(self.source)


class Runner(NamedTuple):
    """What loads artifacts of a target on this machine: ``command``, then a program of that target.

    The program is ``python``, which has the package ``wasmtime``, or ``wasmtime``, an executable; the other is None.
    They and the command's first word are absolute paths, or bare names that PATH finds. The command runs in
    ``directory``, the declaration's absolute folder, with the variables of ``environment`` added to the usual ones.
    ``memory`` in bytes and ``seconds`` bound it; None leaves that to whoever runs it.
    """

    command: tuple[str, ...]
    python: str | None
    wasmtime: str | None
    environment: dict[str, str]
    directory: str
    memory: int | None = None
    seconds: int | None = None


class Target(NamedTuple):
    """A target: ``engine`` is what will load its artifacts, ``cpu`` the level as declared.

    ``require`` is the lowest level of verification that passes, None for the highest that can be reached. ``runner``
    is what loads its artifacts here; it is no part of what is shipped. ``runtime`` is the release of Wasmtime that will
    load them (``"48.0.0"``), None where nobody said which. ``at_least`` is the lowest version of a compiler for it
    (``"48.0.8"``), or None.
    """

    name: str
    cpu: str | None
    engine: EngineConfig
    require: str | None
    runner: Runner | None = None
    runtime: str | None = None
    at_least: str | None = None

    @property
    def triple(self) -> TargetTriple:
        return self.engine.triple


class Artifact(NamedTuple):
    """One module for one target."""

    module: Module
    target: Target

    @property
    def id(self) -> str:
        """``module@target``, the artifact's name everywhere."""
        return f"{self.module.name}@{self.target.name}"

    @property
    def path(self) -> str:
        """The artifact's path below the build directory, with forward slashes."""
        return f"{self.target.name}/{self.module.name}{ARTIFACT_SUFFIX}"

    @property
    def wasm_path(self) -> str:
        """Where the module itself is shipped, if it is: a path like ``path``."""
        return f"{self.target.name}/{self.module.name}{WASM_SUFFIX}"


# Only Linux can limit the memory of a child that has been started.
_DEFAULT_MEMORY = 8 << 30 if sys.platform == "linux" else None


class CompileLimits(NamedTuple):
    """What compiling one artifact may take: ``memory`` in bytes, ``seconds`` of wall-clock time; None is no limit."""

    memory: int | None = _DEFAULT_MEMORY
    seconds: int = 600


class ModuleDeclaration(NamedTuple):
    """A module, or with a glob as ``source`` one for each file that it matches, as declared.

    ``targets`` are globs over the names of targets, None for all of them; ``exclude`` are globs of files that a glob as
    ``source`` leaves out. The rest is as in ``Module``, but for the tests of WASI programs that leave out ``argv``: it
    is empty here.
    """

    source: str
    targets: tuple[str, ...] | None
    imports: tuple[str, ...] | None
    exports: tuple[str, ...] | None
    ship_source: bool
    tests: tuple[Case, ...]
    exclude: tuple[str, ...] = ()

    def is_for(self, target: str) -> bool:
        """Tell whether the modules are for a target, by its name."""
        if self.targets is None:
            return True
        from fnmatch import fnmatchcase

        return any(fnmatchcase(target, glob) for glob in self.targets)

    def module(self, key: str, name: str, source: Path, source_text: str, tests: Iterable[Case]) -> Module:
        """Return the module of a name that the table of ``key`` declares; ``tests`` are its own, as they are read."""
        return Module(
            name,
            source,
            source_text,
            self.imports,
            self.exports,
            tuple([test.of(name) for test in tests]),
            self.ship_source,
            key=None if key == name else key,
        )


class Project(NamedTuple):
    """A declaration, checked: everything but the files of its modules.

    ``file`` is the file as it was named, ``directory`` its absolute folder. ``line`` is that of targets that declare no
    other; ``compiler`` one of ``COMPILERS`` or an absolute path. ``targets`` are in the order of the file.
    ``target_names`` are all names that were declared, ``modules`` are by their keys. ``executor`` is the address of
    where it compiles, None for this machine. Nothing of it depends on any other file: the same bytes declare the same.
    """

    file: str
    directory: Path
    name: str
    build_dir: Path
    line: int
    compiler: str
    limits: CompileLimits
    targets: tuple[Target, ...]
    target_names: tuple[str, ...]
    modules: Mapping[str, ModuleDeclaration]
    audit: AuditPolicy
    cache: CachePolicy
    executor: str | None

    def test_directories(self) -> set[str]:
        """Return the directories that tests are given, from the declaration's folder, with forward slashes."""
        cases = (case.wasi for declared in self.modules.values() for case in declared.tests if case.wasi is not None)
        return {held.path for wasi in cases for held in wasi.dirs}


def lines_of(targets: Iterable[Target]) -> dict[int, str | None]:
    """Return the lines of Wasmtime that targets are for, in their order.

    With each comes the lowest version of a compiler that will do for all targets of the line, None where any does.
    """
    found: dict[int, str | None] = {}
    for target in targets:
        least = found.setdefault(target.engine.line, target.at_least)
        if target.at_least is not None and (least is None or order(least) < order(target.at_least)):
            found[target.engine.line] = target.at_least
    return found
