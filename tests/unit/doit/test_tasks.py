"""The tasks for doit, without a compiler: what is declared, in the best order, and what doit is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import FakeProject
from doit.task import Task

from wasmbuild.builder.checker import Status
from wasmbuild.builder.session import Session
from wasmbuild.builder.workspace import Workspace
from wasmbuild.doit import actions, builds
from wasmbuild.doit.kinds import META, UP_TO_DATE
from wasmbuild.doit.tasks import Declared
from wasmbuild.project.declared import Artifact

ALL = ["a@x64", "b@x64", "a@pi", "b@pi"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProject:
    project = FakeProject(tmp_path)
    project.write("a", "b")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Workspace, "session", lambda workspace, planned=None, looked=None: project.session())
    monkeypatch.setattr(builds, "_builds", {})
    return project


def tasks(project: FakeProject) -> list[dict[str, Any]]:
    builds._builds.clear()
    return list(Declared(builds.BuildArguments(str(project.directory / "wasmbuild.toml"))).tasks())


def test_the_targets_of_all_tasks_are_the_outputs_of_all_steps(project: FakeProject) -> None:
    made = [target for task in tasks(project) for target in task.get("targets", ())]
    assert sorted(made) == sorted(path for step in project.session().plan.steps() for path in step.outputs)


def test_what_is_outdated_comes_first_with_its_reason(project: FakeProject) -> None:
    project.build()
    project.write("b", text="a longer one")
    named = [(task["name"], repr(task["uptodate"][0])) for task in tasks(project) if "@" in (task["name"] or "")]
    assert [name for name, _ in named] == ["b@x64", "b@pi", "a@x64", "a@pi"]
    assert [reason for _, reason in named[:2]] == ["source changed"] * 2


def test_a_whole_build_is_up_to_date_until_something_changes(project: FakeProject) -> None:
    project.build()
    *_, manifests = tasks(project)
    assert manifests["uptodate"][0](Task("compile:manifests", [])) is True
    assert [task["name"] for task in tasks(project)[1:-1]] == ALL
    project.write("b", text="another")
    *_, manifests = tasks(project)
    assert manifests["uptodate"] == [False]


def test_what_the_tasks_do_is_the_build(project: FakeProject) -> None:
    for task in tasks(project)[1:]:
        [(action, arguments)] = task["actions"]
        # What doit gives an action that asks for it.
        given = {"task": Task("compile:manifests", [])} if action is actions.write_manifests else {}
        assert not isinstance(action(*arguments, **given), actions.TaskFailed)
    builds._builds.clear()
    assert project.build() == []


def test_nobody_lets_go_of_a_build_while_a_late_source_is_looked_at(
    project: FakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks(project)
    build = builds.of(builds.BuildArguments(str(project.directory / "wasmbuild.toml")).here())
    look_again, closed = Session.look_again, []

    def look_while_another_lets_go(session: Session, artifact: Artifact) -> Status:
        monkeypatch.setattr(build.steps, "close", lambda: closed.append(artifact.id))
        build.steps.rest()
        return look_again(session, artifact)

    monkeypatch.setattr(Session, "look_again", look_while_another_lets_go)
    project.write("b", text="made by another task")
    assert not build.is_right("b@pi", {"other": Task("other", [])})
    assert closed == []


def test_mistakes_are_a_task_that_fails(project: FakeProject, capsys: pytest.CaptureFixture[str]) -> None:
    project.declare("[project]\nname = 1\n")
    [task] = tasks(project)
    [(action, arguments)] = task["actions"]
    assert "project.name: must be text" in str(action(*arguments).message)
    assert "project.name" in capsys.readouterr().err


def test_sources_are_looked_at_again_where_others_tasks_may_change_them(project: FakeProject) -> None:
    project.build()
    build = builds.of(builds.BuildArguments(str(project.directory / "wasmbuild.toml")).here())
    project.write("b", text="another")
    ours = {"compile:b@pi": Task("compile:b@pi", [], meta={META: UP_TO_DATE})}
    assert build.is_right("b@pi", ours)
    assert not build.is_right("b@pi", {**ours, "other": Task("other", [])})
    assert build.is_right("a@pi", {**ours, "other": Task("other", [])})
