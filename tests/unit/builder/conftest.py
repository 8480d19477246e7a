"""What the tests of builds share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from building import FakeProject


@pytest.fixture
def project(tmp_path: Path) -> FakeProject:
    return FakeProject(tmp_path)


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[[Iterable[str]], FakeProject]:
    """Return a function that makes a project of its own with modules of these names."""
    made = iter(range(1_000))

    def make(names: Iterable[str]) -> FakeProject:
        directory = tmp_path / f"project-{next(made)}"
        directory.mkdir()
        project = FakeProject(directory)
        project.write(*names)
        return project

    return make
