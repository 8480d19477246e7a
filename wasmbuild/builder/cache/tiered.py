"""The cache of this machine with a remote one behind it: what is taken from there is kept here.

What came from elsewhere is kept under a key of its own for each that vouches for it, a public key or an unsigned
store, so that only builds that trust that one find it: all projects of a user share the cache of the machine.
"""

from __future__ import annotations

import itertools

from wasmbuild import files
from wasmbuild.builder.cache.answers import CachedArtifact, CacheProblem, RemoteReport
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.digest import sha256_hex
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wasmbuild.builder.cache.packed import PackedArtifact

# To tell the keys of a large build takes seconds: the first are fetched while the others are told.
_TOGETHER = 64


class TakenArtifact(NamedTuple):
    """An artifact that came from elsewhere, with its digest in hex, and the seconds that it took to compile.

    ``kept`` is its key in the cache of this machine, None where it is not there: then ``data`` are its bytes.
    """

    sha256: str
    seconds: float
    kept: str | None
    data: bytes = b""


class Remote(Protocol):
    """Artifacts of others. No method raises, and threads may use it at once."""

    def expect(self) -> None:
        """Have ready whoever transfers."""

    def want(self, keys: Iterable[str]) -> None:
        """Begin to fetch what will be asked for, in this order."""

    def get(self, key: str) -> TakenArtifact | None:
        """Return what came of an entry, None where there is none to be trusted."""

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        """Begin to put an artifact there, if that is asked for; it took so many seconds to compile."""

    def refuse(self, key: str) -> None:
        """Take no more what turned out to be another artifact."""

    def lose(self, taken: TakenArtifact) -> None:
        """Note that what came was gone before anybody could use it; it may be asked for again."""

    def close(self) -> None:
        """Wait for what is being pushed as long as there is time, and end all transfers."""

    def report(self) -> RemoteReport:
        """Return what became of it so far."""


class NearCache:
    """What this machine has, of its own and of those who are trusted."""

    def __init__(self, local: LocalCache | None, origins: Sequence[str]) -> None:
        """``origins`` are those that are trusted: public keys, or the ``origin`` of a store where there are none."""
        self.local = local
        self.origins = tuple(origins)

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, whatever is in it."""
        return self.local is not None and any(self.local.has(known) for known in self._keys(key))

    def get(self, key: str, out: Path | str) -> CachedArtifact | None:
        """See ``ArtifactCache``."""
        if self.local is None:
            return None
        taken = (self.local.get(known, out) for known in self._keys(key))
        return next((kept for kept in taken if kept is not None), None)

    def keep(self, key: str, found: PackedArtifact) -> str | None:
        """Keep what came from elsewhere; return the key that it is kept under, None where it cannot be kept."""
        if self.local is None:
            return None
        known = _under(self.origins[0] if found.signer is None else found.signer, key)
        return known if self.local.keep(known, found.artifact, found.sha256, found.inputs) else None

    def discard(self, key: str) -> None:
        """See ``ArtifactCache``."""
        if self.local is not None:
            for known in self._keys(key):
                self.local.discard(known)

    def _keys(self, key: str) -> list[str]:
        return [key, *(_under(origin, key) for origin in self.origins)]


class TieredCache:
    """See ``ArtifactCache``."""

    def __init__(self, near: NearCache, remote: Remote) -> None:
        self._near = near
        self._remote = remote
        # What was not here when it was wanted is not looked for here again.
        self._far: set[str] = set()
        self._from_remote: set[str] = set()

    def expect(self) -> None:
        self._remote.expect()

    def want(self, keys: Iterable[str]) -> None:
        keys = iter(keys)
        while some := list(itertools.islice(keys, _TOGETHER)):
            far = [key for key in some if not self._near.has(key)]
            self._far.update(far)
            self._remote.want(far)

    def get(self, key: str, out: Path | str) -> CachedArtifact | None:
        kept = None if key in self._far else self._near.get(key, out)
        if kept is not None:
            return kept
        self._far.discard(key)
        # Another build may have removed what was kept here: then it is fetched once more.
        for _ in range(2):
            found = self._remote.get(key)
            if found is None:
                return None
            here = self._taken(found, out)
            if here is not None:
                self._from_remote.add(key)
                return here
            self._remote.lose(found)
        return None

    def _taken(self, found: TakenArtifact, out: Path | str) -> CachedArtifact | None:
        """Write what came into a new file; None where that cannot be, or it is gone."""
        if found.kept is not None:
            return None if self._near.local is None else self._near.local.get(found.kept, out)
        try:
            with files.NewFile(out) as made:
                made.write(found.data)
        except OSError:
            return None
        return CachedArtifact(str(out), len(found.data), found.sha256, made.stamped, found.data)

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float = 0.0) -> None:
        if self._near.local is not None:
            self._near.local.put(key, artifact, sha256, inputs)
        self._remote.put(key, artifact, sha256, inputs, seconds)

    def discard(self, key: str) -> None:
        self._near.discard(key)
        if key in self._from_remote:
            self._remote.refuse(key)

    def close(self) -> None:
        self._remote.close()
        if self._near.local is not None:
            self._near.local.close()

    def problem(self) -> CacheProblem | None:
        return None if self._near.local is None else self._near.local.problem()

    def report(self) -> RemoteReport:
        return self._remote.report()


def _under(origin: str, key: str) -> str:
    """Return the key of what came from elsewhere."""
    return sha256_hex(f"{origin}\0{key}".encode())
