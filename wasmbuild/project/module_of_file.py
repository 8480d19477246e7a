"""The module that one file stands for, found without looking for the files of the others."""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames
from wasmbuild.project.declared import Module, Project, Target
from wasmbuild.project.globs import expand, is_glob, matches, module_name, normal, without_excluded
from wasmbuild.text import listed, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_SHOWN = 5


def module_of(project: Project, source: Path | None, name: str | None, target: Target) -> Module | None:
    """Return the module of this name, or else the one that declares this file, with the file as its source.

    Without a file, what is declared stays its source. None where the file is no declared one.

    Raises UsageError for a name that is not declared, a file that several modules declare, and a module that is not for
    the target; OSError for a folder that cannot be listed.
    """
    if name is not None:
        found = list(_named(project, name, source))
    else:
        found = [] if source is None else list(_declaring(project, source))
    if not found:
        if name is None:
            return None
        raise UsageError(f"{project.file}: there is no module {name!r}; {_instead(project, name)}")
    if len(found) > 1:
        of = listed([module for module, _, _ in found], _SHOWN)
        raise UsageError(
            f"{project.file}: {source} is the source of {of}; name the one that is meant with --module, in CMake MODULE"
        )
    module, text, key = found[0]
    declared = project.modules[key]
    if not declared.is_for(target.name):
        from wasmbuild.project.keys import dotted

        where = dotted("modules", key, "targets")
        raise UsageError(f"{project.file}: {module} is not for the target {target.name}; add it to {where}")
    path = Path(os.path.abspath(source if source is not None else project.directory / text))
    return declared.module(key, module, path, text, declared.tests)


def _instead(project: Project, name: str) -> str:
    known, nearest = [], ""
    for key, declared in project.modules.items():
        found = [module for module, _, _ in _of_glob(project, key)] if is_glob(normal(declared.source)) else [key]
        if matches(key, name):
            nearest = f"the glob {declared.source} finds {listed(found, _SHOWN) if found else 'no file'}"
        known += found
    meant = "" if is_glob(name) else suggestion(name, known)
    return f"did you mean {meant}?" if meant else nearest or f"declared are {listed(known, _SHOWN)}"


def globs_taking(project: Project, paths: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each file that a glob takes, with the module that it makes and the key, whether or not the file is there.

    The paths are some with forward slashes below the declaration's folder.
    """
    for key, declared in project.modules.items():
        pattern = normal(declared.source)
        if is_glob(pattern):
            taken = without_excluded([path for path in paths if matches(pattern, path)], declared.exclude)
            for name, path, _ in _modules(key, pattern, taken):
                yield path, name, key


def makes(project: Project, place: str) -> bool:
    """Tell whether a whole build makes the file at a path below its directory. Raises OSError as ``module_of`` does."""
    if place == filenames.INDEX:
        return True
    target, _, name = place.partition("/")
    if target not in project.target_names:
        return False
    if name == filenames.MANIFEST:
        return True
    module, suffix = os.path.splitext(name.removesuffix(filenames.RECORD_SUFFIX))
    ships = suffix == filenames.WASM_SUFFIX
    if not ships and suffix != filenames.ARTIFACT_SUFFIX:
        return False
    keys = [key for _, _, key in _named(project, module, None)]
    return any(project.modules[key].is_for(target) and project.modules[key].ship_source >= ships for key in keys)


def read_at(project: Project, file: Path) -> Iterator[tuple[str, Path]]:
    """Yield what a build may read at a place, each with what it is; of a glob or a directory it is ``file`` itself.

    Paths are as the declaration was named. A source that is a link of another name to ``file`` is not found. Raises
    OSError as ``module_of`` does, and where there is no such file.
    """
    beside = Path(project.file).parent
    real = Path(os.path.realpath(file))
    status = os.stat(real)
    # Each of thousands of steps would have the system look at the sources of all others.
    anywhere = status.st_nlink > 1 or os.path.islink(file)
    names = {file.name.lower(), real.name.lower()}
    for declared in project.modules.values():
        source = normal(declared.source)
        if (anywhere or source.rpartition("/")[2].lower() in names) and not is_glob(source):
            path = beside / source
            there = files.status(path)
            if there is not None and os.path.samestat(there, status):
                yield "the source", path
    root = project._replace(directory=Path(os.path.realpath(project.directory)))
    if any(_declaring(project, file)) or any(_declaring(root, real)):
        yield "the source", file
    for directory in project.test_directories():
        from wasmbuild.confined import is_below

        if is_below(os.path.realpath(project.directory / directory), str(real)):
            yield "the file of a test", file


_Found = tuple[str, str, str]
"""A module's name, the path of its declared source, and the key that declares it."""


def _named(project: Project, name: str, source: Path | None) -> Iterator[_Found]:
    declared = project.modules.get(name)
    if declared is not None and not is_glob(declared.source):
        yield name, normal(declared.source), name
        return
    here = [] if source is None else [found for found in _declaring(project, source) if found[0] == name]
    yield from here or (found for found in _of_globs(project) if found[0] == name)


def _declaring(project: Project, source: Path) -> Iterator[_Found]:
    """Yield what declares a file, without listing its folder: that takes long for each of thousands of files."""
    try:
        path = os.path.relpath(source, project.directory).replace(os.sep, "/")
    except ValueError:  # on another drive of Windows
        return
    for key, declared in project.modules.items():
        pattern = normal(declared.source)
        if not is_glob(pattern):
            if path == pattern:
                yield key, pattern, key
        elif matches(pattern, path):
            if "**" in pattern.split("/"):
                # Whether a link leads there, the path does not say.
                yield from (found for found in _of_glob(project, key) if found[1] == path)
            else:
                yield from _modules(key, pattern, without_excluded([path], declared.exclude))


def _of_globs(project: Project) -> Iterator[_Found]:
    for key, declared in project.modules.items():
        if is_glob(normal(declared.source)):
            yield from _of_glob(project, key)


def _of_glob(project: Project, key: str) -> Iterator[_Found]:
    declared = project.modules[key]
    pattern = normal(declared.source)
    return _modules(key, pattern, expand(project.directory, pattern, declared.exclude))


def _modules(key: str, pattern: str, paths: Iterable[str]) -> Iterator[_Found]:
    from wasmbuild.project import names
    from wasmbuild.project.paths import record_problem

    for path in paths:
        name = module_name(key, pattern, path)
        if names.problem(name, module=True) is None and record_problem(path) is None:
            yield name, path, key
