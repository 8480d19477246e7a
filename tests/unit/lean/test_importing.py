"""A module found by its name is the one that Python finds, and what is not right is left to Python."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wasmbuild
from wasmbuild.lean.importing import ByName

_FINDER = ByName(f".{sys.implementation.cache_tag}.pyc")
_SOURCE = "def where():\n    return __file__\n"


def _made(path: Path, source: str = _SOURCE) -> Path:
    """Write a module and its bytecode, and return where that is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return Path(py_compile.compile(str(path), doraise=True))


def _found(directory: Path, name: str = "wasmbuild.some") -> importlib.machinery.ModuleSpec | None:
    return _FINDER.find_spec(name, [str(directory)])


@pytest.mark.parametrize("file", ["some.py", "some/__init__.py"])
def test_it_finds_what_python_finds(tmp_path: Path, file: str) -> None:
    _made(tmp_path / file)
    spec = _found(tmp_path)
    by_python = importlib.machinery.PathFinder.find_spec("wasmbuild.some", [str(tmp_path)])
    assert spec is not None
    assert by_python is not None
    for name in ("name", "origin", "cached", "has_location", "parent", "submodule_search_locations"):
        assert getattr(spec, name) == getattr(by_python, name), name
    assert isinstance(spec.loader, importlib.machinery.SourceFileLoader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.where() == str(tmp_path / file)
    assert spec.loader.get_source("wasmbuild.some") == _SOURCE
    assert set(vars(module)) == set(vars(_by_python(by_python)))


def _by_python(spec: importlib.machinery.ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


def test_a_module_is_preferred_to_nothing_and_a_package_needs_no_module(tmp_path: Path) -> None:
    assert _found(tmp_path) is None
    (tmp_path / "some").mkdir()
    assert _found(tmp_path) is None  # a directory alone: a namespace, which is Python's business


def test_what_is_executed_again_is_read_again(tmp_path: Path) -> None:
    _made(tmp_path / "some.py", "value = 1\n")
    spec = _found(tmp_path)
    assert spec is not None
    assert isinstance(spec.loader, importlib.machinery.SourceFileLoader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "some.py").write_text("value = 22\n")
    spec.loader.exec_module(module)
    assert module.value == 22


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_source_that_changed_is_left_to_python(tmp_path: Path, change: str) -> None:
    source = tmp_path / "some.py"
    _made(source)
    before = source.stat()
    if change == "size":
        source.write_text(_SOURCE + "\n")
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns + 2 * 10**9))
    assert _found(tmp_path) is None


def test_bytecode_that_is_checked_by_hash_is_left_to_python(tmp_path: Path) -> None:
    _made(tmp_path / "some.py")
    py_compile.compile(
        str(tmp_path / "some.py"), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
    )
    assert _found(tmp_path) is None


def test_bytecode_of_another_place_is_left_to_python(tmp_path: Path) -> None:
    _made(tmp_path / "before" / "some.py")
    (tmp_path / "before").rename(tmp_path / "after")
    assert _found(tmp_path / "after") is None


def test_bytecode_that_cannot_be_read_is_left_to_python(tmp_path: Path) -> None:
    cached = _made(tmp_path / "some.py")
    cached.unlink()
    assert _found(tmp_path) is None
    cached.mkdir()
    assert _found(tmp_path) is None


@given(at=st.integers(0, 15), flip=st.integers(1, 255), part=st.floats(0, 1, exclude_max=True))
def test_bytecode_that_was_harmed_is_left_to_python(
    tmp_path_factory: pytest.TempPathFactory, at: int, flip: int, part: float
) -> None:
    directory = tmp_path_factory.mktemp("harmed")
    cached = _made(directory / "some.py")
    whole = cached.read_bytes()
    cached.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    assert _found(directory) is None
    cached.write_bytes(whole[: int(part * len(whole))])
    assert _found(directory) is None
    cached.write_bytes(whole)
    assert _found(directory) is not None


def test_modules_of_others_are_left_to_python(tmp_path: Path) -> None:
    _made(tmp_path / "some.py")
    for name in ("some", "wasmbuilder.some", "other.wasmbuild.some"):
        assert _found(tmp_path, name) is None
    assert _FINDER.find_spec("wasmbuild.some", None) is None
    assert _FINDER.find_spec("wasmbuild.some", [str(tmp_path), str(tmp_path)]) is None


def _python(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(wasmbuild.__file__).parents[1])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, *arguments]
    return subprocess.run(line, env=environment, check=True, capture_output=True, text=True).stdout


_TOLD = """
from wasmbuild.__main__ import run
import sys
from wasmbuild import versions
print(type(versions.__spec__.loader).__module__, any(type(each).__name__ == "ByName" for each in sys.meta_path))
"""


@pytest.mark.parametrize("option", ["-O", "-OO", "-Xpycache_prefix=elsewhere"])
def test_bytecode_in_another_place_is_left_to_python(option: str) -> None:
    assert _python("-B", option, "-c", _TOLD).split()[-1] == "False"


def test_a_command_finds_modules_by_name_and_a_program_that_imports_wasmbuild_does_not() -> None:
    _python("-c", _TOLD)
    assert _python("-c", _TOLD).split() == ["wasmbuild.lean.importing", "True"]
    assert _python("-c", "import sys, wasmbuild.api; print(sys.meta_path)").find("ByName") == -1
