"""What a cache answers: an artifact, why it is not used, what became of it; and the one that has and keeps nothing."""

from __future__ import annotations

from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmbuild.files import Signature


class CachedArtifact(NamedTuple):
    """An artifact that a cache wrote into a new file: its size in bytes, its digest in hex, what ``files.stamp`` said.

    ``file`` is its path as text: to make a path of it takes as long as to look at it. Its bytes are those that the
    digest is of; ``data`` are they where the cache had them all at hand.
    """

    file: str
    size: int
    sha256: str
    stamped: Signature | None
    data: bytes | None


class RemoteReport(NamedTuple):
    """What became of a remote cache in a build: artifacts taken and pushed, and what people should know."""

    taken: int
    pushed: int
    problems: tuple[str, ...]


class CacheProblem(NamedTuple):
    """Why the cache of this machine is not used, or, ``in_part``, what of it is not, and why."""

    why: str
    in_part: bool = False

    def told(self) -> str:
        """Return the end of a sentence about the cache, or what stands alone."""
        return f"{'used in part' if self.in_part else 'not used'}: {self.why}"


class NullCache:
    """The cache that keeps nothing."""

    def expect(self) -> None:
        pass

    def want(self, keys: Iterable[str]) -> None:
        pass

    def get(self, key: str, out: Path | str) -> None:
        return None

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float = 0.0) -> None:
        pass

    def discard(self, key: str) -> None:
        pass

    def close(self) -> None:
        pass

    def problem(self) -> None:
        return None

    def report(self) -> None:
        return None


NO_CACHE = NullCache()
