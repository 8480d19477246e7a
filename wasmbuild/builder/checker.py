"""Looking: which artifacts are what is declared, and why the others are not."""

from __future__ import annotations

import os
from itertools import repeat

from wasmbuild import files
from wasmbuild.builder import disk, key
from wasmbuild.builder.examining import SourceFacts
from wasmbuild.builder.explain import differences
from wasmbuild.builder.memory import LINK, KnownFile, Memory
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.builder.records import look_at_record, module_digest, read_record
from wasmbuild.builder.sources import SourceReader
from wasmbuild.errors import CompileError, DiskError, ToolchainError, WasmbuildError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wasmbuild.formats.key_inputs import KeyInputs
    from wasmbuild.project.declared import Artifact, Module

    Document = Callable[[Artifact, SourceFacts], KeyInputs]

_NEVER = "never built"
_NONE_MADE: Mapping[str, SourceFacts] = {}


class Status(NamedTuple):
    """Whether an artifact is right.

    ``reasons`` say why it has to be compiled and ``error`` why it cannot be; ``stale_record`` is set where the artifact
    is right but its record says something else than that of a compile would, such as another file that held the same
    module. ``source_size``, in bytes, is that of what was looked at.
    """

    artifact: Artifact
    reasons: tuple[str, ...] = ()
    error: WasmbuildError | None = None
    stale_record: bool = False
    source_size: int = 0

    @property
    def right(self) -> bool:
        return not self.reasons and self.error is None


