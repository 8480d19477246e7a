"""What another build removes from the cache of this machine before what came from afar is taken from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cache_servers import Server
from support import Project

from wasmbuild.builder.cache.answers import CachedArtifact
from wasmbuild.builder.cache.local import LocalCache

Member = Callable[..., Project]


def removed(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Have each entry removed before it is taken, so many times."""
    get = LocalCache.get
    seen: list[str] = []

    def late(cache: LocalCache, key: str, out: Path | str) -> CachedArtifact | None:
        if seen.count(key) < times:
            cache.discard(key)
        seen.append(key)
        return get(cache, key, out)

    monkeypatch.setattr(LocalCache, "get", late)


def test_it_is_fetched_once_more(filled: Server, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    removed(monkeypatch, 1)
    assert "4 restored (4 from afar)" in member(f'remote = "{filled.address}"').run("build").stderr


def test_what_is_lost_again_is_compiled_and_not_counted(
    filled: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed(monkeypatch, 99)
    ended = member(f'remote = "{filled.address}"').run("build", "--json")
    assert "4 artifacts: 4 compiled in " in ended.stderr
    assert json.loads(ended.stdout)["remote"] == {"taken": 0, "pushed": 0, "problems": []}
