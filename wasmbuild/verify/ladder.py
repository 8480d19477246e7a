"""One run: every artifact climbs from level to level until one does not hold or the highest is reached."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from functools import partial

from wasmbuild.errors import ChildError, WasmbuildError
from wasmbuild.formats import layouts
from wasmbuild.formats.manifest import Manifest, ManifestArtifact
from wasmbuild.formats.typed_cases import need_wasi_3
from wasmbuild.project.declared import Target
from wasmbuild.project.keys import dotted
from wasmbuild.project.levels import LEVELS
from wasmbuild.shipment.source import ShipmentSource
from wasmbuild.text import quoted
from wasmbuild.toolchain.limits import ProcessLimits
from wasmbuild.verify.compare_targets import TargetComparison
from wasmbuild.verify.consistent import Consistent
from wasmbuild.verify.host_errors import unverified
from wasmbuild.verify.intact import Intact, IntactArtifact
from wasmbuild.verify.library_loader import LibraryLoader
from wasmbuild.verify.loaded import Loaders, LoadingMethod, Untestable
from wasmbuild.verify.loading import LoadOutcome
from wasmbuild.verify.outcomes import Broken, Obstacle, Unreachable, Verdict, entry
from wasmbuild.verify.reference import References
from wasmbuild.verify.report import Report
from wasmbuild.verify.tools import Tools

INTACT, CONSISTENT, LOADED, TESTED = LEVELS


class Verifier:
    """Judges the artifacts of one manifest after the other; verdicts come in any order and from any thread.

    ``level`` is the one level that is demanded, and no higher one is tried; with None all are tried, and those are
    demanded that manifests demand or this host can reach. ``targets`` are declared, for their runners.
    """

    def __init__(self, tools: Tools, limits: ProcessLimits, level: str | None, targets: Iterable[Target]) -> None:
        self._demanded = level
        self._ceiling = level or TESTED
        self._tools = tools
        self._intact = Intact()
        self._references = References(tools)
        self._loaders = Loaders(tools, limits, targets)
        self._comparison = TargetComparison()
        self._entries: dict[int, Verdict] = {}
        self._seconds: dict[int, float] = {}
        self._count = 0
        self._aborted = False
        self._lock = threading.Lock()

    def add(self, verdict: Verdict) -> None:
        """Take the verdict on something that is no artifact."""
        self._settle(self._next(), verdict)

    def verify(self, manifest: Manifest, directory: ShipmentSource) -> None:
        """Judge all artifacts of a manifest."""
        target = _TargetLadder(manifest, self._ceiling, self._loaders, self._references, self._tools)
        for artifact in manifest.artifacts:
            self._verify(target, artifact, directory)
        self._loaders.flush()

    def close(self) -> Report:
        """Wait for all verdicts and return them in order."""
        self._loaders.close()
        notes = self._comparison.notes()
        entries = [self._entries[position] for position in range(self._count)]
        return Report(
            tuple(
                verdict._replace(message="; ".join(filter(None, (verdict.message, notes.get(position, "")))))
                for position, verdict in enumerate(entries)
            ),
            tuple(self._seconds.get(position, 0.0) for position in range(self._count)),
        )

    def abort(self) -> None:
        """End the loaders; what is not judged yet never will be."""
        self._aborted = True
        self._loaders.abort()

    def _verify(self, target: _TargetLadder, artifact: ManifestArtifact, directory: ShipmentSource) -> None:
        position = self._next()
        since = time.monotonic()
        opened = self._intact.open(artifact, directory)
        if not isinstance(opened, IntactArtifact):
            self._judge(target, artifact, position, None, opened, time.monotonic() - since)
            return
        reached = INTACT
        obstacle: Obstacle | None = None
        if target.consistent is not None:
            obstacle = target.consistent.check(artifact, opened.read_at)
            if obstacle is None:
                method = target.method
                if isinstance(method, LoadingMethod):
                    test, untested = self._ceiling == TESTED and bool(artifact.tests), None
                    why = self._untestable(target, artifact, method) if test else None
                    if why is not None:
                        other = self._by_executable(target.manifest, why)
                        if isinstance(other, LoadingMethod):
                            method = other
                        else:
                            test, untested = False, other
                    settle = partial(self._loaded, target, artifact, position, time.monotonic() - since, untested)
                    method.load(artifact, opened, settle, test=test)
                    return
                reached, obstacle = CONSISTENT, method
        opened.file.close()
        self._judge(target, artifact, position, reached, obstacle, time.monotonic() - since)

    def _untestable(
        self, target: _TargetLadder, artifact: ManifestArtifact, method: LoadingMethod
    ) -> Untestable | None:
        """Return why what loads an artifact cannot execute its tests, which an executable may."""
        if not isinstance(method.loader, LibraryLoader):
            return None
        if need_wasi_3(artifact.tests, artifact.imports):
            return Untestable.WASI
        library = self._tools.library_of(target.manifest.major)
        if library is not None and method.loader.is_here and target.crashes(artifact, library.version):
            return Untestable.LAYOUT
        return None

    def _by_executable(self, manifest: Manifest, why: Untestable) -> LoadingMethod | Obstacle:
        try:
            return self._loaders.by_executable(manifest, why)
        except (OSError, ChildError) as error:
            return unverified("was not tested", error)

    def _loaded(
        self,
        target: _TargetLadder,
        artifact: ManifestArtifact,
        position: int,
        seconds: float,
        untested: Obstacle | None,
        outcome: LoadOutcome,
    ) -> None:
        """Take the outcome of a load; ``untested`` is why tests were not executed, where they were wanted."""
        obstacle = outcome.obstacle
        if outcome.results is None:
            reached = CONSISTENT if obstacle else LOADED
            obstacle = obstacle or untested
        else:
            reached = LOADED if obstacle else TESTED
            with self._lock:
                self._comparison.add(position, target.manifest, artifact, outcome.results)
        self._judge(target, artifact, position, reached, obstacle, seconds + outcome.seconds)

    def _judge(
        self,
        target: _TargetLadder,
        artifact: ManifestArtifact,
        position: int,
        reached: str | None,
        obstacle: Obstacle | None,
        seconds: float,
    ) -> None:
        manifest = target.manifest
        reachable = target.reachable
        if not artifact.tests:
            reachable = min(reachable, LOADED, key=LEVELS.index)
            if reached == LOADED and obstacle is None and TESTED in (self._demanded or manifest.require,):
                who, otherwise = "its manifest", f"a lower require under [{dotted('targets', manifest.target)}]"
                if self._demanded:
                    who, otherwise = "this verification", "verify at a lower level"
                # Which table it is cannot be told here: a module that a glob found has none of its own.
                obstacle = Broken(
                    f"{artifact.path} has no tests, and {who} demands the level tested; declare tests in the table of "
                    f"wasmbuild.toml that the module {quoted(artifact.module)} comes from, or {otherwise}"
                )
        verdict = entry(
            f"{artifact.module}@{manifest.target}",
            reached,
            obstacle,
            require=manifest.require,
            reachable=reachable,
            demanded=self._demanded,
        )
        self._settle(position, verdict, seconds)

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _settle(self, position: int, verdict: Verdict, seconds: float = 0.0) -> None:
        with self._lock:
            if self._aborted:
                return
            self._entries[position] = verdict
            self._seconds[position] = seconds


class _TargetLadder:
    """What the artifacts of one manifest are held against; None above the highest level that is tried."""

    def __init__(
        self, manifest: Manifest, ceiling: str, loaders: Loaders, references: References, tools: Tools
    ) -> None:
        self.manifest = manifest
        self.method: LoadingMethod | Obstacle | None = None
        self.consistent: Consistent | None = None
        self.reachable = INTACT
        if ceiling == INTACT:
            return
        if ceiling in (LOADED, TESTED):
            # Before the reference, so that both children start at the same time.
            try:
                self.method = loaders.method(manifest)
            except (WasmbuildError, OSError, RuntimeError) as error:
                self.method = unverified("was not loaded", error)
        reference = references.of(manifest)
        runtime = manifest.runtime or tools.library_release(manifest.config)
        self.consistent = Consistent(manifest, reference, references.differences, runtime)
        if not isinstance(reference, Unreachable):
            self.reachable = CONSISTENT if isinstance(self.method, Unreachable) or self.method is None else TESTED

    def crashes(self, artifact: ManifestArtifact, version: str) -> bool:
        """Tell whether an artifact would certainly crash in a release that this host loads it with."""
        return layouts.crashes(self.manifest, artifact.traits, version, on_windows=sys.platform == "win32")
