"""A remote cache with nobody behind it."""

from __future__ import annotations

import pytest
from fake_transferrer import SECONDS, Cache, FakeTransferrer

from wasmbuild.builder.cache.remote import RemoteCache


@pytest.fixture
def transferrer() -> FakeTransferrer:
    return FakeTransferrer()


@pytest.fixture
def cache(transferrer: FakeTransferrer) -> Cache:
    return RemoteCache(lambda: transferrer, "https://x", SECONDS, push=True)
