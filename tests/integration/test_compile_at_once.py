"""``wasmbuild compile`` while other processes work in the same directory, or after one was killed there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import HEAD, MODULES, TARGETS, Project

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the compiler is a shell script")


class Gate:
    """A declaration, ``gated.toml``, whose compiler stops in the middle until it is let through."""

    def __init__(self, project: Project, directory: Path) -> None:
        self._project = project
        self._arrived = directory / "arrived"
        self._open = directory / "open"
        real = directory / "real"
        shutil.copy(Path(sysconfig.get_path("purelib")) / "wasmtime_cli" / "wasmtime", real)
        real.chmod(0o755)
        compiler = directory / "gated"
        compiler.write_text(
            f'#!/bin/sh\nif [ "$1" != --version ]; then\ntouch {self._arrived}\n'
            f"while [ ! -e {self._open} ]; do sleep 0.02; done\nfi\n"
            f'exec {real} "$@"\n'
        )
        compiler.chmod(0o755)
        project.write("gated.toml", f'{HEAD}compiler = "{compiler}"\n{TARGETS}{MODULES}')
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, out: str) -> subprocess.Popen[str]:
        """Start to compile and return when the compiler runs."""
        process = self._project.start("compile", "add.wat", "--target", "x64", "-o", out, "--config", "gated.toml")
        self.processes.append(process)
        while not self._arrived.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        return process

    def open(self) -> None:
        self._open.touch()


@pytest.fixture
def gate(project: Project, tmp_path: Path) -> Iterator[Gate]:
    made = Gate(project, tmp_path)
    yield made
    made.open()
    for process in made.processes:
        process.kill()
        process.communicate()


def private(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".wasmbuild-")]


@pytest.mark.parametrize(
    ("out", "others"),
    [
        ("build/edge.cwasm", ["build", "-q"]),
        ("build/x64/deep/edge.cwasm", ["build", "-q"]),
        ("out/edge-portable", ["compile", "sub.wat", "--target", "x64", "-o", "out/edge"]),
        ("out/edge", ["compile", "add.wat", "--target", "x64", "-o", "out/edge"]),
    ],
    ids=["a build around it", "a build far around it", "a sibling", "the same output"],
)
def test_a_compile_is_left_alone(project: Project, gate: Gate, out: str, others: list[str]) -> None:
    path = project.root / out
    running = gate.start(out)
    project.run(*others)
    gate.open()
    _, error = running.communicate(timeout=60)
    assert (running.returncode, error) == (0, "")
    assert not private(path.parent)
    project.run("build", "-q")
    assert path.read_bytes() == (project.build / "x64/add.cwasm").read_bytes()


def test_what_a_killed_one_left_goes_with_the_next_of_its_output(project: Project, gate: Gate) -> None:
    killed = gate.start("out/add.cwasm")
    killed.kill()
    killed.communicate()
    assert len(private(project.root / "out")) == 1
    project.run("compile", "sub.wat", "--target", "x64", "-o", "out/sub.cwasm")
    assert len(private(project.root / "out")) == 1
    project.run("compile", "add.wat", "--target", "x64", "-o", "out/add.cwasm")
    assert sorted(path.name for path in (project.root / "out").iterdir()) == ["add.cwasm", "sub.cwasm"]


def test_many_of_one_output(project: Project) -> None:
    """What each takes for the leftover of a killed one is being made by another."""
    processes = [project.start("compile", "add.wat", "--target", "x64", "-o", "out/add.cwasm") for _ in range(8)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert ended == [("", "", 0)] * len(processes)
    assert [path.name for path in (project.root / "out").iterdir()] == ["add.cwasm"]
