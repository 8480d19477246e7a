"""From a declaration to the artifacts that are to be made, in a fixed order.

Targets stay in the order of the declaration, modules are sorted by name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wasmbuild.errors import DeclarationError

if TYPE_CHECKING:
    from wasmbuild.engine.triples import TargetTriple
    from wasmbuild.project.audit_policy import AuditPolicy
    from wasmbuild.project.cases import Case
    from wasmbuild.project.models import ModuleTable


class Module(NamedTuple):
    """A module to compile.

    ``source`` is the absolute path of its file, ``source_text`` the path from the declaration's folder, with forward
    slashes. ``imports`` are globs over ``module.name`` of what it may import, ``exports`` what it has to export; None
    allows any and demands none. ``tests`` are as declared: whether they fit is known when the module is. With
    ``ship_source`` the module as binary WebAssembly is shipped beside each artifact.
    """

    name: str
    source: Path
    source_text: str
    imports: tuple[str, ...] | None
    exports: tuple[str, ...] | None
    tests: tuple[Case, ...] = ()
    ship_source: bool = False


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
    """A target: ``cpu`` is the level as declared, ``isa_flags`` all flags of the CPU, ``engine`` the canonical engine.

    ``require`` is the lowest level of verification that passes, None for the highest that can be reached. ``runner``
    is what loads its artifacts here; it is no part of what is shipped.
    """

    name: str
    triple: TargetTriple
    cpu: str | None
    isa_flags: dict[str, bool | int | str]
    engine: dict[str, Any]
    require: str | None
    runner: Runner | None = None


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
        return f"{self.target.name}/{self.module.name}.cwasm"

    @property
    def wasm_path(self) -> str:
        """Where the module itself is shipped, if it is: a path like ``path``."""
        return f"{self.target.name}/{self.module.name}.wasm"


class Limits(NamedTuple):
    """What compiling one artifact may take: ``memory`` in bytes, ``seconds`` of wall-clock time; None is no limit."""

    memory: int | None
    seconds: int


class Project(NamedTuple):
    """A declaration, checked: everything but the files of its modules.

    ``file`` is the file as it was named, ``directory`` its absolute folder. ``at_least`` is the lowest version of the
    compiler, or None; ``compiler`` one of ``COMPILERS`` or an absolute path. ``targets`` are in the order of the file.
    ``target_names`` are all names that were declared, ``modules`` the tables as declared, by their keys.
    """

    file: str
    directory: Path
    name: str
    build_dir: Path
    line: int
    at_least: str | None
    compiler: str
    limits: Limits
    targets: tuple[Target, ...]
    target_names: tuple[str, ...]
    modules: Mapping[str, ModuleTable]
    audit: AuditPolicy


class Plan(NamedTuple):
    """All that is declared, resolved.

    ``path`` is the declaration's file as it was named, ``directory`` its absolute folder, ``build_dir`` absolute.
    ``line`` is the line of Wasmtime, ``at_least`` the lowest version of a compiler (``"48.0.8"``) or None, ``compiler``
    ``"auto"``, ``"cli"``, ``"embedded"`` or an absolute path. ``globs`` are the patterns of sources with what each
    matched: while ``globs.expand`` gives the same and the declaration's bytes are the same, so is the plan.
    """

    path: str
    directory: Path
    project_name: str
    build_dir: Path
    line: int
    at_least: str | None
    compiler: str
    limits: Limits
    targets: tuple[Target, ...]
    modules: tuple[Module, ...]
    artifacts: tuple[Artifact, ...]
    globs: tuple[tuple[str, tuple[str, ...]], ...]


def plan(project: Project) -> Plan:
    """Return the plan of a project. Raises DeclarationError with all mistakes."""
    from wasmbuild.project.resolve import resolve

    resolved = resolve(project)
    if resolved.mistakes:
        raise DeclarationError(resolved.mistakes)
    return Plan(
        path=project.file,
        directory=project.directory,
        project_name=project.name,
        build_dir=project.build_dir,
        line=project.line,
        at_least=project.at_least,
        compiler=project.compiler,
        limits=project.limits,
        targets=project.targets,
        modules=resolved.modules,
        artifacts=resolved.artifacts,
        globs=resolved.globs,
    )


def as_data(plan: Plan) -> Mapping[str, Any]:
    """Return a plan as JSON values, with paths relative to the declaration's folder, for people and other programs."""
    return {
        "project": plan.project_name,
        "build-dir": os.path.relpath(plan.build_dir, plan.directory).replace(os.sep, "/"),
        "wasmtime": {"line": plan.line, "at-least": plan.at_least, "compiler": plan.compiler},
        "limits": {"memory": plan.limits.memory, "seconds": plan.limits.seconds},
        "targets": [
            {
                "name": target.name,
                "triple": target.triple.text,
                "cpu": target.cpu,
                "isa-flags": target.isa_flags,
                "engine": target.engine,
                "require": target.require,
                "runner": None if target.runner is None else _runner_data(target.runner, plan.directory),
            }
            for target in plan.targets
        ],
        "modules": [
            {
                "name": module.name,
                "source": module.source_text,
                "imports": module.imports,
                "exports": module.exports,
                "ship-source": module.ship_source,
                "tests": [case.to_json() for case in module.tests],
            }
            for module in plan.modules
        ],
        "artifacts": [{"id": artifact.id, "path": artifact.path} for artifact in plan.artifacts],
    }


def _runner_data(runner: Runner, directory: Path) -> Mapping[str, Any]:
    return {
        "command": [_below(word, directory) if index == 0 else word for index, word in enumerate(runner.command)],
        "python": runner.python and _below(runner.python, directory),
        "wasmtime": runner.wasmtime and _below(runner.wasmtime, directory),
        "environment": runner.environment,
        "limits": {"memory": runner.memory, "seconds": runner.seconds},
    }


def _below(program: str, directory: Path) -> str:
    """Return a program's path relative to ``directory`` where it lies in it."""
    path = Path(program)
    return f"./{path.relative_to(directory).as_posix()}" if path.is_relative_to(directory) else program
