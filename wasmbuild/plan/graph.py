"""From a declaration to the steps that make its build directory, in a fixed order.

Targets stay in the order of the declaration, modules are sorted by name. All outputs together are exactly the files of
a build directory that is whole, but for ``.wasmbuild`` in it.
"""

from __future__ import annotations

import os

from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DeclarationError, Mistake
from wasmbuild.lean.json import spell
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.plan.placement import DECLARED, Placement
from wasmbuild.plan.values import from_folder
from wasmbuild.project import filenames
from wasmbuild.project.audit_policy import AuditPolicy
from wasmbuild.project.declared import Artifact, CompileLimits, Module, Project, Target
from wasmbuild.project.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wasmbuild.project.cases import Case

COMPILE = "compile"
MANIFEST = "manifest"
INDEX = "index"
KINDS = (COMPILE, MANIFEST, INDEX)


class Step(NamedTuple):
    """One thing to make: ``outputs`` from ``inputs``, after the steps that it ``needs``, by id.

    Paths are relative to the declaration's folder, with forward slashes. A step that compiles has the artifact's id,
    ``module@target``, the manifest of a target ``manifest:target``, the index ``index``: no name has a colon, so that
    these are never the same. ``module`` and ``target`` are names, empty where the step has none.
    """

    id: str
    kind: str
    module: str
    target: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    needs: tuple[str, ...]


class Plan(NamedTuple):
    """All that is declared, resolved.

    ``path`` is the declaration's file as it was named, ``directory`` its absolute folder, ``build_dir`` absolute.
    ``compiler`` is ``"auto"``, ``"cli"``, ``"embedded"`` or an absolute path. ``globs`` are the patterns of sources
    with what each matched and no ``exclude`` left out: while that and the declaration's bytes are the same, so is the
    plan. ``folders``, from the declaration's, are those that decide it; the document of a plan has none.
    ``state_dir`` is the absolute directory of the lock and of what is remembered.
    ``refused`` are files that a glob found and that can be no module by their names: a build fails for them when it has
    made the rest. ``audit`` is what known faults of compilers do to a build. ``kept`` are the names of declared targets
    that are not built, and whose artifacts stay all the same.
    """

    path: str
    directory: Path
    project_name: str
    build_dir: Path
    compiler: str
    limits: CompileLimits
    targets: tuple[Target, ...]
    modules: tuple[Module, ...]
    artifacts: tuple[Artifact, ...]
    globs: tuple[tuple[str, tuple[str, ...]], ...]
    state_dir: Path
    folders: tuple[str, ...] = ()
    refused: tuple[Mistake, ...] = ()
    audit: AuditPolicy = AuditPolicy()
    kept: tuple[str, ...] = ()

    @property
    def build_dir_text(self) -> str:
        """The build directory's path from the declaration's folder, with forward slashes. Raises UsageError."""
        return from_folder(self.directory, self.build_dir)

    def manifests(self) -> list[str]:
        """Return the paths of the manifests below the build directory, with forward slashes."""
        return [f"{target.name}/{filenames.MANIFEST}" for target in self.targets]

    def shipped_sources(self) -> list[str]:
        """Return the paths of sources that ship beside their artifacts, as ``manifests`` does."""
        return [artifact.wasm_path for artifact in self.artifacts if artifact.module.ship_source]

    def test_files(self) -> list[str]:
        """Return the paths of files that tests are given, from the declaration's folder, with forward slashes."""
        return list(dict.fromkeys(file for module in self.modules for file in module.test_files))

    def tests(self) -> list[Case]:
        """Return the tests of all modules."""
        return [case for module in self.modules for case in module.tests]

    def tests_digest(self) -> str:
        """Return a digest of all tests, and of what is in the files that they are given."""
        return sha256_hex(spell([case.to_json() for case in self.tests()]).encode())

    def source_file(self, module: Module) -> str:
        """Return the path of a module's source: as it is declared, or of the file that takes its place.

        It is from the declaration's folder, with forward slashes. Raises UsageError.
        """
        if str(module.source) == f"{self.directory}{os.sep}{module.source_text}":
            return module.source_text
        return from_folder(self.directory, module.source)

    def steps(self) -> Iterator[Step]:
        """Yield every step, each after those that it needs."""
        build_dir = self.build_dir_text
        within = "" if build_dir == os.curdir else f"{build_dir}/"
        files = {module.name: self.source_file(module) for module in self.modules}
        declaration = os.path.basename(self.path)
        by_target: dict[str, list[Artifact]] = {target.name: [] for target in self.targets}
        for artifact in self.artifacts:
            by_target[artifact.target.name].append(artifact)
            output = f"{within}{artifact.path}"
            yield Step(
                artifact.id,
                COMPILE,
                artifact.module.name,
                artifact.target.name,
                (files[artifact.module.name],),
                (output, output + filenames.RECORD_SUFFIX),
                (),
            )
        manifests = []
        for name, artifacts in by_target.items():
            shipping = [artifact for artifact in artifacts if artifact.module.ship_source]
            manifests.append(f"{within}{name}/{filenames.MANIFEST}")
            inputs = [f"{within}{artifact.path}{filenames.RECORD_SUFFIX}" for artifact in artifacts]
            inputs += [files[artifact.module.name] for artifact in shipping]
            inputs += dict.fromkeys(file for artifact in artifacts for file in artifact.module.test_files)
            yield Step(
                manifest_id(name),
                MANIFEST,
                "",
                name,
                (declaration, *inputs),
                (manifests[-1], *(f"{within}{artifact.wasm_path}" for artifact in shipping)),
                tuple([artifact.id for artifact in artifacts]),
            )
        needs = tuple(map(manifest_id, by_target))
        yield Step(INDEX, INDEX, "", "", (declaration, *manifests), (f"{within}{filenames.INDEX}",), needs)


def manifest_id(target: str) -> str:
    """Return the id of the step that writes a target's manifest."""
    return f"{MANIFEST}:{target}"


def plan(project: Project, placement: Placement = DECLARED) -> Plan:
    """Return the plan of a project, placed as a build is told to be.

    Raises DeclarationError with all mistakes, UsageError.
    """
    declared = project.targets
    project = placement.of(project)
    resolved = resolve(project, placement.sources, awaited=placement.awaited, coming=placement.coming)
    if resolved.mistakes:
        raise DeclarationError(resolved.mistakes)
    return Plan(
        path=project.file,
        directory=project.directory,
        project_name=project.name,
        build_dir=project.build_dir,
        compiler=project.compiler,
        limits=project.limits,
        targets=project.targets,
        modules=resolved.modules,
        artifacts=resolved.artifacts,
        globs=resolved.globs,
        state_dir=placement.state_dir or project.build_dir / filenames.STATE_DIRECTORY,
        folders=resolved.folders,
        refused=resolved.refused,
        audit=project.audit,
        kept=tuple([each.name for each in declared if each not in project.targets]) if placement.keeps else (),
    )
