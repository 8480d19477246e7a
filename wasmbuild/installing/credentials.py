"""Who one is to a server: one authorization header for the mirror, or what ``.netrc`` has for a host."""

from __future__ import annotations

import base64
import os
from urllib.parse import urlsplit

from wasmbuild import netrc
from wasmbuild.errors import UsageError

VARIABLE = "WASMBUILD_MIRROR_AUTHORIZATION"
"""The environment variable whose value is the ``Authorization`` header for the mirror, such as ``Bearer …``."""


class Credentials:
    """What is sent to whom. ``mirror`` is the address whose host gets ``header``; an empty header is none."""

    def __init__(self, mirror: str = "", header: str = "", hosts: dict[str, tuple[str, str]] | None = None) -> None:
        self._host = urlsplit(mirror).netloc
        self._header = header
        self._hosts = hosts or {}

    def of(self, address: str) -> str:
        """Return the ``Authorization`` header for an address, empty where there is none."""
        parts = urlsplit(address)
        if self._header and parts.netloc == self._host:
            return self._header
        known = self._hosts.get(parts.hostname or "")
        if known is None:
            return ""
        return "Basic " + base64.b64encode(":".join(known).encode()).decode("ascii")


def of_user(mirror: str) -> Credentials:
    """Return what the environment and the user's ``.netrc`` say. Raises UsageError where they cannot be used."""
    header = os.environ.get(VARIABLE, "")
    if not header.isprintable():
        raise UsageError(f"{VARIABLE}: must be one line; remove what ends it")
    return Credentials(mirror, header, {} if header else netrc.hosts())
