"""What stands: a manifest goes with the first artifact of its target that is not right and comes with the last."""

from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.builder.checker import Status
from wasmbuild.builder.standing import Standing


class FakeManifests:
    """Notes what is written and removed."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def write(self, target: Any) -> None:
        self.done.append(f"write {target.name}")

    def retract(self, names: Any) -> None:
        self.done += [f"retract {name}" for name in sorted(names)]


@pytest.fixture
def manifests() -> FakeManifests:
    return FakeManifests()


@pytest.fixture
def standing(project: Any, manifests: FakeManifests) -> Standing:
    """Artifacts of which those of one target are right."""
    project.write("a", "b")
    plan = project.session().plan
    fake: Any = manifests
    made = Standing(plan, fake)
    for artifact in plan.artifacts:
        reasons = ("source changed",) if artifact.target.name == "pi" else ()
        made.statuses[artifact.id] = Status(artifact, reasons, source_size=len(artifact.module.name))
    made.count()
    return made


def test_targets_that_are_not_whole_have_no_manifest(standing: Standing, manifests: FakeManifests) -> None:
    assert manifests.done == ["retract pi"]
    targets = {status.artifact.target.name: status.artifact.target for status in standing.statuses.values()}
    assert not standing.is_whole(targets["pi"])
    assert standing.is_whole(targets["x64"])


def test_the_last_artifact_brings_the_manifest_back(standing: Standing, manifests: FakeManifests) -> None:
    standing.settle("a@pi")
    assert manifests.done == ["retract pi"]
    assert [status.artifact.id for status in standing.outdated()] == ["b@pi"]
    standing.settle("b@pi")
    assert manifests.done == ["retract pi", "write pi"]
    assert standing.outdated() == []


def test_what_is_settled_twice_counts_once(standing: Standing, manifests: FakeManifests) -> None:
    standing.settle("a@pi")
    standing.settle("a@pi")
    assert manifests.done == ["retract pi"]


def test_a_doubt_takes_the_manifest_back(standing: Standing, manifests: FakeManifests) -> None:
    standing.doubt("a@x64")
    assert manifests.done == ["retract pi", "retract x64"]
    assert standing.statuses["a@x64"].reasons == ("asked for",)
    standing.settle("a@x64")
    assert manifests.done[2:] == ["write x64"]


def test_nothing_is_written_of_what_is_not_counted(standing: Standing, manifests: FakeManifests) -> None:
    standing.replace(standing.statuses["a@x64"]._replace(reasons=("it is gone",)), counted=False)
    assert manifests.done == ["retract pi"]
    assert "a@x64" in {status.artifact.id for status in standing.outdated()}


def test_the_largest_come_first(standing: Standing) -> None:
    standing.statuses["b@pi"] = standing.statuses["b@pi"]._replace(source_size=9)
    assert [status.artifact.id for status in standing.outdated()] == ["b@pi", "a@pi"]
