"""Looking over a build directory: no more closely than what is remembered asks for, and never less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from wasmbuild.builder import noop
from wasmbuild.builder.artifact_statuses import ArtifactStatuses
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.checker import Status
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.builder.survey import Survey


class FakeChecker:
    """Finds right what it is not told to find wrong, and notes what was looked at."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.wrong: set[str] = set()
        self.unseen: set[str] = set()

    def _status(self, artifact: Any) -> Status:
        self.looked.append(artifact.id)
        return Status(artifact, ("wrong",) if artifact.id in self.wrong else ())

    def check(
        self, artifacts: Iterable[Any], before: Mapping[str, Status], made_from: Mapping[str, Any] | None = None
    ) -> dict[str, Status]:
        return {artifact.id: self._status(artifact) for artifact in artifacts}

    def check_one(self, artifact: Any) -> Status:
        return self._status(artifact)

    def unchanged(self, artifacts: Mapping[str, Any], seen: Sequence[str]) -> dict[str, Status]:
        return {id: Status(artifact) for id, artifact in artifacts.items() if id not in self.unseen}


class FakeManifests:
    def __init__(self) -> None:
        self.doubted: set[str] = set()

    def believe(self) -> None:
        pass

    def doubt(self, names: set[str]) -> None:
        self.doubted |= names

    def refuse_another_project(self) -> None:
        pass

    def retract(self, names: Any) -> None:
        pass

    def write(self, target: Any) -> None:
        pass


class Surveyed:
    """A survey of a directory that the last whole build of the plan left, or of another one."""

    def __init__(self, project: Any, monkeypatch: pytest.MonkeyPatch, *, as_it_was: bool) -> None:
        session = project.session()
        self.plan = session.plan
        self.checker, self.manifests = FakeChecker(), FakeManifests()
        manifests: Any = self.manifests
        checker: Any = self.checker
        self.statuses = ArtifactStatuses(self.plan, manifests)
        self.directory = BuildDirectory(Path(project.root))
        there = PlanFiles(self.plan)
        looked = noop.Snapshot(False, there, ["signature"] * len(there.all), [])
        monkeypatch.setattr(noop, "is_of", lambda plan, identity, digest: as_it_was)
        self.survey = Survey(self.plan, looked, self.directory, checker, manifests, self.statuses)


@pytest.fixture
def surveyed(project: Any, monkeypatch: pytest.MonkeyPatch) -> Surveyed:
    project.write("a", "b")
    return Surveyed(project, monkeypatch, as_it_was=True)


def test_what_was_seen_unchanged_is_believed(surveyed: Surveyed) -> None:
    surveyed.checker.unseen = {"b@pi"}
    surveyed.checker.wrong = {"b@pi"}
    surveyed.survey.check()
    assert surveyed.checker.looked == ["b@pi"]
    assert [status.artifact.id for status in surveyed.statuses.outdated()] == ["b@pi"]


def test_when_the_directory_is_taken_only_what_changed_is_looked_at_again(surveyed: Surveyed) -> None:
    surveyed.checker.unseen = {"b@pi"}
    surveyed.survey.check()
    assert surveyed.survey.recall(ours=False)
    surveyed.survey.look(ours=False)
    assert surveyed.checker.looked == ["b@pi", "b@pi"]


def test_after_another_build_all_is_looked_at(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("a", "b")
    other = Surveyed(project, monkeypatch, as_it_was=False)
    assert not other.survey.recall(ours=False)
    other.survey.look(ours=False)
    assert sorted(other.checker.looked) == sorted(artifact.id for artifact in other.plan.artifacts)


def test_what_another_build_did_meanwhile_is_not_believed(surveyed: Surveyed) -> None:
    surveyed.survey.check()
    surveyed.survey.forget()
    assert surveyed.statuses.by_id == {}
    surveyed.statuses.by_id = dict(surveyed.checker.check(surveyed.plan.artifacts, {}))
    surveyed.checker.looked.clear()
    surveyed.survey.look(ours=False)
    assert len(surveyed.checker.looked) == len(surveyed.plan.artifacts)


def test_what_this_process_left_is_known(surveyed: Surveyed) -> None:
    surveyed.survey.check()
    surveyed.checker.looked.clear()
    assert surveyed.survey.recall(ours=True)
    surveyed.survey.look(ours=True)
    assert surveyed.checker.looked == []


def test_a_manifest_is_doubted_where_another_build_made_an_artifact_anew(surveyed: Surveyed) -> None:
    surveyed.checker.unseen = {"b@pi"}
    surveyed.survey.check()
    assert surveyed.manifests.doubted == {"pi"}


def test_of_what_was_touched_it_is_told_what_is_right_no_more(surveyed: Surveyed) -> None:
    surveyed.survey.check()
    surveyed.directory.lock()
    surveyed.statuses.touch("a")
    surveyed.checker.wrong = {"a@x64", "b@x64"}
    surveyed.checker.looked.clear()
    assert surveyed.survey.recheck() == ["a@x64"]
    assert sorted(surveyed.checker.looked) == ["a@pi", "a@x64"]
    surveyed.directory.unlock()


def test_one_artifact_is_looked_at_closely_and_again_in_the_end(surveyed: Surveyed) -> None:
    surveyed.survey.check()
    surveyed.checker.wrong = {"b@x64"}
    b = next(artifact for artifact in surveyed.plan.artifacts if artifact.id == "b@x64")
    assert not surveyed.survey.look_again(b).right
    assert surveyed.statuses.touched == {"b"}
