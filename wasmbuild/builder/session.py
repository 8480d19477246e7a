"""One build: what is out of date, compiling it, and what is whole afterwards."""

from __future__ import annotations

from wasmbuild import boundary
from wasmbuild.builder import key, noop
from wasmbuild.builder.artifact_statuses import ArtifactStatuses
from wasmbuild.builder.build_directory import BuildDirectory, record_path
from wasmbuild.builder.cache.answers import NO_CACHE, CacheProblem, RemoteReport
from wasmbuild.builder.checker import Checker, Status
from wasmbuild.builder.compile import LocalCompiler
from wasmbuild.builder.disk import is_forbidden
from wasmbuild.builder.examining import SourceFacts
from wasmbuild.builder.executors.backends import THIS_MACHINE
from wasmbuild.builder.index_file import IndexFile
from wasmbuild.builder.job_slots import ALL_CORES
from wasmbuild.builder.manifests import Manifests
from wasmbuild.builder.scheduler import Scheduler, make
from wasmbuild.builder.shipped_sources import ShippedSources
from wasmbuild.builder.sources import SourceReader
from wasmbuild.builder.survey import Survey
from wasmbuild.builder.upkeep import Upkeep
from wasmbuild.builder.work import ArtifactOutcome, ArtifactWork
from wasmbuild.errors import DiskError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wasmbuild.builder.interfaces import ArtifactCache, ExecutionBackend
    from wasmbuild.builder.key import CompilerIdentity
    from wasmbuild.builder.reproducibility import ReproducibilityResult
    from wasmbuild.formats.key_inputs import KeyInputs
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Artifact, Module, Target
    from wasmbuild.toolchain.find import FoundCompiler
    from wasmbuild.toolchain.toolchain import Toolchain


