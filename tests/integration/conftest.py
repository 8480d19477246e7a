"""Projects and compilers to break, each in a temporary directory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import c_programs
import environments
import pytest
from support import Project

from wasmbuild.toolchain import find
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.limits import ProcessLimits


@pytest.fixture(scope="session")
def runtime_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the source distribution of ``wasmbuild-runtime``, and the wheel that comes of it."""
    directory = tmp_path_factory.mktemp("runtime")
    environments.build(environments.ROOT / "runtime", directory)
    return directory


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    """The library as a compiler; a test over which its child ends costs the next one nothing but its start."""
    with contextlib.closing(Embedded(find.library(), ProcessLimits(seconds=120))) as embedded:
        yield embedded


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Make an executable that says it is wasmtime and does what the given lines of shell do."""

    def make(body: str, version: str = "wasmtime 48.0.2 (fake)") -> Path:
        path = tmp_path / "fake-wasmtime"
        path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit 0; fi\n{body}\n')
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(scope="session")
def c_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the C API of the installed package, made by the script of the example in C."""
    directory = tmp_path_factory.mktemp("c-api")
    subprocess.run([sys.executable, c_programs.EXAMPLE / "library.py", directory], check=True, timeout=120)
    return directory


@pytest.fixture(name="host")
def host_program(project: Project, c_library: Path, monkeypatch: pytest.MonkeyPatch) -> c_programs.Host:
    monkeypatch.delenv("WASMBUILD_WASMTIME", raising=False)
    return c_programs.Host(project, c_library)
