"""A team: checkouts of one project on machines of their own, which know one remote cache."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cache_servers import Server
from support import HEAD, MODULES, TARGETS, Project

Member = Callable[..., Project]


@pytest.fixture
def member(tmp_path: Path) -> Member:
    """Return a function that makes a checkout whose ``[cache]`` has the given lines, with a user's cache of its own.

    Where no line says how long a server is waited for, that is as long as it takes on a busy machine: to import boto3
    takes seconds there, and counts. Where one does, and with ``steps``, what was of no use is remembered for another
    user: a step that asks the same port a moment later would do without it.
    """
    numbers = itertools.count()

    def make(*lines: str, cache: Path | None = None, steps: bool = False) -> Project:
        root = tmp_path / f"member{next(numbers)}"
        root.mkdir()
        project = Project(root)
        says_how_long = any(line.startswith("timeout") for line in lines)
        if steps or says_how_long:
            project.environment["XDG_CACHE_HOME"] = str(tmp_path / "user")
        if not says_how_long:
            lines = ("timeout = 60", *lines)
        project.declare(HEAD + TARGETS + MODULES + "\n[cache]\n" + "\n".join(lines) + "\n")
        project.environment["WASMBUILD_CACHE"] = str(cache or root.with_name(root.name + "-cache"))
        return project

    return make


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that has a module be missing, by its name, here and in what a build starts."""

    def leave_out(name: str) -> None:
        *packages, own = name.split(".")
        folder = top = tmp_path / "without"
        folder.mkdir()
        for package in packages:
            folder /= package
            folder.mkdir()
            (folder / "__init__.py").touch()
        (folder / f"{own}.py").write_text(f"raise ModuleNotFoundError('there is no {name}', name={name!r})\n")
        monkeypatch.syspath_prepend(top)
        monkeypatch.setitem(sys.modules, name, None)

    return leave_out


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


class Made(NamedTuple):
    """What a build of the project puts into a remote cache and into its build directory."""

    entries: dict[str, bytes]
    files: dict[str, bytes]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    project = Project(tmp_path_factory.mktemp("made"))
    project.environment["WASMBUILD_CACHE"] = "off"
    with Server() as running:
        project.declare(f'{HEAD}{TARGETS}{MODULES}\n[cache]\nremote = "{running.address}"\npush = true\n')
        project.run("build")
        assert len(running.kept) == 4
        return Made(running.kept, project.files())


@pytest.fixture
def filled(server: Server, made: Made) -> Server:
    """Return a server that has every artifact."""
    server.kept.update(made.entries)
    return server
