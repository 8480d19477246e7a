"""One build: what is out of date, compiling it, and what is whole afterwards."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from wasmbuild.builder import key, noop
from wasmbuild.builder.build_directory import BuildDirectory
from wasmbuild.builder.checker import Checker, Status
from wasmbuild.builder.compile import LocalCompiler, check
from wasmbuild.builder.disk import is_forbidden
from wasmbuild.builder.executors.places import HERE
from wasmbuild.builder.manifests import Manifests
from wasmbuild.builder.plan_files import PlanFiles
from wasmbuild.builder.records import facts_of
from wasmbuild.builder.request import (
    ALL_CORES,
    NO_CACHE,
    ArtifactCache,
    CheckedArtifact,
    CompileRequest,
    CompileResult,
    Labels,
    Place,
    Prepared,
    RemoteReport,
)
from wasmbuild.builder.scheduler import Scheduler, make
from wasmbuild.builder.sources import SourceFacts, SourceReader
from wasmbuild.builder.upkeep import Upkeep
from wasmbuild.errors import CompileError, DiskError, WasmbuildError
from wasmbuild.lean_typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from wasmbuild.builder.key import CompilerIdentity
    from wasmbuild.builder.reproducible import Compared
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact, Module, Target
    from wasmbuild.toolchain.find import FoundCompiler
    from wasmbuild.toolchain.toolchain import Toolchain


class ArtifactOutcome(NamedTuple):
    """What became of one artifact: why it was compiled (empty: it was not), and the error where that failed.

    ``size`` is in bytes; ``error`` is a CompileError, ToolchainError or DiskError. ``restored`` is set where it came
    from a cache, ``peak_memory`` is what its compiler took in bytes, where that is known. ``worker`` is the machine of
    a cluster that compiled it.
    """

    id: str
    reasons: tuple[str, ...]
    seconds: float
    size: int
    error: WasmbuildError | None
    restored: bool = False
    peak_memory: int | None = None
    worker: str | None = None


class Session:
    """One build of a plan: ``check``, ``begin``, ``compile`` what is out of date, ``finish``, ``close``.

    Threads may call ``begin`` and ``compile`` at once; the rest is for the one that owns the session.
    """

    def __init__(
        self,
        plan: Plan,
        config: bytes,
        directory: BuildDirectory,
        toolchain: Toolchain,
        cache: ArtifactCache = NO_CACHE,
        place: Place = HERE,
        looked: noop.Look | None = None,
    ) -> None:
        """``config`` are the bytes of the declaration that the plan was made from.

        ``looked`` is what ``noop.look`` found just now: what it found unchanged is not looked at once more.
        Artifacts are taken from ``cache`` where it has them; ``place`` is where the others are compiled.
        """
        self.plan = plan
        self._config = config
        self.directory = directory
        self.artifacts = {artifact.id: artifact for artifact in plan.artifacts}
        self.statuses: dict[str, Status] = {}
        self._toolchain = toolchain
        self._sources = SourceReader(directory.memory, toolchain.translate, toolchain.translator, directory.write)
        self._files = PlanFiles(plan) if looked is None else looked.files
        self._manifests = Manifests(plan, self._files, directory, toolchain.compiler, self._binary)
        self._compiler = LocalCompiler(toolchain, directory.scratch)
        self._cache = cache
        self._place = place
        self._prepared: dict[str, SourceFacts] = {}
        engines = {target.engine.line: target.engine for target in plan.targets}
        self._identities = {line: self._compiler.identity(engine) for line, engine in engines.items()}
        obstacles = {target.name: toolchain.obstacle(target.engine) for target in plan.targets}
        self._checker = Checker(directory.root, self._files, directory.memory, self._sources, self._document, obstacles)
        self._upkeep = Upkeep(plan, directory, self._manifests, self._sources, self._document)
        self._mutex = threading.Lock()
        self._wrong: dict[str, int] = {}
        self._unwritable: DiskError | None = None
        self._believing = False
        self._seen: Mapping[str, str] = {} if looked is None else looked.signatures
        # Statuses stand for what was just looked at.
        self._fresh = False
        # Artifacts that were as the last whole build left them, as ``seen`` had it.
        self._unchanged: set[str] = set()
        self._as_it_was = False
        self._begun = False
        # Modules of which something was looked at again or made: their artifacts are looked at in the end.
        self._touched: set[str] = set()

    # --- looking

    def check(self) -> None:
        """Find out which artifacts are right.

        Raises DiskError when the index cannot be read, DeclarationError when all is another project's.
        """
        self._manifests.refuse_another_project()
        if not self.statuses and self._is_as_it_was():
            self._believe()
        before = self.statuses
        if self._fresh:
            self._fresh = False
            rest = [artifact for artifact in self.plan.artifacts if artifact.id not in before]
            self.statuses = {**before, **self._checker.check(rest, {})}
        else:
            self.statuses = self._checker.check(self.plan.artifacts, before)
        if self._believing:
            # Another build may have made one anew, record and all: it is right, and a manifest that was is not.
            self._believing = False
            anew = (status for id, status in self.statuses.items() if status.right and status is not before.get(id))
            self._manifests.doubt({status.artifact.target.name for status in anew})

    def outdated(self) -> list[Status]:
        """Return what is not right, the largest sources first, so that none of them is left for the end."""
        wrong = (status for status in self.statuses.values() if not status.right)
        return sorted(wrong, key=lambda status: -status.source_size)

    def unfinished(self) -> list[str]:
        """Return the names of targets whose manifest is not there, or not what it should be."""
        return [target.name for target in self.plan.targets if not self._manifests.stands(target)]

    def agrees(self, artifact: Artifact) -> bool:
        """Tell whether an artifact is the very file that its record tells of, right or not. Raises DiskError."""
        return self._checker.agrees(artifact)

    @property
    def has_written(self) -> bool:
        """Whether this build wrote a manifest: there is something new to say of what was built."""
        return self._manifests.written

    def path(self, artifact: Artifact) -> Path:
        """Return where an artifact lies."""
        return self.directory.root / artifact.path

    def manifest(self, target: Target) -> Path:
        """Return where the manifest of a target lies."""
        return self._manifests.path(target.name)

    def listed(self) -> Iterator[tuple[Target, list[Artifact]]]:
        """Yield the targets whose manifests are known to be right, with the artifacts that they list."""
        for target in self.plan.targets:
            if self._manifests.is_known_right(target):
                yield target, self._manifests.of_targets()[target.name]

    def compiler(self, target: Target) -> FoundCompiler:
        """Return what compiles for a target."""
        return self._toolchain.compiler(target.engine)

    def traits(self, module: Module) -> tuple[str, dict[str, Any] | None]:
        """Return the kind of a module's source, and its traits as manifests have them, None where they are unknown."""
        return self._sources.traits(module)

    def _believe(self) -> None:
        """Take all to be as the last whole build left it, but for files whose signatures are others by now."""
        self._believing = True
        if self._seen:
            self._fresh = True
            self.statuses = self._checker.unchanged(self.plan.artifacts, self._seen)
            self._unchanged = set(self.statuses)
            self._seen = {}
        else:
            self.statuses = self._checker.believe(self.plan.artifacts)
        self._manifests.believe()

    def _is_as_it_was(self) -> bool:
        """Tell whether what is remembered is what the last whole build of this plan found."""
        return noop.is_of(self.plan, self._config, self.directory.memory.notes.get(noop.WHOLE))

    def _document(self, artifact: Artifact, source: SourceFacts) -> dict[str, Any]:
        return key.document(artifact.target.engine, self._identity(artifact.target), source.wasm_sha256, source.kind)

    def _identity(self, target: Target) -> CompilerIdentity:
        return self._identities[target.engine.line]

    # --- writing

    def begin(self, timeout: float | None = None, on_wait: Callable[[str], None] | None = None) -> None:
        """Take the build directory and make it say no more than is true; harmless when it was called before.

        What another build did in the meantime is looked at again; manifests of targets that are not whole go, and what
        is no longer declared goes; records and manifests that only lack a word are mended.

        Raises DiskError, and DeclarationError, with nothing changed, when the directory is another project's.
        """
        with self._mutex:
            if self.directory.locked:
                return
            self._manifests.refuse_another_project()
            try:
                waited = self.directory.lock(timeout, on_wait)
            except DiskError as error:
                if not is_forbidden(error) or not self.is_whole():
                    raise
                # Nothing can be written, and nothing has to be.
                self._unwritable = error
                return
            if waited:
                self.directory.memory.load()
                self.statuses, self._seen, self._unchanged = {}, {}, set()
                try:
                    self._manifests.refuse_another_project()
                except BaseException:
                    self.directory.unlock()
                    raise
            # What this session itself left the last time it had the directory is known.
            ours = self._begun and self.directory.undisturbed and bool(self.statuses)
            as_it_was = self._as_it_was = (ours and self._as_it_was) or self._is_as_it_was()
            self.directory.remove_leftovers(below=not (as_it_was or ours))
            if as_it_was and not self.statuses:
                self._believe()
            self._seen = {}
            self.directory.forget_noop()
            self.directory.tick()
            if ours:
                pass
            elif as_it_was and self._unchanged and not self._fresh:
                # Nobody has built since: what was not as it was then is looked at again, now that there is a clock.
                rest = [artifact for artifact in self.plan.artifacts if artifact.id not in self._unchanged]
                self.statuses.update(self._checker.check(rest, {}))
            else:
                self.check()
            self._wrong = {target.name: 0 for target in self.plan.targets}
            for status in self.outdated():
                self._wrong[status.artifact.target.name] += 1
            self._manifests.retract({name for name, count in self._wrong.items() if count})
            if not (as_it_was or ours):
                self._upkeep.tidy()
            self._upkeep.mend_records(self.statuses.values())
            self._touched.update(status.artifact.module.name for status in self.statuses.values() if status.untold)
            for target in self.plan.targets:
                if not self._wrong[target.name] and not self._manifests.stands(target):
                    self._manifests.write(target)
            self._manifests.write_index()
            self._begun = True

    def is_whole(self) -> bool:
        """Tell whether artifacts, manifests and index are all as they should be. Raises DiskError."""
        self.check()
        if self.outdated() or not self._manifests.index_is_right():
            return False
        return all(self._manifests.stands(target) or self._manifests.is_written(target) for target in self.plan.targets)

    def compile(self, artifact: Artifact, *, parallel: bool, force: bool = False) -> ArtifactOutcome:
        """Bring one artifact up to date, after ``begin``; a failure is part of the outcome.

        With ``parallel`` the compiler may use all cores. With ``force`` an artifact that is right is compiled all the
        same.
        """
        status = self.statuses[artifact.id]
        if status.right:
            if not force:
                return ArtifactOutcome(artifact.id, (), 0.0, 0, None)
            if self._unwritable is not None:
                return self.fail(artifact.id, self._unwritable)
            self._doubt(status)
        # What is compiled all the same is not to come from where it was kept.
        cache = NO_CACHE if status.right else self._cache
        return make(self, artifact.id, ALL_CORES if parallel else 1, self._place.compiler(self._compiler), cache)

    def compile_all(
        self,
        artifacts: Sequence[Artifact],
        *,
        jobs: int | None,
        on_start: Callable[[Artifact], None],
        on_done: Callable[[ArtifactOutcome], None],
    ) -> None:
        """Compile artifacts that are out of date, ``jobs`` at a time, in the order given; by default as many as can be.

        ``on_start`` and ``on_done`` are called by this thread. When it is interrupted, the running compilers are killed
        and nothing else is started.
        """
        executor = self._place.executor(self._compiler, jobs)
        scheduler = Scheduler(self, executor, self._cache)
        ids = [artifact.id for artifact in artifacts]
        self._cache.want(self._keys(artifacts))
        scheduler.run(ids, on_start=lambda id: on_start(self.artifacts[id]), on_done=on_done)
        executor.close()

    def compile_again(
        self, artifacts: Sequence[Artifact], *, jobs: int | None, on_done: Callable[[Compared], None]
    ) -> None:
        """Compile artifacts that are right once more, past any cache, and compare; nothing is published."""
        from wasmbuild.builder.reproducible import Again

        executor = self._place.executor(self._compiler, jobs)
        again = Again(self, lambda id: self.path(self.artifacts[id]))
        scheduler = Scheduler(again, executor, NO_CACHE)
        scheduler.run([artifact.id for artifact in artifacts], on_start=lambda id: None, on_done=on_done)
        executor.close()

    # What a scheduler works on.

    def request(self, id: str) -> CompileRequest:
        """Return the request for an artifact, whose source may be as it was when it was looked at.

        Raises WasmbuildError.
        """
        artifact = self._possible(id)
        return self._request(artifact, self._sources.known(artifact.module))

    def scratch(self) -> Path:
        """Return a private directory for files on their way into the build directory. Raises DiskError."""
        return self.directory.scratch()

    def prepare(self, id: str) -> Prepared:
        """Return the request for an artifact, and a private file with its binary. Raises WasmbuildError."""
        artifact = self._possible(id)
        source, wasm = self._sources.copy(artifact.module, self.directory.scratch())
        return Prepared(self._request(artifact, source), wasm)

    def _possible(self, id: str) -> Artifact:
        if (error := self.statuses[id].error) is not None:
            raise error
        return self.artifacts[id]

    def _request(self, artifact: Artifact, source: SourceFacts) -> CompileRequest:
        self._prepared[artifact.id] = source
        return CompileRequest(
            source.wasm_sha256,
            source.kind,
            artifact.target.engine,
            self._identity(artifact.target),
            self._toolchain.limits,
            1,
            Labels(artifact.module.shown, artifact.path),
        )

    def check_result(self, id: str, request: CompileRequest, result: CompileResult) -> CheckedArtifact:
        """Hold what came back against its request. Raises WasmbuildError."""
        source_text = self.artifacts[id].module.source_text
        return check(id, source_text, request, result, self._prepared[id], self.directory.scratch())

    def publish(self, id: str, checked: CheckedArtifact, result: CompileResult) -> ArtifactOutcome:
        """Put an artifact into the build directory, with its record. Raises DiskError."""
        status = self.statuses[id]
        self._touched.add(status.artifact.module.name)
        path, facts = self.path(status.artifact), facts_of(checked.record)
        data = self.directory.publish(path, checked.file, checked.record, checked.stamped, facts)
        self._manifests.published(status.artifact, checked.record, data)
        self._settle(status)
        size = checked.record.size
        return ArtifactOutcome(
            id, status.reasons, result.seconds, size, None, result.restored, result.peak_memory, result.worker
        )

    def fail(self, id: str, error: WasmbuildError) -> ArtifactOutcome:
        """Leave the last good artifact where it is."""
        self._touched.add(self.artifacts[id].module.name)
        return ArtifactOutcome(id, self.statuses[id].reasons, 0.0, 0, error)

    def look_again(self, artifact: Artifact) -> Status:
        """Look again at an artifact that no thread compiles: its source may have changed since ``check``.

        Raises DiskError.
        """
        with self._mutex:
            if not self.statuses:
                self.check()
            self._touched.add(artifact.module.name)
            self._unchanged.discard(artifact.id)
            status = self._checker.check_one(artifact)
            before = self.statuses[artifact.id]
            self.statuses[artifact.id] = status
            if self.directory.locked and status.right != before.right:
                self._count(artifact.target, 1 if before.right else -1)
            return status

    def finish(self) -> list[str]:
        """Look once more at what was made and write down what is known; return the ids of what changed meanwhile.

        Such an artifact was compiled from a source that has been edited since, or was edited itself. What was right
        before is not looked at: where it changed meanwhile, the next build finds it so. Raises DiskError.
        """
        if self._unwritable is not None:
            return []
        believed = {id for id, status in self.statuses.items() if status.right}
        young = self.directory.memory.young
        self._touched.update(module.name for module in self.plan.modules if str(module.source) in young)
        self.directory.settle()
        touched = [artifact for artifact in self.plan.artifacts if artifact.module.name in self._touched]
        self.statuses.update(self._checker.check(touched, self.statuses))
        changed = [id for id in believed if not self.statuses[id].right]
        self._manifests.retract({self.statuses[id].artifact.target.name for id in changed})
        self._manifests.write_index()
        memory = self.directory.memory
        if not self._as_it_was:
            memory.keep(set(self._files.all))
        right = not self.outdated() and not self.unfinished()
        digest = noop.digest(self._files, memory.spelled) if right else None
        if digest is not None:
            memory.notes[noop.WHOLE] = digest
        self.directory.save()
        # Last of all: whoever finds the note has nothing to clean up after a build that was killed.
        if digest is not None:
            self.directory.note_noop(self.plan, self._config, digest)
        return sorted(changed)

    def touch_manifests(self) -> None:
        """Give the manifests and the index the present time, by which Make knows them. Raises DiskError."""
        self.directory.touch(
            *(self._manifests.path(target.name) for target in self.plan.targets), self._manifests.index
        )

    def close(self) -> None:
        """Write down what is known, end the compilers and let the next build in. Raises DiskError."""
        try:
            if self.directory.locked:
                self._manifests.name_all()
                self.directory.save()
        finally:
            self._cache.close()
            self._place.close()
            self._toolchain.close()
            self.directory.unlock()

    def remote_report(self) -> RemoteReport | None:
        """Return what became of a remote cache, None where there is none."""
        return self._cache.report()

    def _keys(self, artifacts: Sequence[Artifact]) -> Iterator[str]:
        for artifact in artifacts:
            if self.statuses[artifact.id].error is None:
                with contextlib.suppress(CompileError):
                    yield key.digest(self._document(artifact, self._sources.look(artifact.module)))

    def _binary(self, module: Module) -> bytes:
        return self._sources.copy(module, self.directory.scratch())[1].read_bytes()

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
