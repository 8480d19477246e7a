"""The files of modules: named one by one, found by globs, or given in the place of declared ones."""

from __future__ import annotations

import os
import stat

from wasmbuild.boundary import fix_of, host_fix, is_of_host
from wasmbuild.errors import Mistake
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import names
from wasmbuild.project.declared import ModuleDeclaration
from wasmbuild.project.globs import exclusion, expand, is_glob, matches, module_name, normal, without_excluded
from wasmbuild.project.keys import dotted
from wasmbuild.project.paths import record_problem
from wasmbuild.text import listed, quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_SHOWN = 5
_ABSENT = ("is not there", "", False)


class ModuleMistakes:
    """Notes each mistake once, in the order in which they are found: several files of one glob may give the same."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[Mistake, None] = {}

    @property
    def found(self) -> tuple[Mistake, ...]:
        return tuple(self._found)

    def of(self, module: str, key: str, problem: str, fix: str, of_host: bool = False) -> None:
        """Note what is wrong with the table of a module, or with a ``key`` of it that is not empty."""
        self.at(dotted("modules", module, key) if key else dotted("modules", module), problem, fix, of_host)

    def at(self, where: str, problem: str, fix: str, of_host: bool = False) -> None:
        """Note what is wrong at a dotted key."""
        self._found[Mistake(self._file, where, problem, fix, of_host)] = None


class Sources:
    """Finds the files of ``declared``, module tables by their keys, below ``directory``.

    ``replaced`` are files by the names of modules, in the place of declared ones; with ``awaited`` they need not be
    there yet. ``coming`` are files below the directory that globs find whether they are there or not. ``globs`` says
    what each glob matched, ``folders`` which folders decide that. ``refused`` are files of globs whose names no module
    can have.
    """

    def __init__(
        self,
        file: str,
        directory: Path,
        declared: Mapping[str, ModuleDeclaration],
        replaced: Mapping[str, Path],
        mistakes: ModuleMistakes,
        *,
        awaited: bool,
        coming: Collection[str] = (),
    ) -> None:
        self.globs: dict[str, tuple[str, ...]] = {}
        self.folders: list[str] = []
        self.refused = ModuleMistakes(file)
        self._mistakes = mistakes
        self._directory = directory
        self._declared = declared
        self._replaced = replaced
        self._awaited = awaited
        self._coming = coming
        self._unused: _Unused | None = None

    def of(self, key: str, declared: ModuleDeclaration) -> list[tuple[str, str]]:
        """Return the modules of a table: the name of each, and its path as it is declared."""
        source = normal(declared.source)
        if not is_glob(source):
            found = [(key, source)]
            if (problem := record_problem(source)) is not None:
                self._mistakes.of(key, "source", f"{quoted(source)} {problem}", "rename the file or its directory")
            elif key in self._replaced:
                self._check_replacement(key, self._replaced[key])
            else:
                self._check_file(key, declared.source, source)
        else:
            try:
                matched = self._expanded(source, declared.exclude)
                left_out = not matched and expand(self._directory, source)
            except OSError as error:
                self._unlisted(key, declared.source, error)
                return []
            # Two tables may leave out each what the other takes.
            self.globs[source] = (*self.globs.get(source, ()), *matched)
            if left_out:
                problem = f"leaves out every file of {quoted(declared.source)}"
                self._mistakes.of(key, "exclude", problem, "correct the patterns, or remove the module")
            elif not matched:
                self._mistakes.of(key, "source", f"{quoted(declared.source)} matches no file", self._no_match(source))
            found = self._named(key, [(module_name(key, source, path), path) for path in matched])
        return found

    def _expanded(self, source: str, exclude: tuple[str, ...]) -> list[str]:
        there = expand(self._directory, source, exclude, self.folders)
        coming = [path for path in self._coming if matches(source, path)]
        return sorted({*there, *without_excluded(coming, exclude)}) if coming else there

    def check_replaced(self) -> None:
        """Check that each file that is given takes the place of one that is declared."""
        declared = self._declared
        for name in self._replaced:
            if name in declared and not is_glob(declared[name].source):
                continue
            if name in declared:
                problem = "is many files, and one was given in their place"
                fix = "declare the module that is made elsewhere under a name of its own"
                self._mistakes.of(name, "source", problem, fix)
                continue
            known = [key for key, module in declared.items() if not is_glob(module.source)]
            meant = suggestion(name, known)
            if meant:
                fix = f"did you mean {meant}?"
            elif known:
                fix = f"declared one by one are {listed(known, _SHOWN)}"
            else:
                fix = "every module is of a glob: declare the one that is made elsewhere under a name of its own"
            self._mistakes.of(name, "", "is not declared, but a source was given for it", fix)

    def _check_replacement(self, key: str, path: Path) -> None:
        problem = self._problem(key, str(path), path)
        if problem == _ABSENT and self._awaited:
            return
        if problem == _ABSENT:
            absent = f"there is no file {quoted(str(path))}, which was given in its place"
            self._mistakes.of(key, "source", absent, "make it first, or give another file")
        elif problem is not None:
            self._mistakes.of(
                key, "source", f"{problem[0]}, and was given in its place", "give another file", problem[2]
            )

    def _check_file(self, key: str, written: str, source: str) -> None:
        path = Path(os.path.normpath(self._directory / source))
        problem = self._problem(key, written, path)
        if problem == _ABSENT and os.path.islink(path):
            fix = "mend the link, or name another file"
            self._mistakes.of(key, "source", f"{quoted(written)} is a link that leads nowhere", fix)
        elif problem == _ABSENT:
            self._mistakes.of(key, "source", f"there is no file {quoted(written)}", self._no_file(source))
        elif problem is not None:
            self._mistakes.of(key, "source", *problem)

    def _problem(self, key: str, written: str, path: Path) -> tuple[str, str, bool] | None:
        """Return what is wrong with a source, what to do about it, and whether that is the host's, if anything is."""
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return _ABSENT
        except OSError as error:
            fix = host_fix(error.errno or 0) or "correct the path"
            return f"{quoted(written)} cannot be read: {error.strerror or error}", fix, is_of_host(error)
        if stat.S_ISDIR(mode):
            return f"{quoted(written)} is a directory", _inside(key, written, path), False
        if stat.S_ISREG(mode):
            return None
        return f"{quoted(written)} is no regular file", "name a .wat or .wasm file", False

    def _named(self, key: str, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the modules of a glob that have names; a file that gives none is refused, or a mistake if all are."""
        problems = [(names.problem(name, module=True), record_problem(path)) for name, path in found]
        sound = [item for item, problem in zip(found, problems, strict=True) if not any(problem)]
        refused = self.refused if sound else self._mistakes
        for (name, path), (of_name, of_path) in zip(found, problems, strict=True):
            said = f"the module {quoted(name)} of {quoted(path)} "
            if of_name is not None:
                fix = "rename the file"
                if sound and (left_out := exclusion(path)):
                    fix += f", or write {left_out}"
                refused.of(key, "", said + of_name, f"{fix}; {names.rule(module=True)}")
            elif of_path is not None:
                refused.of(key, "", said + of_path, "rename the file or its directory")
        return sound

    def _unlisted(self, key: str, pattern: str, error: OSError) -> None:
        folder = os.path.relpath(error.filename or self._directory, self._directory).replace(os.sep, "/")
        problem = f"{quoted(pattern)} cannot be looked for in {quoted(folder)}: {error.strerror or error}"
        fix = fix_of(error, "make that folder readable, or correct the pattern")
        self._mistakes.of(key, "source", problem, fix, is_of_host(error))

    def _no_file(self, source: str) -> str:
        if self._unused is None:
            self._unused = _Unused(self._directory, self._declared.values())
        # A folder and an ending make no two names alike; of two files with one name, that with the ending is meant.
        near, stem = self._unused.beside(source), _stem(source)
        meant = stem if stem in near else suggestion(stem, near)
        if meant is None:
            return "make the file, or correct the path"
        ending = os.path.splitext(source)[1]
        path = next((path for path in near[meant] if path.endswith(ending)), near[meant][-1])
        return f"did you mean {quoted(path)}?"

    def _no_match(self, pattern: str) -> str:
        fixed = pattern.split("/")
        while fixed and is_glob("/".join(fixed)):
            fixed.pop()
        if fixed and not os.path.isdir(self._directory / "/".join(fixed)):
            return f"there is no directory {quoted('/'.join(fixed))}"
        return "make such a file, or correct the pattern"


class _Unused:
    """Files that could have been meant by a source that is not there: those of no module. Each folder is listed once.

    Of thousands that are declared in vain, each asks for all others.
    """

    def __init__(self, directory: Path, declared: Iterable[ModuleDeclaration]) -> None:
        sources = [(normal(module.source), module.exclude) for module in declared]
        self._directory = directory
        self._named = {source for source, _ in sources}
        self._globs = [(source, exclude) for source, exclude in sources if is_glob(source)]
        self._folders: dict[str, dict[str, list[str]]] = {}

    def beside(self, source: str) -> dict[str, list[str]]:
        """Return the files of the folder where a source should be, by their names without endings."""
        folder = source.rpartition("/")[0]
        if folder not in self._folders:
            found = self._folders[folder] = {}
            for path in filter(self._is_free, self._listed(f"{folder}/*" if folder else "*")):
                found.setdefault(_stem(path), []).append(path)
        return self._folders[folder]

    def _listed(self, pattern: str) -> list[str]:
        try:
            return [path for path in expand(self._directory, pattern) if path.endswith((".wasm", ".wat"))]
        except OSError:
            return []

    def _is_free(self, path: str) -> bool:
        return (
            path not in self._named
            # A link that leads nowhere has its name there too.
            and os.path.exists(self._directory / path)
            and not any(matches(glob, path) and without_excluded([path], exclude) for glob, exclude in self._globs)
        )


def _inside(key: str, written: str, folder: Path) -> str:
    """Return what to write where a folder was named as the source of a module."""
    pattern = next((pattern for pattern in ("*.wasm", "*.wat") if _is_there(folder, pattern)), None)
    if pattern is None:
        return "name a .wat or .wasm file"
    header = dotted("modules", f"{key}/*")
    source = quoted(f"{written.rstrip('/')}/{pattern}")
    return f"name a file in it, or write [{header}] and source = {source} for all of them"


def _is_there(folder: Path, pattern: str) -> bool:
    try:
        return bool(expand(folder, pattern))
    except OSError:
        return False


def _stem(path: str) -> str:
    return os.path.splitext(path.rpartition("/")[2])[0]
