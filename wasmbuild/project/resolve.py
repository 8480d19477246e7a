"""The modules of a declaration with their files, and what would make two artifacts one file."""

from __future__ import annotations

import os

from wasmbuild.errors import Mistake
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project import filenames
from wasmbuild.project.declared import Artifact, Module, ModuleDeclaration, Project
from wasmbuild.project.globs import exclusion, is_glob
from wasmbuild.project.keys import dotted
from wasmbuild.project.levels import LEVELS
from wasmbuild.project.sources import ModuleMistakes, Sources
from wasmbuild.text import listed, quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wasmbuild.project.cases import Case
    from wasmbuild.project.directories import Directories

_SHOWN = 5


class Resolved(NamedTuple):
    """The modules of a project with their files, and all that is wrong with them.

    ``folders`` are those, from the declaration's, that decide what globs match, sorted. ``refused`` are files of globs
    whose names no module can have: each costs itself, and not the project.
    """

    modules: tuple[Module, ...]
    artifacts: tuple[Artifact, ...]
    globs: tuple[tuple[str, tuple[str, ...]], ...]
    folders: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    refused: tuple[Mistake, ...]


def resolve(
    project: Project, sources: Mapping[str, Path] = {}, *, awaited: bool = False, coming: Collection[str] = ()
) -> Resolved:
    """Find the sources of all modules; what is wrong is returned, not raised, so that all mistakes are told at once.

    ``sources`` are files by the names of modules that are declared one by one, in the place of the declared ones;
    with ``awaited`` they need not be there yet. Globs find the files of ``coming`` too, whether they are there or not.
    """
    mistakes = ModuleMistakes(project.file)
    files = Sources(project.file, project.directory, project.modules, sources, mistakes, awaited=awaited, coming=coming)
    outputs = _Outputs(mistakes)
    tests = _Tests(project, mistakes)
    files.check_replaced()
    targets_of: dict[str, frozenset[str]] = {}
    found: list[Module] = []
    for key, declared in project.modules.items():
        targets = _targets(mistakes, key, declared, project.target_names)
        paths = files.of(key, declared)
        cases = tests.of(key, declared)
        for name, path in paths:
            if outputs.take(key, name, path, ships=declared.ship_source):
                targets_of[name] = targets
                file = _file(project.directory, path, sources.get(name))
                found.append(declared.module(key, name, file, path, cases))
    modules = tuple(sorted(found, key=lambda module: module.name))
    artifacts = [
        Artifact(module, target)
        for target in project.targets
        for module in modules
        if target.name in targets_of[module.name]
    ]
    outputs.check(project.build_dir, artifacts)
    _check_tests(project, artifacts, outputs, mistakes)
    globs = {**files.globs, **tests.globs}
    folders = tuple(sorted({*files.folders, *tests.folders}))
    return Resolved(modules, tuple(artifacts), tuple(globs.items()), folders, mistakes.found, files.refused.found)


def _file(directory: Path, path: str, replacement: Path | None) -> Path:
    """Return the absolute path of a source, or of the file that takes its place."""
    # Of the kind that the directory is: a program that gave pathlib's gets such back.
    return type(directory)(
        os.path.normpath(f"{directory}{os.sep}{path}") if replacement is None else os.path.abspath(replacement)
    )


def _targets(mistakes: ModuleMistakes, key: str, declared: ModuleDeclaration, known: Sequence[str]) -> frozenset[str]:
    """Return the names of the targets of a module table, and note each pattern that matches none."""
    if declared.targets is None:
        return frozenset(known)
    from fnmatch import fnmatchcase

    matching: set[str] = set()
    for pattern in declared.targets:
        matched = [name for name in known if fnmatchcase(name, pattern)]
        if not matched:
            meant = suggestion(pattern, known)
            fix = f"did you mean {quoted(meant)}?" if meant else f"targets are {', '.join(known)}"
            mistakes.of(key, "targets", f"{quoted(pattern)} matches no target", fix)
        matching.update(matched)
    return frozenset(matching)


class _Tests:
    """Gives tests what the directories hold that they name."""

    def __init__(self, project: Project, mistakes: ModuleMistakes) -> None:
        self._project = project
        self._mistakes = mistakes
        self._directories: Directories | None = None

    @property
    def globs(self) -> dict[str, tuple[str, ...]]:
        return {} if self._directories is None else self._directories.globs

    @property
    def folders(self) -> list[str]:
        return [] if self._directories is None else self._directories.folders

    def of(self, key: str, declared: ModuleDeclaration) -> list[Case]:
        """Return the tests of a module table."""
        found = []
        for index, test in enumerate(declared.tests):
            if test.wasi is not None and test.wasi.dirs:
                test = self._with_directories(test, dotted("modules", key, "tests", index, "wasi", "dirs"))
            found.append(test)
        return found

    def _with_directories(self, test: Case, where: str) -> Case:
        from wasmbuild.project.directories import Directories, UnusableDirectoryError

        if self._directories is None:
            self._directories = Directories(self._project.directory, self._project.build_dir)
        try:
            read, problems = self._directories.of(test)
        except UnusableDirectoryError as error:
            self._mistakes.at(where, error.problem, error.fix, error.of_host)
            return test
        for (name,), problem, fix in problems:
            self._mistakes.at(where, f"{quoted(str(name))} {problem}", fix)
        return read


