"""The cache of this machine with a remote one behind it: what is taken from there is kept here.

What came from elsewhere is kept under a key of its own for each that vouches for it, a public key or an unsigned
store, so that only builds that trust that one find it: all projects of a user share the cache of the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wasmbuild import files
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.request import Kept, RemoteReport
from wasmbuild.digest import sha256_hex
from wasmbuild.lean_typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from wasmbuild.builder.cache.packed import PackedArtifact


class Remote(Protocol):
    """Artifacts of others. No method raises, and threads may use it at once."""

    def want(self, keys: Iterable[str]) -> None:
        """Begin to fetch what will be asked for, in this order."""

    def get(self, key: str) -> PackedArtifact | None:
        """Return an entry, whose artifact has yet to be held to its digest; None where there is none to be trusted."""

    def put(self, key: str, artifact: bytes, sha256: str, inputs: Mapping[str, Any], seconds: float) -> None:
        """Begin to put an artifact there, if that is asked for; it took so many seconds to compile."""

    def refuse(self, key: str) -> None:
        """Take no more what turned out to be another artifact."""

    def close(self) -> None:
        """Wait for what is being pushed as long as there is time, and end all transfers."""

    def report(self) -> RemoteReport:
        """Return what became of it so far."""


class AbsentRemote:
    """One that cannot be used, and why."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def want(self, keys: Iterable[str]) -> None:
        pass

    def get(self, key: str) -> None:
        return None

    def put(self, key: str, artifact: bytes, sha256: str, inputs: Mapping[str, Any], seconds: float) -> None:
        pass

    def refuse(self, key: str) -> None:
        pass

    def close(self) -> None:
        pass

    def report(self) -> RemoteReport:
        return RemoteReport(0, 0, (f"{self._problem}; it is done without",))


class TieredCache:
    """See ``ArtifactCache``."""

    def __init__(self, local: LocalCache | None, remote: Remote, origins: Sequence[str]) -> None:
        """``origins`` are those that are trusted: public keys, or the address of a store where there are none."""
        self._local = local
        self._remote = remote
        self._origins = origins
        self._from_remote: set[str] = set()

    def want(self, keys: Iterable[str]) -> None:
        self._remote.want(key for key in keys if not self._is_here(key))

    def get(self, key: str, out: Path) -> Kept | None:
        if self._local is not None:
            for known in self._keys(key):
                kept = self._local.get(known, out)
                if kept is not None:
                    return kept
        found = self._remote.get(key)
        if found is None:
            return None
        if sha256_hex(found.artifact) != found.sha256:
            self._remote.refuse(key)
            return None
        try:
            with files.NewFile(out) as made:
                made.write(found.artifact)
        except OSError:
            return None
        if self._local is not None:
            origin = self._origins[0] if found.signer is None else found.signer
            self._local.put(_under(origin, key), found.artifact, found.sha256, found.inputs)
        self._from_remote.add(key)
        return Kept(len(found.artifact), found.sha256, made.stamped, found.artifact)

    def put(self, key: str, artifact: bytes, sha256: str, inputs: Mapping[str, Any], seconds: float = 0.0) -> None:
        if self._local is not None:
            self._local.put(key, artifact, sha256, inputs)
        self._remote.put(key, artifact, sha256, inputs, seconds)

    def discard(self, key: str) -> None:
        if self._local is not None:
            for known in self._keys(key):
                self._local.discard(known)
        if key in self._from_remote:
            self._remote.refuse(key)

    def close(self) -> None:
        self._remote.close()
        if self._local is not None:
            self._local.close()

    def report(self) -> RemoteReport:
        return self._remote.report()

    def _is_here(self, key: str) -> bool:
        return self._local is not None and any(self._local.has(known) for known in self._keys(key))

    def _keys(self, key: str) -> list[str]:
        return [key, *(_under(origin, key) for origin in self._origins)]


def _under(origin: str, key: str) -> str:
    """Return the key of what came from elsewhere."""
    return hashlib.sha256(f"{origin}\0{key}".encode()).hexdigest()