class Checker:
    """Holds what is there against what is declared.

    An artifact that was found right stays so as long as the signatures of source, record and artifact do, so that to
    look again costs a stat for each.
    """

    def __init__(
        self,
        root: Path,
        files_of_plan: PlanFiles,
        memory: Memory,
        sources: SourceReader,
        document: Document,
        obstacles: Mapping[str, str | None],
    ) -> None:
        """``document`` returns what decides an artifact's bytes; ``obstacles`` say why none is made for a target."""
        self._root = root
        self._files = files_of_plan
        self._memory = memory
        self._sources = sources
        self._document = document
        self._obstacles = obstacles
        self._found_right: dict[str, tuple[str, str, str]] = {}
        self._directories: dict[str, DiskError | None] = {}
        self._real_root = ""
        # Those that are not there, and hold nothing.
        self._absent: set[str] = set()
        # By the digest of the binary.
        self._module_digests: dict[str, str] = {}

    def unchanged(self, artifacts: Mapping[str, Artifact], seen: Sequence[str]) -> dict[str, Status]:
        """Return the artifacts whose files have the signatures that the memory knows, all of which were right then.

        ``seen`` are the signatures, as text, of all files as they are now, "" for what is not there.
        """
        changed = self._memory.changed(self._files.all, seen)
        # An artifact is another one by its record too.
        changed.update([path.removesuffix(filenames.RECORD_SUFFIX) for path in changed])
        # Of thousands: to call the class for each takes four times as long.
        rest = Status(next(iter(artifacts.values())))[1:] if artifacts else ()
        values = zip(artifacts.values(), *map(repeat, rest), strict=False)
        statuses: dict[str, Status] = dict(zip(artifacts, map(tuple.__new__, repeat(Status), values), strict=False))
        wrong = [id for id, path in self._files.artifacts.items() if path in changed]
        if not changed.isdisjoint(self._files.sources):
            modules = {artifact.module.name: artifact.module for artifact in artifacts.values()}
            edited = {name for name, module in modules.items() if str(module.source) in changed}
            wrong += [id for id, artifact in artifacts.items() if artifact.module.name in edited]
        for id in wrong:
            statuses.pop(id, None)
        return statuses

    def believe(self, artifacts: tuple[Artifact, ...]) -> dict[str, Status]:
        """Take all artifacts to be right as long as their files are as ``memory`` knows them; return what it knows."""
        statuses = {}
        for artifact in artifacts:
            if self._note_right(artifact):
                statuses[artifact.id] = Status(artifact)
        return statuses

    def check(
        self,
        artifacts: Iterable[Artifact],
        before: Mapping[str, Status],
        made_from: Mapping[str, SourceFacts] = _NONE_MADE,
    ) -> dict[str, Status]:
        """Find out which artifacts are right; ``before`` is what was found the last time.

        ``made_from`` are the sources of those that were made since, and are right if that was all.
        """
        self._directories, self._absent = {}, set()
        sources: dict[str, SourceFacts | CompileError] = {}
        signatures: dict[str, str | None] = {}
        statuses = {}
        for artifact in artifacts:
            name = artifact.module.name
            if name not in signatures:
                signatures[name] = _signature(str(artifact.module.source), follow=True)
            status = before.get(artifact.id)
            if status is None or not status.right or not self._is_unchanged(artifact, signatures[name]):
                if name not in sources:
                    sources[name] = self._source(artifact.module)
                made = made_from.get(artifact.id)
                believed = status is not None and status.right and _is_same(made, sources[name])
                if status is None or not believed or not self._is_as_made(artifact):
                    status = self._status(artifact, sources[name])
            statuses[artifact.id] = status
        return statuses

    def check_one(self, artifact: Artifact) -> Status:
        """Look at one artifact closely."""
        self._directories, self._absent = {}, set()
        return self._status(artifact, self._source(artifact.module))

    def agrees(self, artifact: Artifact) -> bool:
        """Tell whether an artifact is the very file that its record tells of. Raises DiskError."""
        path = self.path(artifact)
        recorded = look_at_record(self._memory, path + filenames.RECORD_SUFFIX)
        present = self._memory.look(path, follow=False)
        if recorded is None or recorded.facts is None or present is None:
            return False
        return bool(recorded.facts["id"] == artifact.id and recorded.facts["sha256"] == present.sha256)

    def path(self, artifact: Artifact) -> str:
        """Return where an artifact lies."""
        return self._files.artifacts[artifact.id]

    def _note_right(self, artifact: Artifact) -> bool:
        """Note that an artifact is right as long as its files are as the memory knows them, if it knows all of them.

        It knows none that was too young to be trusted, or that was looked at before the build directory was locked:
        such a one is looked at again.
        """
        path = self.path(artifact)
        known = self._memory.all_spelled((str(artifact.module.source), path + filenames.RECORD_SUFFIX, path))
        if known is None:
            return False
        source, record, present = known
        self._found_right[artifact.id] = (source, record, present)
        return True

    def _is_unchanged(self, artifact: Artifact, source: str | None) -> bool:
        found = self._found_right.get(artifact.id)
        if found is None or found[0] != source:
            return False
        path = self.path(artifact)
        return (
            found[2] == _signature(path)
            and found[1] == _signature(path + filenames.RECORD_SUFFIX)
            and self._obstacle(path) is None
        )

    def _is_as_made(self, artifact: Artifact) -> bool:
        """Tell whether an artifact and its record are the files that were made, which are right then."""
        path, confirm = self.path(artifact), self._memory.confirm
        if self._obstacle(path) is not None or not (confirm(path + filenames.RECORD_SUFFIX) and confirm(path)):
            return False
        self._note_right(artifact)
        return True

    def _source(self, module: Module) -> SourceFacts | CompileError:
        try:
            return self._sources.look(module)
        except CompileError as error:
            return error

    def _status(self, artifact: Artifact, source: SourceFacts | CompileError) -> Status:
        self._found_right.pop(artifact.id, None)
        try:
            return self._judged(artifact, source)
        except DiskError as error:
            return Status(artifact, error=error)

    def _judged(self, artifact: Artifact, source: SourceFacts | CompileError) -> Status:
        """Hold what is there against what is declared. Raises DiskError for what cannot be read."""
        if isinstance(source, CompileError):
            return Status(artifact, error=source)
        if obstacle := self._obstacles[artifact.target.name]:
            return Status(artifact, error=ToolchainError(obstacle))
        path = self.path(artifact)
        if (error := self._obstacle(path)) is not None:
            raise error
        if os.path.dirname(path) in self._absent:
            return Status(artifact, (_NEVER,), source_size=source.size)
        recorded = look_at_record(self._memory, path + filenames.RECORD_SUFFIX)
        present = self._memory.look(path, follow=False)
        document = self._document(artifact, source)
        reasons = self._reasons(artifact, source, recorded, present, document)
        stale_record = (
            not reasons
            and recorded is not None
            and present is not None
            and not self._record_is_current(artifact, recorded.facts, source, present.size)
        )
        if not reasons and not stale_record:
            self._note_right(artifact)
        return Status(artifact, tuple(reasons), None, stale_record, source.size)

    def _record_is_current(self, artifact: Artifact, recorded: dict[str, Any], source: SourceFacts, size: int) -> bool:
        """Tell whether a record that has key and digest of an artifact is right in the rest, which manifests repeat."""
        if source.wasm_sha256 not in self._module_digests:
            self._module_digests[source.wasm_sha256] = module_digest(source)
        named = recorded["source"] == [artifact.module.source_text, source.sha256]
        whole = recorded["inputs"] == recorded["key"] and recorded["size"] == size
        return bool(named and whole and recorded["module"] == self._module_digests[source.wasm_sha256])

    def _reasons(
        self,
        artifact: Artifact,
        source: SourceFacts,
        recorded: KnownFile | None,
        present: KnownFile | None,
        document: dict[str, Any],
    ) -> list[str]:
        if recorded is None:
            return [_NEVER if present is None else "its record is missing"]
        if recorded.sha256 == LINK:
            return ["its record is a link, not a file"]
        if recorded.facts is None:
            return ["its record is damaged, or of another version of wasmbuild"]
        if recorded.facts["id"] != artifact.id:
            return [f"its record is that of {recorded.facts['id']}"]
        reasons = []
        if recorded.facts["key"] != key.digest(document):
            inputs = self._recorded_inputs(artifact, source, recorded.facts)
            reasons = differences(inputs, document) or ["its record does not fit its key"]
        if present is None:
            reasons.append("the artifact is missing")
        elif present.sha256 == LINK:
            reasons.append("the artifact is a link, not a file")
        elif present.sha256 != recorded.facts["sha256"]:
            reasons.append("the artifact was changed after it was built")
        return reasons

    def _recorded_inputs(self, artifact: Artifact, source: SourceFacts, recorded: dict[str, Any]) -> dict[str, Any]:
        """Return what an artifact was made of, by its record, which is not read where another source says it all."""
        edited = self._document(artifact, source._replace(wasm_sha256=recorded["wasm"]))
        if key.digest(edited) == recorded["inputs"]:
            return edited
        return dict(read_record(Path(self.path(artifact))).inputs)

    def _obstacle(self, path: str) -> DiskError | None:
        """Return what is wrong with the directory of an artifact; each is looked at once in a check."""
        directory = os.path.dirname(path)
        if directory not in self._directories:
            if not self._directories:
                self._real_root = os.path.realpath(self._root)
            self._directories[directory] = disk.leads_out(self._real_root, directory)
            if not os.path.lexists(directory):
                self._absent.add(directory)
        return self._directories[directory]


def _is_same(one: SourceFacts | None, other: SourceFacts | CompileError) -> bool:
    """Tell whether a source is what it was, by its bytes and the binary that they are; the rest is read of these."""
    if one is None or isinstance(other, CompileError):
        return False
    return (one.sha256, one.wasm_sha256, one.kind) == (other.sha256, other.wasm_sha256, other.kind)


def _signature(path: str, *, follow: bool = False) -> str | None:
    try:
        return files.spelled(os.stat(path) if follow else os.lstat(path))
    except (OSError, ValueError):
        return None
