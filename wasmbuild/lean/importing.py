"""Modules of wasmbuild, taken from where their names say they are.

A command is some eighty modules, and to import them is nearly all that a step of another build takes. A third of that
goes into searching: Python lists directories, tries suffixes, and asks of source and bytecode in a dozen functions of
its own for each module. Here a module that has bytecode, and bytecode that is right by the same test as Python's (of
PEP 552: the magic number, no flags, time and size of the source), is found in three calls of the system. All else is
left to Python.
"""

from __future__ import annotations

import os
import sys
from marshal import loads

from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec, SourceFileLoader
    from types import CodeType, ModuleType
else:
    # Those of importlib.machinery, without what else that is made of.
    ModuleSpec, SourceFileLoader = type(__spec__), type(__loader__)

_HEADER = 16
# More than the bytecode of any module of ours. What is larger is left to Python.
_MOST = 1 << 16


def by_name() -> None:
    """Let this process find modules of wasmbuild by their names, where it is Python's own bytecode that would be read.

    For a process that is all wasmbuild's: a finder of ours has no place among those of an application.
    """
    tag = sys.implementation.cache_tag
    if SourceFileLoader.__name__ == "SourceFileLoader" and tag and not (sys.pycache_prefix or sys.flags.optimize):
        sys.meta_path.insert(0, ByName(f".{tag}.pyc"))


class ByName:
    """A finder (``importlib.abc.MetaPathFinder``) of modules in this package that have bytecode."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._magic: bytes = sys.modules[SourceFileLoader.__module__].MAGIC_NUMBER

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the module is, with its code, or None where Python is to look for it."""
        if path is None or len(path) != 1 or not name.startswith("wasmbuild."):
            return None
        directory, own = f"{path[0]}{os.sep}", name[name.rfind(".") + 1 :]
        spec = self._spec(name, directory, own)
        if spec is None:
            spec = self._spec(name, f"{directory}{own}{os.sep}", "__init__")
            if spec is not None:
                spec.submodule_search_locations = [f"{directory}{own}"]
        return spec

    def _spec(self, name: str, directory: str, own: str) -> ModuleSpec | None:
        source, cached = f"{directory}{own}.py", f"{directory}__pycache__{os.sep}{own}{self._suffix}"
        code = self._code(source, cached)
        if code is None:
            return None
        spec = ModuleSpec(name, _Loader(name, source, code), origin=source)
        spec.has_location = True
        spec.cached = cached
        return spec

    def _code(self, source: str, cached: str) -> CodeType | None:
        try:
            stat = os.stat(source)
            data = _read(cached)
        except OSError:
            return None
        time, size = int(stat.st_mtime) & 0xFFFF_FFFF, stat.st_size & 0xFFFF_FFFF
        right = b"%s\0\0\0\0%s%s" % (self._magic, time.to_bytes(4, "little"), size.to_bytes(4, "little"))
        if data[:_HEADER] != right or len(data) == _MOST:
            return None
        try:
            code: CodeType = loads(memoryview(data)[_HEADER:])  # noqa: S302 - Python's own, beside its source
        except (EOFError, ValueError, TypeError):
            return None
        # Of a directory that was moved: its tracebacks would tell of where it was.
        return code if code.co_filename == source else None


class _Loader(SourceFileLoader):
    """Python's loader of sources, that has the code which it would read."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._found: CodeType | None = code

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code that was found, once; later, as after a change of the source, what Python finds."""
        code, self._found = self._found, None
        return super().get_code(fullname) if code is None else code


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return os.read(file, _MOST)
    finally:
        os.close(file)
