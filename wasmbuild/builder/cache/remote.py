"""Artifacts that others compiled, in a store far away: fetched ahead, many at once, and never waited for too long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from obstore.exceptions import PermissionDeniedError

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.connection import Connection
from wasmbuild.builder.cache.packed import NotAnEntryError, NotTrustedError, PackedArtifact
from wasmbuild.builder.cache.pusher import Pusher
from wasmbuild.builder.cache.remote_status import RemoteStatus
from wasmbuild.builder.cache.transfers import Transfer
from wasmbuild.builder.request import RemoteReport
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer, TrustedKeys

# So many are fetched and not asked for yet. More set out together: to wake a thread for each takes longer than that.
_AHEAD = 64
_TOGETHER = 16


class RemoteCache:
    """A store of packed artifacts; no method raises, and threads may use it at once."""

    def __init__(
        self,
        store: Callable[[], Any],
        shown: str,
        timeout: float,
        trusted: TrustedKeys | None = None,
        signer: Signer | None = None,
        keep: Callable[[str, PackedArtifact], PackedArtifact] = lambda key, found: found,
        *,
        push: bool = False,
        push_problem: str | None = None,
        warning: str | None = None,
        cores: int = 1,
        late: Callable[[], None] = lambda: None,
    ) -> None:
        """``store`` opens the store, which ``shown`` names to people.

        ``timeout`` are the seconds by which it may delay a build, ``cores`` how many compiles that runs at once.
        ``push_problem`` says why nothing can be pushed, ``warning`` what is told in any case. ``keep`` is called with
        each entry to be trusted, in the thread that fetched it, and returns what is held in memory of it, ``late`` when
        the build goes on without the store because the seconds are over.
        """
        self._status = RemoteStatus(shown, push_problem, warning)
        self._connection = Connection(store, timeout, self._status, late)
        self._pusher = Pusher(self._connection, self._status, signer) if push else None
        self._trusted = trusted
        self._keep = keep
        self._cores = cores
        self._mutex = self._connection.mutex
        self._wanted: dict[str, Transfer[PackedArtifact]] = {}
        # What is wanted and did not set out yet, in its order, and how many did that nobody has asked for.
        self._waiting: deque[tuple[str, Transfer[PackedArtifact]]] = deque()
        self._ahead = 0
        self._refused: set[str] = set()

    # --- taking

    def want(self, keys: Iterable[str]) -> None:
        """Begin to fetch what will be asked for, in this order."""
        keys = list(keys)
        with self._mutex:
            new = {key: Transfer[PackedArtifact]() for key in keys if key not in self._wanted}
            if not new or not self._connection.ready():
                return
            self._wanted.update(new)
            self._waiting.extend(new.items())
            self._connection.set_out(*new.values())
            self._fetch_ahead()

    def get(self, key: str) -> PackedArtifact | None:
        """Return an entry, None where there is none to be trusted."""
        with self._mutex:
            if key in self._refused or not self._connection.ready():
                return None
            transfer = self._wanted.pop(key, None) or Transfer[PackedArtifact]()
            self._connection.set_out(transfer)
            if not transfer.started:
                self._begin(key, transfer)
            elif transfer.ahead:
                self._ahead -= 1
                if self._ahead <= _AHEAD - _TOGETHER:
                    self._fetch_ahead()
        found = self._connection.waited_for(transfer)
        with self._mutex:
            self._connection.arrived(transfer)
            if found is not None:
                self._status.taken += 1
                self._connection.budget.earn(found.seconds / self._cores)
        return found

    def refuse(self, key: str) -> None:
        """Take no more what turned out to be another artifact."""
        with self._mutex:
            self._refused.add(key)
            self._status.damaged += 1
            self._status.taken -= 1

    def _fetch_ahead(self) -> None:
        """Have more set out, while there is room for it; the mutex is held."""
        while self._waiting and self._ahead < _AHEAD:
            key, transfer = self._waiting.popleft()
            if not transfer.started:
                transfer.ahead = True
                self._ahead += 1
                self._begin(key, transfer)

    def _begin(self, key: str, transfer: Transfer[PackedArtifact]) -> None:
        transfer.started = True
        self._connection.run(partial(self._fetch, key, transfer))

    def _fetch(self, key: str, transfer: Transfer[PackedArtifact]) -> None:
        found = None
        try:
            if self._status.away is None:
                data = self._connection.fetch(key)
                self._connection.succeed()
                found = self._keep(key, packed.unpack(data, key, self._trusted))
        except NotAnEntryError:
            with self._mutex:
                self._refused.add(key)
                self._status.damaged += 1
        except NotTrustedError:
            with self._mutex:
                self._refused.add(key)
                self._status.untrusted += 1
        except Exception as error:
            self._failed(error)
        finally:
            transfer.end(found)

    def _failed(self, error: Exception) -> None:
        if (why := stores.hopeless(error)) is not None:
            self._connection.leave(why)
        elif isinstance(error, FileNotFoundError):
            self._connection.succeed()
        elif isinstance(error, PermissionDeniedError):
            # A bucket that may not be listed says so of what is not there, too.
            with self._mutex:
                self._status.denied += 1
        else:
            self._connection.fail(error)

    # --- pushing, and the end

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        """Begin to put an artifact there, if that is asked for."""
        if self._pusher is not None:
            self._pusher.put(key, artifact, sha256, inputs, seconds)

    def close(self) -> None:
        """Wait for what is being pushed as long as there is time, and end all transfers."""
        if self._pusher is not None:
            self._pusher.end()
        self._wanted.clear()
        self._waiting.clear()
        self._ahead = 0
        self._connection.close()

    def report(self) -> RemoteReport:
        """Return what became of it so far."""
        return self._status.report()
