"""How a cluster is spoken to: what is asked of its scheduler and its workers, and how long a build waits for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol


class ClusterPatience(NamedTuple):
    """How long is waited, in seconds of this machine's clock.

    ``connect``: for a scheduler that was never reached. ``lost``: for one that does not answer any more, and at most
    ``answer`` longer. ``workers``: for one that can compile; ``unfit``: for that where those that are there cannot.
    ``stop``: for workers to end what they run. The scheduler is asked for its workers each ``poll``.
    """

    connect: float = 10.0
    lost: float = 60.0
    answer: float = 10.0
    workers: float = 60.0
    unfit: float = 5.0
    stop: float = 10.0
    poll: float = 0.5


class RequestLostError(Exception):
    """A request is not known any more where it was sent, or was not begun there, and has to be sent again."""


class RequestFailedError(Exception):
    """A request ended in a way that nobody planned; the text says how."""


class WorkersDiedError(Exception):
    """So many workers died while they ran a request; ``worker`` is the address of the last one."""

    def __init__(self, worker: str, count: int) -> None:
        super().__init__(worker, count)
        self.worker = worker
        self.count = count


class WorkerClient(Protocol):
    """How workers are asked, each by its address. Both raise OSError where one does not answer."""

    async def examine(self, address: str) -> Mapping[str, Any]:
        """Return what ``remote.examine`` returns there."""

    async def install(self, address: str, lacks: Iterable[str]) -> str:
        """Send it the compilers with these digests, and return what ``remote.install`` returns there."""


class SchedulerClient(WorkerClient, Protocol):
    """How a scheduler is asked; ``dask_client.DaskClient`` says what each of these does."""

    address: str

    @property
    def is_connected(self) -> bool: ...
    async def connect(self, seconds: float) -> None: ...
    async def workers(self) -> Mapping[str, Mapping[str, Any]]: ...
    async def compile(self, asked: bytes, wasm: bytes, workers: Collection[str]) -> tuple[str, object]: ...
    async def invite(self) -> None: ...
    async def stop(self, workers: Collection[str]) -> None: ...
    async def close(self, seconds: float) -> None: ...
