"""What those who wait for a change of the workers get to know."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from wasmbuild.builder.executors.cluster_client import ClusterPatience
from wasmbuild.builder.executors.members import Members


class NobodyThere:
    """Workers that never answer."""

    async def examine(self, address: str) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def install(self, address: str, lacks: object) -> str:
        return ""


def test_a_change_that_comes_before_anybody_waits_is_not_lost() -> None:
    """Who saw all of them and then waits, in a task that has yet to begin, would wait for the one after it."""

    async def see() -> None:
        members = Members(NobodyThere(), limits_memory=True, say=print, patience=ClusterPatience())
        members.update({"tcp://a": {"name": "a", "nthreads": 1, "status": "running"}})
        waiting = asyncio.ensure_future(members.changed())
        members.update({})
        await asyncio.wait_for(waiting, 30)

    asyncio.run(see())
