"""doit's own runner over our tasks: it comes to what is to be done, and to nothing that was found right before."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from building import FakeProject
from doit.control import TaskControl
from doit.dependency import Dependency, JsonDB, SqliteDB
from doit.globals import Globals
from doit.loader import generate_tasks
from doit.runner import MThreadRunner, Runner
from doit.task import Stream, Task

from wasmbuild.builder.workspace import Workspace
from wasmbuild.doit import builds
from wasmbuild.doit.kinds import META, OTHER
from wasmbuild.doit.reporter import Reporter
from wasmbuild.doit.tasks import Declared

OUTDATED = {"compile:b@x64", "compile:b@pi"}
RIGHT = {"compile:a@x64", "compile:a@pi"}
ENDING = {"compile:manifests", "compile"}
ASKING = {META: OTHER}


class Watching(Reporter):
    """Notes which of our tasks doit comes to, in order."""

    came_to: list[str]

    def get_status(self, task: Task) -> None:
        self.came_to.append(task.name)


class Doit:
    """A project of which half is outdated, and doit, which is told to run some of its tasks."""

    def __init__(self, project: FakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
        project.write("a", "b")
        project.build()
        project.write("b", text="another")
        self.database = Dependency(SqliteDB, ":memory:")
        self.text = ""
        self.result = 0
        self._project = project
        self._monkeypatch = monkeypatch

    def run(self, *selected: str, also: tuple[Task, ...] = (), runner: Any = Runner, always: bool = False) -> list[str]:
        """Return the names of the tasks that doit came to."""
        declared = Declared(builds.BuildArguments(str(self._project.directory / "wasmbuild.toml")))
        control = TaskControl([*generate_tasks("compile", declared.tasks()), *also])
        control.process(list(selected))
        self._monkeypatch.setattr(Globals, "dep_manager", self.database)
        stream = io.StringIO()
        reporter = Watching(stream, {})
        reporter.came_to = []
        workers = [] if runner is Runner else [2]
        made = runner(self.database, reporter, True, always, Stream(0), *workers)
        self.result = made.run_all(control.task_dispatcher())
        self.text = re.sub(r" in [\d.]+ s", "", stream.getvalue())
        return [name for name in reporter.came_to if not name.startswith("_")]

    @property
    def summary(self) -> str:
        return self.text.splitlines()[-1]


@pytest.fixture
def doit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doit:
    project = FakeProject(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Workspace, "session", lambda workspace, planned=None, looked=None: project.session())
    monkeypatch.setattr(builds, "_builds", {})
    return Doit(project, monkeypatch)


@pytest.mark.parametrize("runner", [Runner, MThreadRunner])
@pytest.mark.parametrize("selected", ["compile", "compile:manifests"])
def test_doit_comes_to_no_artifact_that_was_found_right(doit: Doit, runner: Any, selected: str) -> None:
    assert set(doit.run(selected, runner=runner)) == OUTDATED | {"compile:manifests", selected}
    assert doit.result == 0
    assert doit.summary == "4 artifacts: 2 compiled, 2 up to date"


@pytest.mark.parametrize("runner", [Runner, MThreadRunner])
def test_everything_is_run_where_doit_is_told_so(doit: Doit, runner: Any) -> None:
    assert set(doit.run("compile", runner=runner, always=True)) == OUTDATED | RIGHT | ENDING
    assert doit.result == 0
    assert doit.summary == "4 artifacts: 4 compiled"


def test_what_is_selected_by_name_is_come_to(doit: Doit) -> None:
    assert set(doit.run("compile:manifests", "compile:a@pi")) == {*OUTDATED, "compile:a@pi", "compile:manifests"}
    assert doit.summary == "4 artifacts: 2 compiled, 2 up to date"


@pytest.mark.parametrize(
    "also",
    [
        Task("other", []),
        Task("asks", [], meta=ASKING, getargs={"size": ("compile:a@pi", "size")}),
    ],
    ids=["of somebody else", "that asks what an artifact is"],
)
def test_doit_comes_to_everything_beside_a_task(doit: Doit, also: Task) -> None:
    assert set(doit.run("compile", also=(also,))) == OUTDATED | RIGHT | ENDING
    assert doit.summary == "4 artifacts: 2 compiled, 2 up to date"


def test_doit_comes_to_everything_where_it_may_have_been_told_to_ignore_some(doit: Doit, tmp_path: Path) -> None:
    doit.database = Dependency(JsonDB, str(tmp_path / "doit.json"))
    doit.database.ignore(Task("compile:a@pi", []))
    assert set(doit.run("compile")) == OUTDATED | RIGHT | ENDING
    assert doit.summary == "3 artifacts: 2 compiled, 1 up to date"
