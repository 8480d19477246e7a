"""A team: checkouts of one project on machines of their own, which know one remote cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cache_servers import Server
from support import HEAD, MODULES, TARGETS, Project

Member = Callable[..., Project]


@pytest.fixture
def member(tmp_path: Path) -> Member:
    """Return a function that makes a checkout whose ``[cache]`` has the given lines, with a user's cache of its own."""
    numbers = itertools.count()

    def make(*lines: str, cache: Path | None = None) -> Project:
        root = tmp_path / f"member{next(numbers)}"
        root.mkdir()
        project = Project(root)
        project.declare(HEAD + TARGETS + MODULES + "\n[cache]\n" + "\n".join(lines) + "\n")
        project.environment["WASMBUILD_CACHE"] = str(cache or root.with_name(root.name + "-cache"))
        return project

    return make


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def filled(server: Server, member: Member) -> Server:
    """Return a server that has every artifact."""
    member(f'remote = "{server.address}"').run("build", "--push")
    assert len(server.kept) == 4
    server.seen.clear()
    return server
