"""Which store an address means, and how it is reached: the environment may say whose service has the bucket."""

from __future__ import annotations

import os

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.cache_policy import shown_address
from wasmbuild.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

# Of services that are not the public ones, by the kind of store: a test's, or a team's own.
ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"),
    "az": ("AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL"),
    "gs": ("GOOGLE_BASE_URL",),
}
# Here a bucket is one of an account.
_ACCOUNTS = {"az": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_USE_EMULATOR", "AZURE_USE_FABRIC_ENDPOINT")}


def origin(address: str) -> str:
    """Return what tells the store at an address from all others, without what lets somebody in."""
    scheme = address.partition("://")[0]
    return _with(shown_address(address), (*ENDPOINTS.get(scheme, ()), *_ACCOUNTS.get(scheme, ())))


def reached(address: str) -> str:
    """Return what tells a store, and how it is reached from here, from all others, without what lets somebody in."""
    return _with(origin(address), sorted(name for name in os.environ if name.lower().endswith("_proxy")))


def _with(said: str, names: Iterable[str]) -> str:
    # An environment may hold what is no text.
    values = (f"{name}={escaped(shown_address(os.environ[name]))}" for name in names if os.environ.get(name))
    return " ".join((said, *values))
