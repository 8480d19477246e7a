"""The workers of a cluster: which of them can compile for a build, and why the others cannot.

Each one that joins is asked what it is; one that lacks only the compiler is sent it. That goes on as long as the build.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wasmbuild.builder.executors import remote
from wasmbuild.builder.executors.cluster_client import ClusterPatience, WorkerClient
from wasmbuild.text import listed, printable

_SHOWN = 3
# Of a reason, in characters: room for what to do about it, behind what a worker has said.
_LONGEST = 500
_AGAIN_SECONDS = 2.0
_PAUSED = (
    "is paused: Dask starts nothing on a worker that uses 80 % of its memory limit; start it with a higher one: "
    "dask worker --memory-limit 4GiB"
)


@dataclass
class Member:
    """A worker: how people call it, how many compiles it runs at once, and how far it has come.

    ``fit`` is None while that is not known; ``reason`` goes on after its name: "runs wasmbuild 0.1.0". Where Dask
    starts nothing on it, ``idle`` is why, and ``since`` when that began.
    """

    name: str
    threads: int
    idle: str = ""
    since: float = 0.0
    fit: bool | None = None
    reason: str = "has not answered yet"
    admission: asyncio.Task[None] | None = field(default=None, repr=False)


class Members:
    """Workers by their addresses. Everything happens in one event loop."""

    def __init__(
        self, client: WorkerClient, *, limits_memory: bool, say: Callable[[str], None], patience: ClusterPatience
    ) -> None:
        self._client = client
        self._limits_memory = limits_memory
        self._say = say
        self._patience = patience
        self._members: dict[str, Member] = {}
        self._names: dict[str, str] = {}
        self._reported: set[str] = set()
        self._changed = asyncio.Event()

    def update(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        """Take what the scheduler says of its workers, by their addresses."""
        now = asyncio.get_running_loop().time()
        for address in self._members.keys() - workers.keys():
            self._forget(self._members.pop(address))
        for address, info in workers.items():
            member = self._members.get(address)
            if member is None:
                self._names[address] = _called(info.get("name") or address)
                member = self._members[address] = Member(self._names[address], int(info["nthreads"]))
                self._admit(address)
            idle = _idle(info.get("status"))
            if idle != member.idle:
                # What was passed over for nothing else may compile again.
                again = member.fit is False and member.reason == member.idle
                member.idle, member.since = idle, now
                self._notify()
                if again:
                    self._admit(address)
            elif idle and member.fit and now - member.since > self._patience.workers:
                self._judged(member, idle)

    def fit(self) -> list[str]:
        """Return the addresses of the workers that compile."""
        return [address for address, member in self._members.items() if member.fit]

    def ready(self) -> list[str]:
        """Return the addresses of those that start what they are given at once."""
        return [address for address in self.fit() if not self._members[address].idle]

    def is_stuck(self, addresses: Iterable[str]) -> bool:
        """Tell whether what one of these workers was given may wait there for ever: Dask leaves it where it is."""
        return any(member.idle and member.fit is False for member in map(self._members.get, addresses) if member)

    def any_of(self, addresses: Iterable[str]) -> bool:
        """Tell whether at least one of these workers still compiles."""
        return any(address in self._members and self._members[address].fit for address in addresses)

    @property
    def threads(self) -> int:
        """How many compiles run at once on all of them together."""
        return sum(member.threads for member in self._members.values() if member.fit and not member.idle)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no worker at all."""
        return not self._members

    @property
    def is_hopeless(self) -> bool:
        """Tell whether there are workers, and each of them was found unfit."""
        return bool(self._members) and all(member.fit is False for member in self._members.values())

    def name(self, address: str) -> str:
        """Return how people call a worker."""
        return self._names.get(address) or _called(address)

    def pass_over(self, address: str, reason: str) -> None:
        """Give a worker nothing more to do. ``reason`` goes on after its name."""
        if (member := self._members.get(address)) is not None and member.fit is not False:
            self._judged(member, reason)

    def admit_again(self, address: str) -> None:
        """Ask a worker once more what it is: it turned out to be another one than before."""
        if (member := self._members.get(address)) is not None and member.fit:
            self._admit(address)

    def forget_all(self) -> None:
        """Ask all of them anew, after the scheduler was away."""
        for member in self._members.values():
            self._forget(member)
        self._members.clear()
        self._notify()

    def changed(self) -> Coroutine[Any, Any, Literal[True]]:
        """Return what waits until any of this is different from what it is now, and not from when it is waited for."""
        return self._changed.wait()

    def problems(self) -> str:
        """Say why there is no worker that compiles, as indented lines; empty where there is none at all."""
        by_reason: dict[str, list[str]] = {}
        for member in self._members.values():
            reason = member.reason if member.fit is False else member.idle or member.reason
            by_reason.setdefault(_safe(reason), []).append(member.name)
        return "\n".join(f"    {listed(names, _SHOWN)} {reason}" for reason, names in by_reason.items())

    # --- one of them

    def _admit(self, address: str) -> None:
        member = self._members[address]
        member.fit, member.admission = None, asyncio.create_task(self._admitted(address))

    async def _admitted(self, address: str) -> None:
        member = self._members[address]
        while True:
            try:
                description = await asyncio.wait_for(self._client.examine(address), self._patience.answer)
                reason = self._problem(description)
                if not reason and description["lacks"]:
                    self._say(f"sending the compiler to {member.name}")
                    reason = await self._client.install(address, description["lacks"])
            except OSError as error:
                member.reason = f"does not answer ({error})" if str(error) else "does not answer"
                self._notify()
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._judged(member, reason)
                return

    def _problem(self, description: Mapping[str, Any]) -> str:
        """Say why a worker that describes itself like this cannot compile for this build; nothing where it can."""
        if "problem" in description:
            return str(description["problem"])
        if problem := remote.version_problem(description["versions"]):
            return problem
        if (theirs := description["system"]) != remote.system() and description["lacks"]:
            return f"is {theirs} and cannot run the compiler of this build, which is for {remote.system()}"
        if self._limits_memory and not description["limits-memory"]:
            return "cannot limit the memory of a compile; run workers on Linux"
        return ""

    def _judged(self, member: Member, reason: str) -> None:
        member.fit, member.reason = not reason, reason
        if reason and reason not in self._reported:
            self._reported.add(reason)
            self._say(f"passed over: {member.name} {_safe(reason)}")
        self._notify()

    def _forget(self, member: Member) -> None:
        if member.admission is not None:
            member.admission.cancel()
        member.fit = False
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _idle(status: object) -> str:
    """Say why Dask starts nothing on a worker with this status, to go on after its name; nothing where it does."""
    if status == "running":
        return ""
    return _PAUSED if status == "paused" else f"takes no more work (Dask calls it {status})"


def _called(name: object) -> str:
    """Return how people call a worker that has this name or address; whoever started it chose the name."""
    return printable(str(name).partition("://")[2] or name)


def _safe(reason: str) -> str:
    """Return a reason as it may be shown: a worker, or what Dask says of it, may have put anything into it."""
    return printable(reason, _LONGEST)
