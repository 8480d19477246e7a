"""The files of declared modules: sources, globs, and what would make two artifacts one file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from wasmbuild.errors import Mistake
from wasmbuild.lean_typing import TYPE_CHECKING, NamedTuple
from wasmbuild.project import filenames, names
from wasmbuild.project.declared import Artifact, Module, ModuleDeclaration, Project
from wasmbuild.project.globs import expand, is_glob, literal, matches
from wasmbuild.project.keys import dotted
from wasmbuild.project.levels import LEVELS
from wasmbuild.text import listed, quoted, suggestion

if TYPE_CHECKING:
    from wasmbuild.project.cases import Case
    from wasmbuild.project.directories import Directories

_SHOWN = 5
_ABSENT = "is not there"


class Resolved(NamedTuple):
    """The modules of a project with their files, and all that is wrong with them.

    ``refused`` are files of globs whose names no module can have: each costs itself, and not the project.
    """

    modules: tuple[Module, ...]
    artifacts: tuple[Artifact, ...]
    globs: tuple[tuple[str, tuple[str, ...]], ...]
    mistakes: tuple[Mistake, ...]
    refused: tuple[Mistake, ...]


def resolve(project: Project, sources: Mapping[str, Path] = {}, *, awaited: bool = False) -> Resolved:
    """Find the sources of all modules; what is wrong is returned, not raised, so that all mistakes are told at once.

    ``sources`` are files by the names of modules that are declared one by one, in the place of the declared ones;
    with ``awaited`` they need not be there yet.
    """
    finder = _Finder(project, sources, awaited)
    finder.check_given(project.modules)
    chosen: dict[str, frozenset[str]] = {}
    found: list[Module] = []
    for key, declared in project.modules.items():
        targets = finder.targets(key, declared, project.target_names)
        of_key = finder.modules(key, declared)
        chosen.update(dict.fromkeys((module.name for module in of_key), targets))
        found.extend(of_key)
    modules = tuple(sorted(found, key=lambda module: module.name))
    artifacts = [
        Artifact(module, target)
        for target in project.targets
        for module in modules
        if target.name in chosen[module.name]
    ]
    finder.check_outputs(project.build_dir, artifacts)
    finder.check_tests(project, artifacts)
    globs = tuple(finder.globs.items())
    return Resolved(modules, tuple(artifacts), globs, tuple(finder.mistakes), tuple(finder.refused))


class _Finder:
    """Turns module tables into modules, and notes what is wrong."""

    def __init__(self, project: Project, given: Mapping[str, Path], awaited: bool) -> None:
        # Of several files with one name each would give the same mistake.
        self.mistakes: dict[Mistake, None] = {}
        self.refused: dict[Mistake, None] = {}
        self.globs: dict[str, tuple[str, ...]] = {}
        self._file = project.file
        self._directory = project.directory
        self._given = given
        self._awaited = awaited
        self._names: dict[str, tuple[str, str, str]] = {}
        self._files = {filenames.MANIFEST: "every target"}
        self._directories: dict[str, str] = {}
        self._build_dir = project.build_dir
        self._directories_read: Directories | None = None

    def modules(self, key: str, declared: ModuleDeclaration) -> list[Module]:
        source = normal(declared.source)
        if not is_glob(source):
            found = [(key, source)]
            if key in self._given:
                self._check_given_file(key, self._given[key])
            else:
                self._check_file(key, declared.source, source)
        else:
            try:
                matched = expand(self._directory, source)
            except OSError as error:
                self._unlisted(key, declared.source, error)
                return []
            self.globs[source] = tuple(matched)
            if not matched:
                self._mistake(key, "source", f"{quoted(declared.source)} matches no file", self._no_match(source))
            kept = without_excluded(declared, matched)
            if matched and not kept:
                problem = f"leaves out every file of {quoted(declared.source)}"
                self._mistake(key, "exclude", problem, "correct the patterns, or remove the module")
            found = self._named(key, [(module_name(key, source, path), path) for path in kept])
        tests = self._tests(key, declared)
        directory = f"{self._directory}{os.sep}"
        return [
            Module(
                name,
                Path(os.path.abspath(self._given[name]) if name in self._given else os.path.normpath(directory + path)),
                path,
                declared.imports,
                declared.exports,
                tuple([test.of(name) for test in tests]),
                declared.ship_source,
            )
            for name, path in found
            if self._is_free(key, name, path, ships=declared.ship_source)
        ]

    def _tests(self, key: str, declared: ModuleDeclaration) -> list[Case]:
        """Return the tests of a module table, with what the directories hold that they name."""
        found = []
        for index, test in enumerate(declared.tests):
            if test.wasi is not None and test.wasi.dirs:
                test = self._with_directories(test, dotted("modules", key, "tests", index, "wasi", "dirs"))
            found.append(test)
        return found

    def _with_directories(self, test: Case, where: str) -> Case:
        from wasmbuild.project.case_rules import problems
        from wasmbuild.project.directories import Directories, UnusableDirectoryError

        if self._directories_read is None:
            self._directories_read = Directories(self._directory, self._build_dir)
        try:
            read, globs = self._directories_read.of(test)
        except UnusableDirectoryError as error:
            self._mistake_at(where, error.problem, error.fix)
            return test
        self.globs.update(globs)
        for (*_, name), problem, fix in problems(read):
            self._mistake_at(where, f"{quoted(str(name))} {problem}", fix)
        return read

    def check_given(self, declared: Mapping[str, ModuleDeclaration]) -> None:
        """Check that each file that is given takes the place of one that is declared."""
        for name in self._given:
            if name in declared and not is_glob(declared[name].source):
                continue
            if name in declared:
                problem = "is many files, and --source gives one"
                fix = "declare the module that is made elsewhere under a name of its own"
                self._mistake(name, "source", problem, fix)
                continue
            known = [key for key, module in declared.items() if not is_glob(module.source)]
            meant = suggestion(name, known)
            fix = f"did you mean --source {meant}=…?" if meant else f"declared one by one are {listed(known, _SHOWN)}"
            self._mistake(name, "", "is not declared, but given with --source", fix)

    def targets(self, key: str, declared: ModuleDeclaration, known: Sequence[str]) -> frozenset[str]:
        """Return the names of the targets of a module table, and note each pattern that matches none."""
        if declared.targets is None:
            return frozenset(known)
        chosen: set[str] = set()
        for pattern in declared.targets:
            matched = [name for name in known if fnmatchcase(name, pattern)]
            if not matched:
                meant = suggestion(pattern, known)
                fix = f"did you mean {quoted(meant)}?" if meant else f"targets are {', '.join(known)}"
                self._mistake(key, "targets", f"{quoted(pattern)} matches no target", fix)
            chosen.update(matched)
        return frozenset(chosen)

    def check_outputs(self, build_dir: Path, artifacts: Iterable[Artifact]) -> None:
        """Check that no artifact would replace a source."""
        inside = f"{build_dir}{os.sep}"
        sources = {
            module.source: self._key(module) for module, _target in artifacts if str(module.source).startswith(inside)
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
                    self._mistake(key, "source", problem, "keep sources outside the build directory")

    def check_tests(self, project: Project, artifacts: Sequence[Artifact]) -> None:
        """Check that tests are there where a target demands them, and that fuel is counted where a test limits it."""
        untested: dict[str, dict[str, None]] = {}
        counted: set[str] = set()
        for module, target in artifacts:
            if target.require == LEVELS[-1] and not module.tests:
                untested.setdefault(target.name, {})[self._key(module)] = None
            if "consume-fuel" in target.engine.settings:
                counted.add(self._key(module))
        for name, keys in untested.items():
            problem = f"demands tests, and {_listed(list(keys))} {'has' if len(keys) == 1 else 'have'} none"
            example = dotted("modules", next(iter(keys)), "tests")
            self._mistake_at(dotted("targets", name, "require"), problem, f"write [[{example}]], or a lower level")
        if len(project.targets) < len(project.target_names):
            return
        for key, declared in project.modules.items():
            for index, test in enumerate(declared.tests):
                if test.fuel is not None and key not in counted:
                    fix = "write consume-fuel = true in [engine] or a target, or time-limit in place of fuel"
                    where = dotted("modules", key, "tests", index, "fuel")
                    self._mistake_at(where, "no target of the module counts fuel", fix)

    def _key(self, module: Module) -> str:
        """Return the key that a module was declared with."""
        return self._names[module.name.lower()][2]

    def _check_given_file(self, key: str, path: Path) -> None:
        problem = self._problem(str(path), path)
        if problem == _ABSENT and self._awaited:
            return
        if problem == _ABSENT:
            fix = f"make it first, or correct --source {key}=…"
            self._mistake(key, "source", f"there is no file {quoted(str(path))}, given with --source", fix)
        elif problem is not None:
            self._mistake(key, "source", f"{problem}, given with --source", f"correct --source {key}=…")

    def _check_file(self, key: str, written: str, source: str) -> None:
        problem = self._problem(written, self._directory / source)
        if problem is None:
            return
        if problem == _ABSENT:
            self._mistake(key, "source", f"there is no file {quoted(written)}", self._no_file(source))
        elif problem.endswith("directory"):
            fix = f"name a file in it, or write {quoted(source + '/*.wasm')} for all of them"
            self._mistake(key, "source", problem, fix)
        else:
            fix = "name a .wat or .wasm file" if problem.endswith("regular file") else "make it readable"
            self._mistake(key, "source", problem, fix)

    def _problem(self, written: str, path: Path) -> str | None:
        """Say what is wrong with a source, if anything is."""
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return _ABSENT
        except OSError as error:
            return f"{quoted(written)} cannot be read: {error.strerror or error}"
        if stat.S_ISDIR(mode):
            return f"{quoted(written)} is a directory"
        return None if stat.S_ISREG(mode) else f"{quoted(written)} is no regular file"

    def _named(self, key: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the modules of a glob that have names; a file that gives none is refused, or a mistake if all are."""
        problems = {item: names.problem(item[0], module=True) for item in found}
        sound = [item for item, problem in problems.items() if problem is None]
        refused = []
        for (name, path), problem in problems.items():
            if problem is None:
                continue
            fix = "rename the file"
            if sound and quoted(path) == f'"{path}"':
                fix += f", or write exclude = [{quoted(literal(path))}]"
            said = f"the module {quoted(name)} of {quoted(path)} {problem}"
            refused.append(Mistake(self._file, dotted("modules", key), said, f"{fix}; {names.rule(module=True)}"))
        (self.refused if sound else self.mistakes).update(dict.fromkeys(refused))
        return sound

    def _is_free(self, key: str, name: str, path: str, *, ships: bool) -> bool:
        other = self._names.get(name.lower())
        if other is not None:
            self._mistake(key, "", *_same_name(name, path, *other))
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
        self._mistake(key, "", problem, "rename the module")
        return False

    def _unlisted(self, key: str, pattern: str, error: OSError) -> None:
        folder = os.path.relpath(error.filename or self._directory, self._directory).replace(os.sep, "/")
        problem = f"{quoted(pattern)} cannot be looked for in {quoted(folder)}: {error.strerror or error}"
        self._mistake(key, "source", problem, "make that folder readable, or correct the pattern")

    def _no_file(self, source: str) -> str:
        meant = suggestion(source, self._near(source))
        return f"did you mean {quoted(meant)}?" if meant else "make the file, or correct the path"

    def _no_match(self, pattern: str) -> str:
        fixed = pattern.split("/")
        while fixed and is_glob("/".join(fixed)):
            fixed.pop()
        if fixed and not os.path.isdir(self._directory / "/".join(fixed)):
            return f"there is no directory {quoted('/'.join(fixed))}"
        return "make such a file, or correct the pattern"

    def _near(self, source: str) -> Iterable[str]:
        """Return files that could have been meant: those beside where the source should be."""
        folder = source.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        try:
            return [path for path in expand(self._directory, f"{prefix}*") if path.endswith((".wasm", ".wat"))]
        except OSError:
            return []

    def _mistake(self, module: str, key: str, problem: str, fix: str) -> None:
        self._mistake_at(dotted("modules", module, key) if key else dotted("modules", module), problem, fix)

    def _mistake_at(self, where: str, problem: str, fix: str) -> None:
        self.mistakes[Mistake(self._file, where, problem, fix)] = None


