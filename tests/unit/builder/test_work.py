"""What a scheduler works on: requests of what can be made, and what is published, counted and left after a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import FakeCompiler

from wasmbuild import files
from wasmbuild.builder.artifact_statuses import ArtifactStatuses
from wasmbuild.builder.checker import Status
from wasmbuild.builder.examining import SourceFacts
from wasmbuild.builder.key import CompilerIdentity
from wasmbuild.builder.request import CompileRequest
from wasmbuild.builder.work import ArtifactWork
from wasmbuild.errors import CompileError, DiskError, UsageError, WasmbuildError
from wasmbuild.formats.record import Record
from wasmbuild.toolchain.limits import ProcessLimits

IDENTITY = CompilerIdentity("48.0.2", "c" * 64)


def facts(sha256: str) -> SourceFacts:
    return SourceFacts(sha256, 8, "module", sha256, (), (), None)


class FakeSources:
    """Modules whose sources have digests that are made up; what is copied may have another one than what was known."""

    def __init__(self) -> None:
        self.known_digest = self.copied_digest = "a" * 64

    def known(self, module: Any) -> SourceFacts:
        return facts(self.known_digest)

    def looked(self, module: Any) -> SourceFacts:
        return facts(self.known_digest)

    def copy(self, module: Any, directory: Path) -> tuple[SourceFacts, Path]:
        return facts(self.copied_digest), directory / f"{module.name}.wasm"


class FakeDirectory:
    """Notes what is published, in the order of events that it shares with the manifests."""

    def __init__(self, directory: Path, events: list[str]) -> None:
        self.root = "/build"
        self.full = False
        self.records: dict[str, Record] = {}
        self._scratch = directory
        self._events = events

    def scratch(self) -> Path:
        return self._scratch

    def publish(
        self, path: str, file: Path | str, record: Record, stamped: files.Signature | None, facts: object
    ) -> str:
        if self.full:
            raise DiskError(f"{path}: no space")
        self._events.append("publish")
        self.records[path] = record
        return "e" * 64


class FakeManifests:
    def __init__(self, events: list[str]) -> None:
        self._events = events

    def published(self, artifact: Any, record: Record, sha256: str) -> None:
        assert sha256 == "e" * 64
        self._events.append(f"published {artifact.id}")

    def write(self, target: Any) -> None:
        self._events.append(f"write {target.name}")

    def retract(self, names: Any) -> None:
        pass


class Room:
    """Work on a plan of which no artifact is right, for a compiler that makes everything up."""

    def __init__(self, project: Any, directory: Path) -> None:
        self.events: list[str] = []
        self.sources = FakeSources()
        self.directory = FakeDirectory(directory, self.events)
        self.compiler = FakeCompiler()
        project.write("a")
        session = project.session()
        manifests: Any = FakeManifests(self.events)
        self.statuses = ArtifactStatuses(session.plan, manifests)
        for artifact in session.plan.artifacts:
            self.statuses.by_id[artifact.id] = Status(artifact, ("source changed",))
        self.statuses.count()
        build_directory: Any = self.directory
        sources: Any = self.sources
        self.work = ArtifactWork(
            build_directory, sources, manifests, self.statuses, lambda target: IDENTITY, ProcessLimits()
        )

    def make(self, id: str) -> Any:
        """Take an artifact all the way, as a scheduler does."""
        request, wasm = self.work.prepare(id)
        result = self.compiler.compile(request, wasm)
        return self.work.publish(id, self.work.check_result(id, request, result), result)

    def forbid(self, id: str, error: WasmbuildError) -> None:
        self.statuses.by_id[id] = self.statuses.by_id[id]._replace(error=error)


@pytest.fixture
def room(project: Any, tmp_path: Path) -> Room:
    return Room(project, tmp_path)


def test_a_request_says_what_is_compiled_for_whom_and_no_path_decides_it(room: Room) -> None:
    request = room.work.request("a@pi")
    assert (request.wasm_sha256, request.kind, request.compiler) == ("a" * 64, "module", IDENTITY)
    assert request.engine.triple.architecture == "aarch64"
    assert (Path(request.labels.source).name, request.labels.artifact) == ("a.wasm", "pi/a.cwasm")
    assert request.key() == request._replace(labels=request.labels._replace(source="elsewhere")).key()
    assert request.key() != room.work.request("a@x64").key()


def test_what_was_copied_is_compiled_not_what_was_known(room: Room) -> None:
    """A source may change between a look at it and its compile: the bytes that are compiled make the key."""
    room.sources.copied_digest = "b" * 64
    before = room.work.request("a@pi")
    room.make("a@pi")
    (record,) = room.directory.records.values()
    assert record.source.sha256 == record.wasm_sha256 == "b" * 64
    assert record.key != before.key()


def test_keys_pass_over_what_cannot_be_made(room: Room) -> None:
    expected = room.work.request("a@x64").key()
    room.forbid("a@pi", UsageError("no compiler"))
    assert list(room.work.keys(["a@pi", "a@x64"])) == [expected]
    for ask in (room.work.request, room.work.prepare):
        with pytest.raises(UsageError, match="no compiler"):
            ask("a@pi")


def test_the_manifest_comes_after_the_last_artifact_and_its_entry(room: Room) -> None:
    outcome = room.make("a@pi")
    assert room.events == ["publish", "published a@pi", "write pi"]
    assert (outcome.id, outcome.reasons, outcome.seconds) == ("a@pi", ("source changed",), 1.0)
    assert (outcome.error, outcome.restored, outcome.peak_memory) == (None, False, 7)
    assert [path.replace("\\", "/") for path in room.directory.records] == ["/build/pi/a.cwasm"]
    assert outcome.size == next(iter(room.directory.records.values())).size
    assert room.statuses.by_id["a@pi"].right
    assert room.statuses.touched == {"a"}


def test_what_could_not_be_published_is_not_right(room: Room) -> None:
    room.directory.full = True
    with pytest.raises(DiskError, match="no space"):
        room.make("a@pi")
    assert room.events == []
    assert not room.statuses.by_id["a@pi"].right


def test_a_failure_is_told_and_changes_nothing_but_that_its_module_is_looked_at_again(room: Room) -> None:
    error = CompileError("a@pi: refused")
    outcome = room.work.fail("a@pi", error)
    assert (outcome.error, outcome.size, outcome.reasons) == (error, 0, ("source changed",))
    assert room.events == []
    assert not room.statuses.by_id["a@pi"].right
    assert room.statuses.touched == {"a"}


def test_an_answer_to_another_request_is_refused(room: Room) -> None:
    request: CompileRequest = room.work.prepare("a@pi").request
    other = room.compiler.compile(room.work.request("a@x64"), Path("a.wasm"))
    with pytest.raises(CompileError, match="answered with the artifact of another request"):
        room.work.check_result("a@pi", request, other)
