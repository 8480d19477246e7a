"""Whoever transfers from and to a remote cache, in memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from wasmbuild.builder.cache.remote import RemoteCache
from wasmbuild.errors import ChildError
from wasmbuild.toolchain.replies import Reply

SECONDS = 30.0
KEYS = [f"{number:064x}" for number in range(200)]


class FakeTransferrer:
    """Answers each key with what ``answers`` has for it, ``missing`` for most; nothing for what it holds back."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.held: set[str] = set()
        self.asked: list[list[str]] = []
        self.put: list[tuple[str, bytes]] = []
        self.replies: deque[Reply] = deque()
        self.came = threading.Condition()
        self.ended: str | None = None
        self.takes = True
        self.is_killed = self.is_closed = False

    def send(self, request: dict[str, Any], *parts: bytes, seconds: float) -> bool:
        if "take" in request:
            self.asked.append(request["take"])
            for key in request["take"]:
                self.answer("take", key, {"outcome": "missing"})
        elif "put" in request:
            self.put.append((request["put"], b"".join(parts)[request["inputs"] :]))
            self.answer("put", request["put"], {"outcome": "done", "bytes": sum(map(len, parts))})
        else:
            self.answer("look", request["look"], {"outcome": "done"})
        return self.takes

    def answer(self, of: str, key: str, usual: dict[str, Any]) -> None:
        if key in self.held:
            return
        said = {"of": of, "key": key, **self.answers.get(f"{of} {key}", usual)}
        with self.came:
            self.replies.append(Reply(said, said.pop("data", b"")))
            self.came.notify()

    def next(self, deadline: float) -> list[Reply]:
        with self.came:
            self.came.wait_for(lambda: self.replies or self.ended, max(0.0, deadline - time.monotonic()))
            if self.replies:
                return [self.replies.popleft()]
        if self.ended is not None:
            raise ChildError(self.ended)
        return []

    def kill(self) -> None:
        self.is_killed = True

    def close(self) -> None:
        self.is_closed = True


Cache = RemoteCache[FakeTransferrer]


def problems(cache: Cache) -> Sequence[str]:
    """Return what is told of a store at https://x, without its address."""
    return [problem.removeprefix("https://x ") for problem in cache.report().problems]
