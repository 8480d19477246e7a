"""What stands: a manifest goes with the first artifact of its target that is not right and comes with the last."""

from __future__ import annotations

from typing import Any

import pytest

from wasmbuild.builder.artifact_statuses import ArtifactStatuses
from wasmbuild.builder.checker import Status
from wasmbuild.builder.examining import SourceFacts

SOURCE = SourceFacts("a" * 64, 8, "module", "a" * 64, (), (), None)


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
def statuses(project: Any, manifests: FakeManifests) -> ArtifactStatuses:
    """Artifacts of which those of one target are right."""
    project.write("a", "b")
    plan = project.session().plan
    fake: Any = manifests
    made = ArtifactStatuses(plan, fake)
    for artifact in plan.artifacts:
        reasons = ("source changed",) if artifact.target.name == "pi" else ()
        made.by_id[artifact.id] = Status(artifact, reasons, source_size=len(artifact.module.name))
    made.count()
    return made


def test_targets_that_are_not_whole_have_no_manifest(statuses: ArtifactStatuses, manifests: FakeManifests) -> None:
    assert manifests.done == ["retract pi"]
    targets = {status.artifact.target.name: status.artifact.target for status in statuses.by_id.values()}
    assert not statuses.is_whole(targets["pi"])
    assert statuses.is_whole(targets["x64"])


def test_the_last_artifact_brings_the_manifest_back(statuses: ArtifactStatuses, manifests: FakeManifests) -> None:
    statuses.settle("a@pi", SOURCE)
    assert manifests.done == ["retract pi"]
    assert [status.artifact.id for status in statuses.outdated()] == ["b@pi"]
    statuses.settle("b@pi", SOURCE)
    assert manifests.done == ["retract pi", "write pi"]
    assert statuses.outdated() == []


def test_what_is_settled_twice_counts_once(statuses: ArtifactStatuses, manifests: FakeManifests) -> None:
    statuses.settle("a@pi", SOURCE)
    statuses.settle("a@pi", SOURCE)
    assert manifests.done == ["retract pi"]


def test_a_doubt_takes_the_manifest_back(statuses: ArtifactStatuses, manifests: FakeManifests) -> None:
    statuses.doubt("a@x64")
    assert manifests.done == ["retract pi", "retract x64"]
    assert statuses.by_id["a@x64"].reasons == ("asked for",)
    statuses.settle("a@x64", SOURCE)
    assert manifests.done[2:] == ["write x64"]


def test_nothing_is_written_of_what_is_not_counted(statuses: ArtifactStatuses, manifests: FakeManifests) -> None:
    statuses.replace(statuses.by_id["a@x64"]._replace(reasons=("it is gone",)), counted=False)
    assert manifests.done == ["retract pi"]
    assert "a@x64" in {status.artifact.id for status in statuses.outdated()}


def test_the_largest_come_first(statuses: ArtifactStatuses) -> None:
    statuses.by_id["b@pi"] = statuses.by_id["b@pi"]._replace(source_size=9)
    assert [status.artifact.id for status in statuses.outdated()] == ["b@pi", "a@pi"]
