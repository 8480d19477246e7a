"""Where a shipment comes from: a directory that is held open, or anything else that has its files."""

from __future__ import annotations

import io
import os
from types import TracebackType

from wasmbuild.lean.typing import Protocol, Self


class ShipmentSource(Protocol):
    """The files of one directory of a shipment, which stays the same one as long as it is open. A context manager.

    Paths are relative, with forward slashes and without ``..``. Everything raises OSError: FileNotFoundError for what
    is not there, ``LinkOutError`` and ``NotRegularError`` of ``wasmbuild.confined`` for what is not taken.
    """

    @property
    def path(self) -> str:
        """Where it is, for people; of a directory its path through all links."""

    def read(self, path: str, limit: int) -> bytes:
        """Return the bytes of a file, ``limit`` of them at most."""

    def open(self, path: str) -> tuple[io.FileIO, os.stat_result]:
        """Open a file for reading, unbuffered, and return it with its status; a copy, where it lies on no disk."""

    def below(self, path: str) -> ShipmentSource:
        """Return a directory below this one, to be closed by the caller, out of which nothing leads."""

    def close(self) -> None:
        """Let the directory go; files that were opened stay open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...
