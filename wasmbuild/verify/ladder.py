"""One run: every artifact climbs from level to level until one does not hold or the highest is reached."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from wasmbuild.formats.manifest import LEVELS, Manifest, ManifestArtifact
from wasmbuild.toolchain.child import Limits
from wasmbuild.verify.beneath import Beneath
from wasmbuild.verify.consistent import Consistent
from wasmbuild.verify.intact import Intact
from wasmbuild.verify.loaded import Loaders, Way
from wasmbuild.verify.reference import References
from wasmbuild.verify.report import Broken, Entry, Obstacle, Unreachable, entry
from wasmbuild.verify.tools import Tools

INTACT, CONSISTENT, LOADED = LEVELS


class Ladder:
    """Judges the artifacts of one manifest after the other; verdicts come in any order and from any thread.

    ``ceiling`` is the highest level that is tried. ``on_entry`` is called with each verdict, by one thread at a time.
    """

    def __init__(self, tools: Tools, limits: Limits, ceiling: str, on_entry: Callable[[Entry], None] | None) -> None:
        self._ceiling = ceiling
        self._on_entry = on_entry
        self._intact = Intact()
        self._references = References(tools)
        self._loaders = Loaders(tools, limits)
        self._entries: dict[int, Entry] = {}
        self._count = 0
        self._lock = threading.Lock()

    def add(self, verdict: Entry) -> None:
        """Take the verdict on something that is no artifact."""
        self._settle(self._next(), verdict)

    def climb(self, manifest: Manifest, directory: Beneath) -> None:
        """Judge all artifacts of a manifest. Raises ChildError and OSError when a loader cannot work."""
        target = _Target(manifest, self._ceiling, self._loaders, self._references)
        for artifact in manifest.artifacts:
            self._climb(target, artifact, directory)

    def close(self) -> tuple[Entry, ...]:
        """Wait for all verdicts and return them in order. Raises as ``climb`` does."""
        self._loaders.close()
        return tuple([self._entries[position] for position in range(self._count)])

    def abort(self) -> None:
        """End the loaders; what is not judged yet never will be."""
        self._loaders.abort()

    def _climb(self, target: _Target, artifact: ManifestArtifact, directory: Beneath) -> None:
        position = self._next()
        opened = self._intact.open(artifact, directory)
        if isinstance(opened, Broken):
            self._judge(target, artifact, position, None, opened)
            return
        reached = INTACT
        obstacle: Obstacle | None = None
        if target.consistent is not None:
            obstacle = target.consistent.check(artifact, opened.read_at)
            if obstacle is None and target.way is not None:
                target.way.load(artifact, opened, partial(self._loaded, target, artifact, position))
                return
            if obstacle is None:
                reached, obstacle = CONSISTENT, target.no_way
        opened.file.close()
        self._judge(target, artifact, position, reached, obstacle)

    def _loaded(self, target: _Target, artifact: ManifestArtifact, position: int, obstacle: Obstacle | None) -> None:
        self._judge(target, artifact, position, CONSISTENT if obstacle else LOADED, obstacle)

    def _judge(
        self, target: _Target, artifact: ManifestArtifact, position: int, reached: str | None, obstacle: Obstacle | None
    ) -> None:
        manifest = target.manifest
        verdict = entry(
            f"{artifact.module}@{manifest.target}",
            reached,
            obstacle,
            require=manifest.require,
            reachable=target.reachable,
            ceiling=self._ceiling,
        )
        self._settle(position, verdict)

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _settle(self, position: int, verdict: Entry) -> None:
        with self._lock:
            self._entries[position] = verdict
            if self._on_entry is not None:
                self._on_entry(verdict)


class _Target:
    """What the artifacts of one manifest are held against; None above the highest level that is tried."""

    def __init__(self, manifest: Manifest, ceiling: str, loaders: Loaders, references: References) -> None:
        self.manifest = manifest
        self.way: Way | None = None
        self.no_way: Unreachable | None = None
        self.consistent: Consistent | None = None
        self.reachable = INTACT
        if ceiling == INTACT:
            return
        if ceiling == LOADED:
            # Before the reference, so that both children start at the same time.
            way = loaders.way(manifest)
            if isinstance(way, Unreachable):
                self.no_way = way
            else:
                self.way = way
        reference = references.of(manifest)
        self.consistent = Consistent(manifest, reference, references.differences)
        if not isinstance(reference, Unreachable):
            self.reachable = CONSISTENT if self.way is None else LOADED
