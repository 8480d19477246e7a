"""One build: what is out of date, compiling it, and what is whole afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wasmbuild.builder import key, noop
from wasmbuild.builder.compile import LocalCompiler, check
from wasmbuild.builder.executors.local import LocalExecutor
from wasmbuild.builder.explain import differences
from wasmbuild.builder.manifests import Manifests, read_record, record_facts, shipped_path
from wasmbuild.builder.request import (
    ALL_CORES,
    NO_CACHE,
    ArtifactCache,
    Compiler,
    CompileRequest,
    CompileResult,
    Executor,
    Labels,
)
from wasmbuild.builder.scheduler import Checked, Prepared, Scheduler, make
from wasmbuild.builder.sources import Source, Sources
from wasmbuild.builder.store import Store, record_path
from wasmbuild.errors import CompileError, StoreError, ToolchainError, WasmbuildError
from wasmbuild.formats import manifest

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact, Module, Target
    from wasmbuild.toolchain.chosen import Toolchain


class Status(NamedTuple):
    """Whether an artifact is right.

    ``reasons`` say why it has to be compiled and ``error`` why it cannot be; ``unnamed`` is set where the artifact is
    right but its record tells of another file that held the same module. ``source_size`` is in bytes.
    """

    artifact: Artifact
    reasons: tuple[str, ...] = ()
    error: WasmbuildError | None = None
    unnamed: bool = False
    source_size: int = 0

    @property
    def right(self) -> bool:
        return not self.reasons and self.error is None


class Outcome(NamedTuple):
    """What became of one artifact: why it was compiled (empty: it was not), and the error where that failed.

    ``size`` is in bytes; ``error`` is a CompileError, ToolchainError or StoreError. ``restored`` is set where it came
    from a cache, ``peak_memory`` is what its compiler took in bytes, where that is known.
    """

    id: str
    reasons: tuple[str, ...]
    seconds: float
    size: int
    error: WasmbuildError | None
    restored: bool = False
    peak_memory: int | None = None


class Session:
    """One build of a plan: ``check``, ``begin``, ``compile`` what is out of date, ``finish``, ``close``.

    Threads may call ``begin`` and ``compile`` at once; the rest is for the one that owns the session.
    """

    def __init__(
        self,
        plan: Plan,
        config: bytes,
        store: Store,
        toolchain: Toolchain,
        cache: ArtifactCache = NO_CACHE,
        executor: Callable[[Compiler, int], Executor] = LocalExecutor,
    ) -> None:
        """``config`` are the bytes of the declaration that the plan was made from.

        Artifacts are taken from ``cache`` where it has them; ``executor`` makes what runs so many compiles at once.
        """
        self.plan = plan
        self._config = config
        self.store = store
        self.artifacts = {artifact.id: artifact for artifact in plan.artifacts}
        self._module_files = {module.source for module in plan.modules}
        self.statuses: dict[str, Status] = {}
        self._toolchain = toolchain
        self._sources = Sources(store.memory, toolchain.translate, toolchain.translator, store.write)
        self._manifests = Manifests(plan, store, toolchain.compiler, self._binary)
        self._compiler = LocalCompiler(toolchain, store.scratch)
        self._cache = cache
        self._executor = executor
        self._prepared: dict[str, Source] = {}
        self._obstacles = {target.name: toolchain.obstacle(target.engine) for target in plan.targets}
        self._mutex = threading.Lock()
        self._wrong: dict[str, int] = {}

    # --- looking

    def check(self) -> None:
        """Find out which artifacts are right.

        Raises StoreError when the index cannot be read, DeclarationError when all is another project's.
        """
        self._manifests.refuse_another_project()
        sources: dict[str, Source | CompileError] = {}
        for artifact in self.plan.artifacts:
            name = artifact.module.name
            if name not in sources:
                sources[name] = self._source(artifact.module)
            self.statuses[artifact.id] = self._status(artifact, sources[name])

    def outdated(self) -> list[Status]:
        """Return what is not right, the largest sources first, so that none of them is left for the end."""
        wrong = (status for status in self.statuses.values() if not status.right)
        return sorted(wrong, key=lambda status: -status.source_size)

    def unfinished(self) -> list[str]:
        """Return the names of targets whose manifest is not there, or not what it should be."""
        return [target.name for target in self.plan.targets if not self._manifests.stands(target)]

    def path(self, artifact: Artifact) -> Path:
        """Return where an artifact lies."""
        return self.store.root / artifact.path

    def _source(self, module: Module) -> Source | CompileError:
        try:
            return self._sources.look(module)
        except CompileError as error:
            return error

    def _status(self, artifact: Artifact, source: Source | CompileError) -> Status:
        try:
            return self._judged(artifact, source)
        except StoreError as error:
            return Status(artifact, error=error)

    def _judged(self, artifact: Artifact, source: Source | CompileError) -> Status:
        """Hold what is there against what is declared. Raises StoreError for what cannot be read."""
        if isinstance(source, CompileError):
            return Status(artifact, error=source)
        if obstacle := self._obstacles[artifact.target.name]:
            return Status(artifact, error=ToolchainError(obstacle))
        path = self.path(artifact)
        recorded = self.store.memory.look(record_path(path), record_facts)
        present = self.store.memory.look(path)
        engine = artifact.target.engine
        document = key.document(engine, self._compiler.identity, source.wasm_sha256, source.kind)
        reasons: list[str] = []
        if recorded is None:
            reasons = ["never built" if present is None else "its record is missing"]
        elif recorded.facts is None:
            reasons = ["its record is damaged"]
        elif recorded.facts["id"] != artifact.id:
            reasons = [f"its record is that of {recorded.facts['id']}"]
        else:
            if recorded.facts["key"] != key.digest(document):
                reasons = differences(dict(read_record(path).inputs), document) or ["its record does not fit its key"]
            if present is None:
                reasons.append("the artifact is missing")
            elif present.sha256 != recorded.facts["sha256"]:
                reasons.append("the artifact was changed after it was built")
        unnamed = (
            not reasons
            and recorded is not None
            and recorded.facts["source"] != [artifact.module.source_text, source.sha256]
        )
        return Status(artifact, tuple(reasons), None, unnamed, source.size)

    # --- writing

    def begin(self, timeout: float | None = None, on_wait: Callable[[str], None] | None = None) -> None:
        """Take the build directory and make it say no more than is true; harmless when it was called before.

        What another build did in the meantime is looked at again; manifests of targets that are not whole go, and what
        is no longer declared goes; records and manifests that only lack a word are mended.

        Raises StoreError, and DeclarationError, with nothing changed, when the directory is another project's.
        """
        with self._mutex:
            if self.store.locked:
                return
            self._manifests.refuse_another_project()
            if self.store.lock(timeout, on_wait):
                self.store.memory.load()
                try:
                    self._manifests.refuse_another_project()
                except BaseException:
                    self.store.unlock()
                    raise
            self.store.forget_noop()
            self.store.tick()
            self.check()
            self._wrong = {target.name: 0 for target in self.plan.targets}
            for status in self.outdated():
                self._wrong[status.artifact.target.name] += 1
            self._remove_undeclared()
            self._manifests.retract({name for name, count in self._wrong.items() if count})
            for status in self.statuses.values():
                if not status.artifact.module.ship_source:
                    self._unship(self.path(status.artifact))
                if status.unnamed:
                    self._rename_source(status.artifact)
            for target in self.plan.targets:
                if not self._wrong[target.name] and not self._manifests.stands(target):
                    self._manifests.write(target)
            self._manifests.write_index()

    def compile(self, artifact: Artifact, *, parallel: bool, force: bool = False) -> Outcome:
        """Bring one artifact up to date, after ``begin``; a failure is part of the outcome.

        With ``parallel`` the compiler may use all cores. With ``force`` an artifact that is right is compiled all the
        same.
        """
        status = self.statuses[artifact.id]
        if status.right:
            if not force:
                return Outcome(artifact.id, (), 0.0, 0, None)
            self._doubt(status)
        return make(self, artifact.id, ALL_CORES if parallel else 1, self._compiler, self._cache)

    def compile_all(
        self,
        artifacts: Sequence[Artifact],
        *,
        jobs: int,
        on_start: Callable[[Artifact], None],
        on_done: Callable[[Outcome], None],
    ) -> None:
        """Compile artifacts that are out of date, ``jobs`` at a time, in the order given.

        ``on_start`` and ``on_done`` are called by this thread. When it is interrupted, the running compilers are killed
        and nothing else is started.
        """
        executor = self._executor(self._compiler, jobs)
        scheduler = Scheduler(self, executor, self._cache)
        ids = [artifact.id for artifact in artifacts]
        scheduler.run(ids, on_start=lambda id: on_start(self.artifacts[id]), on_done=on_done)
        executor.close()

    # What a scheduler works on.

    def prepare(self, id: str) -> Prepared:
        """Return the request for an artifact, and a private file with its binary. Raises WasmbuildError."""
        artifact = self.artifacts[id]
        if (error := self.statuses[id].error) is not None:
            raise error
        source, wasm = self._sources.copy(artifact.module, self.store.scratch())
        self._prepared[id] = source
        request = CompileRequest(
            source.wasm_sha256,
            source.kind,
            artifact.target.engine,
            self._compiler.identity,
            self._toolchain.limits,
            1,
            Labels(artifact.module.source_text, artifact.path),
        )
        return Prepared(request, wasm)

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> Checked:
        """Hold what came back against its request. Raises WasmbuildError."""
        return check(id, request, result, self._prepared[id], self.store.scratch())

    def publish(self, id: str, checked: Checked, result: CompileResult) -> Outcome:
        """Put an artifact into the build directory, with its record. Raises StoreError."""
        status = self.statuses[id]
        self.store.publish(self.path(status.artifact), checked.file, checked.record)
        self._settle(status)
        size = checked.record.size
        return Outcome(id, status.reasons, result.seconds, size, None, result.restored, result.peak_memory)

    def fail(self, id: str, error: WasmbuildError) -> Outcome:
        """Leave the last good artifact where it is."""
        return Outcome(id, self.statuses[id].reasons, 0.0, 0, error)

    def look_again(self, artifact: Artifact) -> Status:
        """Look again at an artifact that no thread compiles: its source may have changed since ``check``.

        Raises StoreError.
        """
        with self._mutex:
            if not self.statuses:
                self.check()
            status = self._status(artifact, self._source(artifact.module))
            before = self.statuses[artifact.id]
            self.statuses[artifact.id] = status
            if self.store.locked and status.right != before.right:
                self._count(artifact.target, 1 if before.right else -1)
            return status

    def finish(self) -> list[str]:
        """Look at everything once more and write down what is known; return the ids of what changed meanwhile.

        Such an artifact was compiled from a source that has been edited since, or was edited itself. Raises StoreError.
        """
        believed = {id for id, status in self.statuses.items() if status.right}
        self.store.settle()
        self.check()
        changed = [id for id in believed if not self.statuses[id].right]
        self._manifests.retract({self.statuses[id].artifact.target.name for id in changed})
        self._manifests.write_index()
        self.store.memory.keep(set(noop.paths(self.plan)))
        right = not self.outdated() and not self.unfinished()
        self.store.save()
        # Last of all: whoever finds the note has nothing to clean up after a build that was killed.
        if right:
            self.store.note_noop(self.plan, self._config)
        return sorted(changed)

    def close(self) -> None:
        """Write down what is known, end the compilers and let the next build in. Raises StoreError."""
        try:
            if self.store.locked:
                self._manifests.name_all()
                self.store.save()
        finally:
            self._toolchain.close()
            self.store.unlock()

    def _binary(self, module: Module) -> bytes:
        return self._sources.copy(module, self.store.scratch())[1].read_bytes()

    def _doubt(self, status: Status) -> None:
        """Take an artifact that is right for one that is not."""
        with self._mutex:
            self.statuses[status.artifact.id] = status._replace(reasons=("asked for",))
            self._count(status.artifact.target, 1)

    def _settle(self, status: Status) -> None:
        """Note that an artifact is right now; the last one of a target brings its manifest back."""
        with self._mutex:
            self.statuses[status.artifact.id] = status._replace(reasons=())
            self._count(status.artifact.target, -1)

    def _count(self, target: Target, more: int) -> None:
        """Count what is wrong: a target's manifest goes with the first such artifact and comes with the last."""
        self._wrong[target.name] += more
        if not self._wrong[target.name]:
            self._manifests.write(target)
        elif more > 0:
            self._manifests.retract([target.name])

    def _remove_undeclared(self) -> None:
        declared = {self.path(artifact) for artifact in self.plan.artifacts}
        orphans = self.store.orphans(declared)
        undeclared = self._manifests.undeclared()
        touched = {path.relative_to(self.store.root).parts[0] for path in orphans}
        self._manifests.retract(touched.union(undeclared))
        for path in orphans:
            self._unship(path)
            self.store.remove(path, record_path(path))
            self.store.sweep(path.parent)
        for name in undeclared:
            self.store.sweep(self.store.root / name)

    def _unship(self, artifact: Path) -> None:
        """Remove the source that was shipped beside an artifact, if that is what the file holds."""
        path = shipped_path(artifact)
        if path in self._module_files:
            return
        try:
            seen = self.store.memory.look(path)
            record = self.store.memory.look(record_path(artifact), record_facts)
        except StoreError:
            # A directory, say: whatever it is, it is not known to be ours.
            return
        if seen is not None and record is not None and record.facts and seen.sha256 == record.facts["wasm"]:
            self._manifests.retract([artifact.relative_to(self.store.root).parts[0]])
            self.store.remove(path)

    def _rename_source(self, artifact: Artifact) -> None:
        """Let a record name the file that holds its module now."""
        path = self.path(artifact)
        source = self._sources.look(artifact.module)
        named = manifest.Source(artifact.module.source_text, source.sha256)
        self._manifests.retract([artifact.target.name])
        self.store.write(record_path(path), read_record(path)._replace(source=named).to_bytes())
