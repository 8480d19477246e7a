"""Who transfers from and to a remote cache, as a build sees it."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from wasmbuild.toolchain.replies import Reply


class Transferrer(Protocol):
    """Who transfers: ``TransferProcess``."""

    def send(self, request: dict[str, Any], *parts: bytes, seconds: float) -> bool:
        """Send a request, and bytes that go with it; tell whether they were taken, in so many seconds."""

    def next(self, deadline: float) -> list[Reply]:
        """Return what it says next, nothing at the deadline. Raises ChildError when it has ended."""

    def kill(self) -> None:
        """End it, without waiting, from any thread."""

    def close(self) -> None:
        """End it."""


Started = TypeVar("Started", bound=Transferrer)
