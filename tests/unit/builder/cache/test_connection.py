"""What is too large to be held in memory comes from no store, and goes to none."""

from __future__ import annotations

from pathlib import Path

import pytest
from obstore.store import LocalStore

from wasmbuild.builder.cache import packed
from wasmbuild.builder.cache.connection import Connection
from wasmbuild.builder.cache.packed import NotAnEntryError
from wasmbuild.builder.cache.pusher import Pusher
from wasmbuild.builder.cache.remote_status import RemoteStatus

KEY = "0" * 64


class Huge(bytes):
    """What says that it has a byte more than an artifact may have."""

    def __len__(self) -> int:
        return packed.MAX_BYTES + 1


@pytest.fixture
def connection(tmp_path: Path) -> Connection:
    connection = Connection(lambda: LocalStore(tmp_path), 5, RemoteStatus("here", None))
    with connection.mutex:
        assert connection.ready()
    return connection


@pytest.mark.parametrize("size", [packed.MAX_BYTES + 1, 1 << 40])
def test_an_entry_that_is_too_large_is_not_read(size: int, tmp_path: Path, connection: Connection) -> None:
    (tmp_path / "ac").mkdir()
    with open(tmp_path / "ac" / KEY, "wb") as sparse:
        sparse.truncate(size)
    with pytest.raises(NotAnEntryError):
        connection.fetch(KEY)
    connection.close()


def test_an_artifact_that_is_too_large_is_not_pushed(tmp_path: Path, connection: Connection) -> None:
    status = RemoteStatus("here", None)
    pusher = Pusher(connection, status, None)
    pusher.put(KEY, Huge(b"artifact"), KEY, b"inputs", 1.0)
    pusher.put(KEY, b"artifact", KEY, b"inputs", 1.0)
    pusher.end()
    connection.close()
    assert status.offered == 1
    assert [path.name for path in (tmp_path / "ac").iterdir()] == [KEY]
