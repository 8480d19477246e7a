"""What the tests of builds share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from building import FakeProject

from wasmbuild.builder.checker import Checker
from wasmbuild.lean.threading import Thread


@pytest.fixture
def project(tmp_path: Path) -> FakeProject:
    return FakeProject(tmp_path)


@pytest.fixture
def built(project: Any) -> Any:
    project.write("a", "b")
    assert project.build() == ["a@pi", "a@x64", "b@pi", "b@x64"]
    return project


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of all artifacts that are judged from now on, as they are."""
    ids: list[str] = []
    judge = Checker._judged

    def note(checker: Checker, artifact: Any, source: Any) -> Any:
        ids.append(artifact.id)
        return judge(checker, artifact, source)

    monkeypatch.setattr(Checker, "_judged", note)
    return ids


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[Thread]:
    """Return the threads that are started from now on, as they are; ``threading`` does not count them."""
    started: list[Thread] = []
    start = Thread.start

    def note(thread: Thread) -> None:
        started.append(thread)
        start(thread)

    monkeypatch.setattr(Thread, "start", note)
    return started


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this system have no more threads."""

    def start(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", start)


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
