"""What directories of a declaration hold that tests give to programs of WASI."""

from __future__ import annotations

import base64
import os

from wasmbuild.boundary import is_of_host
from wasmbuild.confined import ConfinedDirectory, LinkOutError
from wasmbuild.lean.pathlib import Path
from wasmbuild.project import cases
from wasmbuild.project.case_rules import directory_problems
from wasmbuild.project.cases import Case, Directory
from wasmbuild.project.globs import expand, literal
from wasmbuild.project.keys import Problem
from wasmbuild.text import quoted


class UnusableDirectoryError(Exception):
    """A directory cannot be given to a test: what is wrong, what to do, and whether it is this host's."""

    def __init__(self, problem: str, fix: str, of_host: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
        self.of_host = of_host


class Directories:
    """Reads directories below a declaration's folder, each once.

    ``globs`` are what they hold as globs, with what each matched, and ``folders`` those that decide that.
    """

    def __init__(self, root: Path, build_dir: Path) -> None:
        self._root = root
        self._build_dir = build_dir
        self._read: dict[str, tuple[Directory, list[Problem]]] = {}
        self.globs: dict[str, tuple[str, ...]] = {}
        self.folders: list[str] = []

    def of(self, case: Case) -> tuple[Case, list[Problem]]:
        """Return a case with what its directories hold, and all that is wrong with that.

        Raises UnusableDirectoryError.
        """
        if case.wasi is None:
            return case, []
        read = [self._directory(held.path) for held in case.wasi.dirs]
        dirs = tuple([directory for directory, _ in read])
        wrong = [problem for _, problems in read for problem in problems]
        return case._replace(wasi=case.wasi._replace(dirs=dirs)), wrong

    def _directory(self, path: str) -> tuple[Directory, list[Problem]]:
        if path not in self._read:
            absolute = f"{os.path.join(self._root, *path.split('/'))}{os.sep}"
            if f"{self._build_dir}{os.sep}".startswith(absolute):
                raise UnusableDirectoryError(f"{quoted(path)} holds the build directory", "name a directory beside it")
            if absolute.startswith(f"{self._build_dir}{os.sep}"):
                raise UnusableDirectoryError(
                    f"{quoted(path)} is in the build directory", "name a directory outside of it"
                )
            try:
                files = tuple(self._files(path))
            except OSError as error:
                # Of what was opened below the folder, the system names one part alone.
                where = error.filename if isinstance(error.filename, str) else ""
                shown = os.path.relpath(where, self._root) if os.path.isabs(where) else path
                fix = "name a directory that is there, with readable files in it"
                raise _unreadable(shown.replace(os.sep, "/"), error, fix) from None
            self.globs[_glob(path)] = tuple([f"{path}/{name}" for name, _ in files])
            self._read[path] = Directory.holding(path, files), directory_problems(files)
        return self._read[path]

    def _files(self, path: str) -> list[tuple[str, str]]:
        listed: list[str] = []
        with ConfinedDirectory(self._root) as root, root.below(path) as directory:
            matched = expand(self._root, _glob(path), listed=listed)
            self.folders += listed
            for folder in sorted(set(listed)):
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        if entry.is_symlink() and entry.is_dir() and not entry.name.startswith("."):
                            below = f"{folder}/{entry.name}"
                            raise UnusableDirectoryError(
                                f"{quoted(below)} is a link to a directory", "put the directory itself there"
                            )
            names = [found.removeprefix(f"{path}/") for found in matched]
            if len(names) > cases.MAX_FILES:
                problem = f"{quoted(path)} holds {len(names)} files"
                raise UnusableDirectoryError(problem, f"name a directory with at most {cases.MAX_FILES}")
            found = []
            left = cases.MAX_DIRECTORY
            for name in names:
                try:
                    data = directory.read(name, left + 1)
                except OSError as error:
                    raise _unreadable(f"{path}/{name}", error, "put a readable file there") from None
                left -= len(data)
                if left < 0:
                    problem = f"{quoted(path)} holds more than {cases.MAX_DIRECTORY >> 20} MiB"
                    raise UnusableDirectoryError(problem, "name a smaller directory")
                found.append((name, base64.b64encode(data).decode("ascii")))
            return found


def _unreadable(path: str, error: OSError, fix: str) -> UnusableDirectoryError:
    if isinstance(error, LinkOutError):
        return UnusableDirectoryError(
            f"{quoted(path)} {error.strerror}", "put a copy of what it leads to in its place (cp -rL)"
        )
    return UnusableDirectoryError(f"{quoted(path)} cannot be read: {error.strerror or error}", fix, is_of_host(error))


def _glob(path: str) -> str:
    """Return the glob of all files that are given of a directory."""
    return f"{literal(path)}/**"
