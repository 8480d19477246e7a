"""Entries on their way from and to a remote cache: what comes is held to its key and kept here, what goes is packed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.cache.packed import NotAnEntryError, NotTrustedError, PackedArtifact
from wasmbuild.builder.cache.remote_store import FAILURES, RemoteStore
from wasmbuild.builder.cache.tiered import NearCache
from wasmbuild.builder.cache.transfer_setup import TransferSetup
from wasmbuild.builder.cache.transfer_threads import TransferThreads
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.usercache import CacheDirectory

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer, TrustedKeys


class TransferAnswer(Protocol):
    """Takes what became of a transfer, as ``transferring`` describes it."""

    def __call__(self, of: str, key: str, outcome: str, data: bytes = b"", /, **more: Any) -> None: ...


class Transfers:
    """Runs transfers in threads; each is answered, in any order."""

    def __init__(self, setup: TransferSetup, answer: TransferAnswer) -> None:
        """Raises ImportError."""
        packed.zstd()
        self._answer = answer
        self._trusted = _trusted(setup)
        self._signer = _signer(setup)
        self._local = None
        if setup.local is not None:
            directory, max_bytes = setup.local
            self._local = LocalCache(CacheDirectory(base=Path(directory)), max_bytes)
        self._near = NearCache(self._local, setup.origins)
        self._address = setup.address
        self._store = RemoteStore(lambda: stores.opened(setup.address, setup.timeout))
        self._threads = TransferThreads()
        self._mutex = threading.Lock()
        self._takes_no_more = False
        self._put_failures = 0

    def take(self, keys: Iterable[str]) -> None:
        """Have entries fetched, in this order."""
        for key in keys:
            self._threads.run(partial(self._take, key))

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        """Have an artifact pushed, which took so many seconds to compile."""
        self._threads.run(partial(self._put, key, PackedArtifact(artifact, sha256, inputs, seconds, None)))

    def look(self, key: str) -> None:
        """Have it looked whether there is an entry."""
        self._threads.run(partial(self._look, key))

    def _take(self, key: str) -> None:
        if self._store.away is not None:
            return self._answer("take", key, "skipped")
        try:
            data = self._store.fetch(key)
            self._store.succeed()
            found = packed.unpack(data, key, self._trusted)
            kept = self._near.keep(key, found)
        except NotAnEntryError:
            self._store.succeed()
            return self._answer("take", key, "damaged")
        except NotTrustedError:
            return self._answer("take", key, "untrusted")
        except BaseException as error:  # a panic of Rust is no Exception
            return self._not_taken(key, error)
        told: dict[str, Any] = {"sha256": found.sha256, "seconds": found.seconds}
        if kept is None or self._local is None:
            if self._local is not None and (problem := self._local.problem()) is not None:
                told["problem"] = problem
            return self._answer("take", key, "found", found.artifact, **told)
        return self._answer("take", key, "found", kept=kept, added=self._local.grown(), **told)

    def _not_taken(self, key: str, error: BaseException) -> None:
        if self._store.is_left_for(error):
            return self._answer("take", key, "hopeless", why=self._store.away)
        if isinstance(error, FileNotFoundError):
            self._store.succeed()
            return self._answer("take", key, "missing")
        if isinstance(error, PermissionDeniedError):
            # A bucket that may not be listed says so of what is not there, too.
            return self._answer("take", key, "denied")
        why, absent = self._reason(error)
        self._store.fail(why)
        if self._store.away is None:
            return self._answer("take", key, "failed", why=why, absent=absent)
        return self._answer("take", key, "hopeless", why=self._store.away, absent=absent)

    def _put(self, key: str, artifact: PackedArtifact) -> None:
        if self._store.away is not None or self._takes_no_more:
            return self._answer("put", key, "skipped")
        try:
            data = packed.pack(artifact.artifact, artifact.sha256, artifact.inputs, artifact.seconds, self._signer)
            self._store.put(key, data)
        except (PermissionDeniedError, UnauthenticatedError):
            self._takes_no_more = True
            return self._answer("put", key, "denied")
        except stores.NoStoreError as error:
            self._store.is_left_for(error)
            return self._answer("put", key, "hopeless", why=self._store.away)
        except BaseException as error:  # a panic of Rust is no Exception
            with self._mutex:
                self._put_failures += 1
                self._takes_no_more = self._put_failures >= FAILURES
            outcome = "refused" if self._takes_no_more else "failed"
            why, absent = self._reason(error)
            return self._answer("put", key, outcome, why=why, absent=absent)
        self._store.succeed()
        self._put_failures = 0
        return self._answer("put", key, "done", bytes=len(data))

    def _reason(self, error: BaseException) -> tuple[str, bool]:
        return stores.reason(error, self._address), stores.is_absent(error, self._address)

    def _look(self, key: str) -> None:
        try:
            packed.unpack(self._store.fetch(key), key, None)
        except (FileNotFoundError, NotAnEntryError):
            return self._answer("look", key, "missing")
        except BaseException:  # who may only write cannot know; a store that fails just now may have kept it
            return self._answer("look", key, "skipped")
        return self._answer("look", key, "done")


def _trusted(setup: TransferSetup) -> TrustedKeys | None:
    """Return the keys that entries have to be signed by, None where nothing has to be: no cryptography is loaded then.

    Raises ImportError.
    """
    if not setup.keys:
        return None
    from wasmbuild.builder.cache.signing import TrustedKeys

    return TrustedKeys(setup.keys)


def _signer(setup: TransferSetup) -> Signer | None:
    if setup.signing_key is None:
        return None
    from wasmbuild.builder.cache import signing

    return signing.read(Path(setup.signing_key))