class Session:
    """One build of a plan: ``check``, ``begin``, ``compile`` what is out of date, ``finish``, ``close``.

    Threads may call ``begin`` and ``compile`` at once; the rest is for the one that owns the session.
    """

    def __init__(
        self,
        plan: Plan,
        looked: noop.Snapshot,
        directory: BuildDirectory,
        toolchain: Toolchain,
        cache: ArtifactCache = NO_CACHE,
        backend: ExecutionBackend = THIS_MACHINE,
    ) -> None:
        """``looked`` is what ``noop.look`` found just now: what it found unchanged is not looked at once more.

        Artifacts are taken from ``cache`` where it has them; ``backend`` is where the others are compiled.
        """
        self.plan = plan
        self.directory = directory
        self._toolchain = toolchain
        self._sources = SourceReader(directory.memory, toolchain.translate, toolchain.translator, directory.write)
        self._noted_as = looked.identity
        self._files = looked.files
        self.artifacts = dict(zip(self._files.artifacts, plan.artifacts, strict=True))
        self._index = IndexFile(plan, directory)
        shipped = ShippedSources(directory, self._binary)
        self._manifests = Manifests(plan, self._files, directory, self._index, shipped, toolchain.compiler)
        self._compiler = LocalCompiler(toolchain, directory.scratch)
        self._cache = cache
        self._backend = backend
        engines = {target.engine.line: target.engine for target in plan.targets}
        self._identities = {line: self._compiler.identity(engine) for line, engine in engines.items()}
        obstacles = {target.name: toolchain.obstacle(target.engine) for target in plan.targets}
        self._checker = Checker(directory.root, self._files, directory.memory, self._sources, self._document, obstacles)
        self._upkeep = Upkeep(plan, directory, self._manifests, self._sources, self._document)
        self._statuses = ArtifactStatuses(plan, self._manifests)
        self._survey = Survey(plan, looked, directory, self._checker, self._manifests, self._statuses)
        self._work = ArtifactWork(
            directory, self._sources, self._manifests, self._statuses, self._identity, toolchain.limits
        )
        self._unwritable: DiskError | None = None
        self._begun = False

    def check(self) -> None:
        """Find out which artifacts are right.

        Raises DiskError when the index cannot be read, DeclarationError when all is another project's.
        """
        self._manifests.refuse_another_project()
        self._survey.check()

    @property
    def statuses(self) -> Mapping[str, Status]:
        """What is known of each artifact, by id: nothing before ``check`` or ``begin``."""
        return self._statuses.by_id

    def outdated(self) -> list[Status]:
        """Return what is not right, the largest sources first, so that none of them is left for the end."""
        return self._statuses.outdated()

    def unfinished(self) -> list[str]:
        """Return the names of targets whose manifest is not there, or not what it should be."""
        return [target.name for target in self.plan.targets if not self._manifests.stands(target)]

    def agrees(self, artifact: Artifact) -> bool:
        """Tell whether an artifact is the very file that its record tells of, right or not. Raises DiskError."""
        return self._checker.agrees(artifact)

    @property
    def has_made(self) -> bool:
        """Whether this build made an artifact or wrote a manifest: there is something new to say of what was built."""
        return self._manifests.written or bool(self._statuses.made_from)

    def path(self, artifact: Artifact) -> Path:
        """Return where an artifact lies."""
        return self.directory.root / artifact.path

    def manifest(self, target: Target) -> Path:
        """Return where the manifest of a target lies."""
        return self._manifests.path(target.name)

    def standing(self) -> Iterator[tuple[Target, list[Artifact], bool]]:
        """Yield each target with its artifacts that are right, and whether it has a manifest that lists them.

        Such a manifest lists all. A target of which nothing stands is left out.
        """
        for target in self.plan.targets:
            artifacts = self._manifests.of_targets()[target.name]
            listed = self._manifests.is_known_right(target)
            right = artifacts if listed else [each for each in artifacts if self.statuses[each.id].right]
            if listed or right:
                yield target, right, listed

    def compiler(self, target: Target) -> FoundCompiler:
        """Return what compiles for a target."""
        return self._toolchain.compiler(target.engine)

    def traits(self, module: Module) -> tuple[str, dict[str, Any] | None]:
        """Return the kind of a module's source, and its traits as manifests have them, None where they are unknown."""
        return self._sources.traits(module)

    def begin(
        self, timeout: float | None = None, on_wait: Callable[[str], None] | None = None, *, careful: bool = False
    ) -> None:
        """Take the build directory and make it say no more than is true; harmless when it was called before.

        What another build did in the meantime is looked at again; manifests of targets that are not whole go, and what
        is no longer declared goes, but with ``careful`` only where nothing is wrong; records and manifests that only
        lack a word are mended.

        Raises DiskError, and DeclarationError, with nothing changed, when the directory is another project's, or what
        would go is what another declaration of this project declares.
        """
        with self._statuses.mutex:
            if self.directory.locked:
                return
            self._manifests.refuse_another_project()
            try:
                waited = self.directory.lock(timeout, on_wait)
            except DiskError as error:
                if not is_forbidden(error) or not self.is_whole():
                    raise
                # Nothing may be written, and nothing has to be.
                self._unwritable = error
                return
            try:
                self._take_up(waited=waited, careful=careful)
            except BaseException:
                # Whoever asks next is told the same, and builds on nothing that was done by half.
                self._begun = False
                self._survey.forget()
                self.directory.unlock()
                raise

    def _take_up(self, *, waited: bool, careful: bool) -> None:
        """Do what ``begin`` does once the directory is locked."""
        if waited:
            self.directory.memory.load()
            self._survey.forget()
            self._manifests.refuse_another_project()
        # What this session itself left the last time it had the directory is known.
        ours = self._begun and self.directory.undisturbed and bool(self.statuses)
        undisturbed = self._survey.recall(ours=ours)
        if not undisturbed:
            self._upkeep.refuse_another_declaration()
        self.directory.remove_leftovers(below=not undisturbed)
        self.directory.forget_noop()
        self.directory.tick()
        if not ours:
            self._cache.expect()
        self._survey.look(ours=ours)
        self._statuses.count()
        if not undisturbed and not (careful and (self.outdated() or self.plan.refused)):
            self._upkeep.tidy()
        self._upkeep.mend_records(self._statuses)
        for target in self.plan.targets:
            if self._statuses.is_whole(target) and not self._manifests.stands(target):
                self._manifests.write(target)
        self._index.write()
        self._begun = True

    def is_whole(self) -> bool:
        """Tell whether artifacts, manifests and index are all as they should be. Raises DiskError."""
        self.check()
        if self.outdated() or not self._index.is_right():
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
                return self._work.fail(artifact.id, self._unwritable)
            self._statuses.doubt(artifact.id)
        # What is compiled all the same is not to come from where it was kept.
        cache = NO_CACHE if status.right else self._cache
        threads = ALL_CORES if parallel else 1
        return make(self._work, artifact.id, threads, self._backend.compiler(self._compiler), cache)

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
        scheduler = Scheduler(self._work, lambda: self._backend.executor(self._compiler, jobs), self._cache)
        ids = [artifact.id for artifact in artifacts]
        self._cache.want(self._work.keys(ids))
        scheduler.run(ids, on_start=lambda id: on_start(self.artifacts[id]), on_done=on_done)
        scheduler.close()

    def compile_again(
        self, artifacts: Sequence[Artifact], *, jobs: int | None, on_done: Callable[[ReproducibilityResult], None]
    ) -> None:
        """Compile artifacts that are right once more, past any cache, and compare; nothing is written beside them.

        Raises HostError, DiskError where this system has no room for what is compiled.
        """
        from wasmbuild.builder.reproducibility import ReproducibilityWork

        with boundary.as_wasmbuild_error():
            self.directory.scratch_elsewhere()
        again = ReproducibilityWork(self._work, lambda id: self.path(self.artifacts[id]))
        scheduler = Scheduler(again, lambda: self._backend.executor(self._compiler, jobs), NO_CACHE)
        scheduler.run([artifact.id for artifact in artifacts], on_start=lambda id: None, on_done=on_done)
        scheduler.close()

    def look_again(self, artifact: Artifact) -> Status:
        """Look again at an artifact that no thread compiles: its source may have changed since ``check``.

        Raises DiskError.
        """
        with self._statuses.mutex:
            if not self.statuses:
                self.check()
            return self._survey.look_again(artifact)

    def finish(self) -> list[str]:
        """Look once more at what was made and write down what is known; return the ids of what changed meanwhile.

        Such an artifact was compiled from a source that has been edited since, or was edited itself. What was right
        before is not looked at: where it changed meanwhile, the next build finds it so. Raises DiskError, after
        all else is done where a target without artifacts leads out.
        """
        if self._unwritable is not None:
            return []
        changed = self._survey.recheck()
        self._manifests.retract({self.statuses[id].artifact.target.name for id in changed})
        self._index.write()
        memory = self.directory.memory
        if not self._survey.as_it_was:
            memory.keep(self._files.all)
        right = not self.outdated() and not self.unfinished()
        signatures = memory.all_spelled(self._files.all) if right else None
        digest = None
        if signatures is not None:
            digest = memory.notes[noop.WHOLE] = noop.digest(signatures)
        self.directory.save()
        if digest is not None:
            self.directory.note_noop(self._noted_as, digest)
        self._manifests.refuse_elsewhere()
        return sorted(changed)

    def touch(self, artifact: Artifact) -> None:
        """Give an artifact that is right, and its record, the present time, as a compile would. Raises DiskError."""
        path = self.path(artifact)
        self._touch(path, record_path(path))

    def touch_manifests(self) -> None:
        """Give the manifests, what they ship and the index the present time, by which Make knows them.

        Raises DiskError.
        """
        shipped = [self.directory.root / path for path in self.plan.shipped_sources()]
        self._touch(*(self._manifests.path(target.name) for target in self.plan.targets), *shipped, self._index.path)

    def _touch(self, *paths: Path) -> None:
        if self._unwritable is None:
            self.directory.touch(*paths)

    def forget_noop(self) -> None:
        """Have the next build look at everything, where this one could note that it need not. Raises DiskError."""
        if self._unwritable is None:
            self.directory.forget_noop()

    def remove_index(self) -> None:
        """Remove the index, by which other builds know that this one passed, where it can be. Raises DiskError."""
        if self._unwritable is None:
            self.directory.remove(self._index.path)

    def close(self) -> None:
        """Write down what is known, end the compilers and let the next build in. Raises DiskError."""
        try:
            if self.directory.locked:
                self._index.catch_up()
                self.directory.save()
        finally:
            self._cache.close()
            self._backend.close()
            self._toolchain.close()
            self.directory.unlock()

    def cache_problem(self) -> CacheProblem | None:
        """Say why nothing, or not all, is taken from the cache of this machine or kept there; None where all is."""
        return self._cache.problem()

    def remote_report(self) -> RemoteReport | None:
        """Return what became of a remote cache, None where there is none."""
        return self._cache.report()

    def _binary(self, module: Module) -> bytes:
        return self._sources.copy(module, self.directory.scratch())[1].read_bytes()

    def _document(self, artifact: Artifact, source: SourceFacts) -> KeyInputs:
        return key.document(artifact.target.engine, self._identity(artifact.target), source.wasm_sha256, source.kind)

    def _identity(self, target: Target) -> CompilerIdentity:
        return self._identities[target.engine.line]
