"""What is made beside a build: files for its declaration, whether or not they are there yet, and other builds."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

import SCons.Node.FS

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import Any
from wasmbuild.project.declared import Project
from wasmbuild.project.globs import is_glob
from wasmbuild.project.keys import dotted
from wasmbuild.project.module_of_file import globs_taking
from wasmbuild.text import quoted


def refuse_unmade(config: Any) -> None:
    """Raise UsageError for a declaration that a builder is to make first: none runs before it is read."""
    if config.has_builder() and not os.path.lexists(config.abspath):
        raise UsageError(
            f"{config}: a builder makes it, and it is read before any builder runs; make it while the SConstruct is "
            f'read, as env.Execute(Copy({quoted(str(config))}, "…")) does'
        )


def refuse_shared(config: Any, build_dir: Any) -> None:
    """Raise UsageError for a build directory of another declaration: SCons lets the last one make what both do."""
    first = getattr(build_dir.attributes, "wasmbuild", config)
    if first is not config:
        path = build_dir.get_internal_path()
        own = f"{build_dir.name}-{os.path.splitext(config.name)[0]}"
        raise UsageError(
            f"{path}: is the build directory of {first} already; give {config} one of its own, as "
            f"env.Wasmbuild({quoted(config.get_path(config.fs.getcwd()))}, {quoted(own)}) does"
        )
    build_dir.attributes.wasmbuild = config


class MadeByOthers:
    """What is made in the folder of a declaration, but by no build of wasmbuild.

    ``folder`` is the one that globs and tests look into: in a variant directory it is the source directory.
    """

    def __init__(self, config: Any, folder: Any) -> None:
        self._here = config.dir
        self._folder = folder

    def sources(self, project: Project) -> Iterator[tuple[str, Any]]:
        """Yield the declared sources that are made, by module."""
        for name, module in project.modules.items():
            if not is_glob(module.source):
                for directory in (self._here, self._folder):
                    node = directory.File(module.source)
                    if node.has_builder():
                        yield name, node
                        break

    def coming(self) -> tuple[str, ...]:
        """Return the paths that globs are to find, from the declaration's folder, with forward slashes."""
        return tuple(self._made_in(self._folder))

    def for_manifests(self, project: Project, declared: Collection[Any]) -> Iterator[Any]:
        """Yield what globs take, or are refused, but for what is ``declared`` by its path, and what tests are given."""
        for folder in dict.fromkeys((self._here, self._folder)):
            for node, *_ in self._taken(folder, project, declared):
                yield node
        given = tuple(f"{directory}/" for directory in project.test_directories())
        for path, node in self._made_in(self._folder).items():
            if path.startswith(given):
                yield node

    def refuse_unseen(self, project: Project, declared: Collection[Any]) -> None:
        """Raise UsageError for what is made in the variant directory for a glob, which sees the source directory."""
        if self._here is self._folder:
            return
        for node, path, name, key in self._taken(self._here, project, declared):
            made, folder = node.get_internal_path(), self._folder.get_internal_path()
            raise UsageError(
                f"{made}: a builder makes it, and {dotted('modules', key)} takes files of {folder} alone; declare "
                f"{dotted('modules', name)} with source = {quoted(path)}, and call the builder first"
            )

    def _taken(self, folder: Any, project: Project, declared: Collection[Any]) -> Iterator[tuple[Any, str, str, str]]:
        """Yield what globs take, each with its path, the module's name, and the key."""
        made = {path: node for path, node in self._made_in(folder).items() if node not in declared}
        for path, name, key in globs_taking(project, made):
            yield made[path], path, name, key

    def _made_in(self, folder: Any) -> dict[str, Any]:
        return {node.get_path(folder).replace(os.sep, "/"): node for node in _made_below(folder)}


def _made_below(directory: Any) -> Iterator[Any]:
    if hasattr(directory.attributes, "wasmbuild"):
        # What a build of wasmbuild makes, no glob takes.
        return
    for name, node in list(directory.entries.items()):
        if isinstance(node, SCons.Node.FS.Dir):
            if name not in (os.curdir, os.pardir):
                yield from _made_below(node)
        elif node.has_builder():
            yield node
