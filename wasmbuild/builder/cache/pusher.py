"""What is compiled here on its way to a store far away, while other artifacts compile."""

from __future__ import annotations

from functools import partial

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from wasmbuild.builder.cache import packed, stores
from wasmbuild.builder.cache.connection import FAILURES, Connection
from wasmbuild.builder.cache.packed import NotAnEntryError
from wasmbuild.builder.cache.remote_status import RemoteStatus
from wasmbuild.builder.cache.transfers import Transfer
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer

# What waits to be pushed is held in memory.
_MOST_BYTES = 256 << 20


class Pusher:
    """Puts artifacts into a store; no method raises, and threads may use it at once."""

    def __init__(self, connection: Connection, status: RemoteStatus, signer: Signer | None) -> None:
        self._connection = connection
        self._status = status
        self._signer = signer
        self._transfers: list[Transfer[None]] = []
        self._bytes = self._failures = 0
        # The smallest entry that was accepted: its size in bytes and its key.
        self._accepted: tuple[int, str] | None = None

    def put(self, key: str, artifact: bytes, sha256: str, inputs: bytes, seconds: float) -> None:
        """Begin to put an artifact there; where much is on its way already, wait for that first."""
        if len(artifact) > packed.MAX_BYTES or self._status.push_problem is not None:
            return
        with self._connection.mutex:
            if not self._connection.ready():
                return
        data = packed.pack(artifact, sha256, inputs, seconds, self._signer)
        if self._bytes > _MOST_BYTES:
            self._wait()
        transfer = Transfer[None]()
        with self._connection.mutex:
            self._status.offered += 1
            self._bytes += len(data)
            self._transfers.append(transfer)
            self._connection.set_out(transfer)
        self._connection.run(partial(self._put, key, data, transfer))

    def end(self) -> None:
        """Wait for what is on its way as long as there is time, and ask for one entry, to see whether it is kept."""
        self._wait()
        accepted, self._accepted = self._accepted, None
        if accepted is not None and self._status.away is None:
            transfer = Transfer[None]()
            self._connection.run(partial(self._look_for, accepted[1], transfer))
            self._connection.waited_for(transfer)

    def _wait(self) -> None:
        for transfer in list(self._transfers):
            self._connection.waited_for(transfer)
        with self._connection.mutex:
            self._transfers = [transfer for transfer in self._transfers if not transfer.done]

    def _put(self, key: str, data: bytes, transfer: Transfer[None]) -> None:
        try:
            if self._status.push_problem is None and self._status.away is None:
                self._connection.put(key, data)
                self._connection.succeed()
                with self._connection.mutex:
                    self._status.pushed += 1
                    self._accepted = min(self._accepted or (len(data), key), (len(data), key))
                    self._failures = 0
        except (PermissionDeniedError, UnauthenticatedError):
            self._status.push_problem = "does not let this user write"
        except Exception as error:
            with self._connection.mutex:
                self._failures += 1
                self._status.push_failure = stores.reason(error)
                lost = self._failures == FAILURES and self._status.away is None
            if lost:
                self._status.push_problem = f"does not take what is put there ({self._status.push_failure})"
        finally:
            with self._connection.mutex:
                self._bytes -= len(data)
                self._connection.arrived(transfer)
            transfer.end()

    def _look_for(self, key: str, transfer: Transfer[None]) -> None:
        try:
            packed.unpack(self._connection.fetch(key), key, None)
        except (FileNotFoundError, NotAnEntryError):
            self._status.kept_nothing()
        except Exception:  # noqa: S110 - who may only write cannot know; a store that fails just now may have kept it
            pass
        finally:
            transfer.end()