def _check_tests(project: Project, artifacts: Sequence[Artifact], outputs: _Outputs, mistakes: ModuleMistakes) -> None:
    """Check that tests are there where a target demands them, and that fuel is counted where a test limits it."""
    untested: dict[str, dict[str, None]] = {}
    counted: set[str] = set()
    for module, target in artifacts:
        if target.require == LEVELS[-1] and not module.tests:
            untested.setdefault(target.name, {})[outputs.key_of(module)] = None
        if "consume-fuel" in target.engine.settings:
            counted.add(outputs.key_of(module))
    for name, keys in untested.items():
        problem = f"demands tests, and {_listed(list(keys))} {'has' if len(keys) == 1 else 'have'} none"
        example = dotted("modules", next(iter(keys)), "tests")
        mistakes.at(dotted("targets", name, "require"), problem, f"write [[{example}]], or a lower level")
    if len(project.targets) < len(project.target_names):
        return
    for key, declared in project.modules.items():
        for index, test in enumerate(declared.tests):
            if test.fuel is not None and key not in counted:
                fix = "write consume-fuel = true in [engine] or a target, or time-limit in place of fuel"
                where = dotted("modules", key, "tests", index, "fuel")
                mistakes.at(where, "no target of the module counts fuel", fix)


class _Outputs:
    """Gives each module its files below the directory of a target: no two may be one."""

    def __init__(self, mistakes: ModuleMistakes) -> None:
        self._mistakes = mistakes
        self._names: dict[str, tuple[str, str, str]] = {}
        self._files = {filenames.MANIFEST: "every target"}
        self._directories: dict[str, str] = {}

    def key_of(self, module: Module) -> str:
        """Return the key that a module was declared with."""
        return self._names[module.name.lower()][2]

    def take(self, key: str, name: str, path: str, *, ships: bool) -> bool:
        """Take the files of a module, or note why it cannot have them."""
        other = self._names.get(name.lower())
        if other is not None:
            self._mistakes.of(key, "", *_same_name(key, name, path, *other))
            return False
        self._names[name.lower()] = (name, path, key)
        return self._fits(key, name, ships=ships)

    def _fits(self, key: str, name: str, *, ships: bool) -> bool:
        """Check that no path is a file of one module and a directory of another."""
        parts = name.lower().split("/")
        directories = ["/".join(parts[:count]) for count in range(1, len(parts))]
        outputs = _outputs(name.lower(), ships=ships)
        clash = next((path for path in directories if path in self._files), None)
        if clash is not None:
            problem = f"needs the directory {quoted(clash)}, which is a file of {self._files[clash]}"
        elif (clash := next((path for path in outputs if path in self._directories), None)) is not None:
            problem = f"needs the file {quoted(clash)}, which is a directory of {self._directories[clash]}"
        else:
            self._files.update(dict.fromkeys(outputs, f"module {name}"))
            self._directories.update(dict.fromkeys(directories, f"module {name}"))
            return True
        self._mistakes.of(key, "", problem, "rename the module")
        return False

    def check(self, build_dir: Path, artifacts: Iterable[Artifact]) -> None:
        """Check that no artifact would replace a source."""
        inside = f"{build_dir}{os.sep}"
        sources = {
            module.source: self.key_of(module) for module, _target in artifacts if str(module.source).startswith(inside)
        }
        if not sources:
            return
        for artifact in artifacts:
            outputs = {artifact.path: f"the artifact {artifact.id}"}
            if artifact.module.ship_source:
                outputs[artifact.wasm_path] = f"the module that is shipped with {artifact.id}"
            for path, what in outputs.items():
                key = sources.pop(build_dir / path, None)
                if key is not None:
                    problem = f"would be replaced by {what}"
                    self._mistakes.of(key, "source", problem, "keep sources outside the build directory")


def _same_name(key: str, name: str, path: str, other: str, other_path: str, other_key: str) -> tuple[str, str]:
    if name != other:
        problem = f"{quoted(name)} and {quoted(other)} are one file where case does not count"
        return problem, "rename one of them"
    if path == other_path:
        return f"{quoted(path)} is declared as {dotted('modules', other_key)} too", _one_of_two(path, key, other_key)
    problem = f"{quoted(path)} and {quoted(other_path)} would both be the module {quoted(name)}"
    return problem, "rename one of the files, or give them keys of their own"


def _one_of_two(path: str, *keys: str) -> str:
    """Return what to do about a file that tables of these keys declare: a glob may leave it out."""
    glob = next(filter(is_glob, keys), None)
    if glob is None or not (left_out := exclusion(path)):
        return "remove one of them"
    return f"remove one of them, or write {left_out} under [{dotted('modules', glob)}]"


def _outputs(module: str, *, ships: bool) -> tuple[str, ...]:
    """Return the files of a module below its target's directory: artifact, record, and the module where it ships."""
    artifact = module + filenames.ARTIFACT_SUFFIX
    made = (artifact, artifact + filenames.RECORD_SUFFIX)
    return (*made, module + filenames.WASM_SUFFIX) if ships else made


def _listed(keys: Sequence[str]) -> str:
    return listed([dotted("modules", key) for key in keys], _SHOWN)