def normal(path: str) -> str:
    """Return a declared path or pattern as others are compared with it."""
    return os.path.normpath(path).replace(os.sep, "/")


def without_excluded(declared: ModuleDeclaration, matched: Sequence[str]) -> list[str]:
    """Return the files of a glob that it does not leave out."""
    excluded = [normal(pattern) for pattern in declared.exclude]
    return [path for path in matched if not any(matches(pattern, path) for pattern in excluded)]


def module_name(key: str, pattern: str, path: str) -> str:
    """Return the name of a module that a glob found: the stem for ``*`` in the key, the path below for ``**``."""
    stem = path.rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    if "**" not in key:
        return key.replace("*", stem)
    fixed = ""
    for part in pattern.split("/")[:-1]:
        if is_glob(part):
            break
        fixed += f"{part}/"
    folder = path[len(fixed) :].rpartition("/")[0]
    return key.replace("**", f"{folder}/{stem}" if folder else stem)


def _same_name(name: str, path: str, other: str, other_path: str, other_key: str) -> tuple[str, str]:
    if name != other:
        problem = f"{quoted(name)} and {quoted(other)} are one file where case does not count"
        return problem, "rename one of them"
    if path == other_path:
        return f"{quoted(path)} is declared as {dotted('modules', other_key)} too", "remove one of them"
    problem = f"{quoted(path)} and {quoted(other_path)} would both be the module {quoted(name)}"
    return problem, "rename one of the files, or give them keys of their own"


def _outputs(module: str, *, ships: bool) -> tuple[str, ...]:
    """Return the files of a module below its target's directory: artifact, record, and the module where it ships."""
    made = (f"{module}.cwasm", f"{module}.cwasm.json")
    return (*made, f"{module}.wasm") if ships else made


def _listed(keys: Sequence[str]) -> str:
    return listed([dotted("modules", key) for key in keys], _SHOWN)
