"""What ``[cache]`` comes to: which artifacts are kept for other builds, where, and who is believed."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple

_DEFAULT_GIB = 5
DEFAULT_SIZE = f"{_DEFAULT_GIB} GiB"
DEFAULT_SECONDS = 5
# Of these the address may hold credentials; of the others it is known by its path too, in which an @ is like any other.
WITH_LOGIN = ("https", "http")
SCHEMES = (*WITH_LOGIN, "s3", "gs", "az", "file")
PUBLIC_PREFIX = "ed25519:"
"""In front of a public key in Base64."""


class CachePolicy(NamedTuple):
    """With ``enabled``, artifacts are taken from the user's cache and kept there, up to ``max_bytes`` in all.

    ``remote`` is the address of one that others share, None without; with ``push`` what is compiled is put there too.
    ``timeout`` are the seconds by which it may delay a build. Where there are ``keys``, only what one of them signed is
    taken; ``signing_key`` is the path of the private key that signs.
    """

    enabled: bool = True
    max_bytes: int = _DEFAULT_GIB << 30
    remote: str | None = None
    push: bool = False
    timeout: int = DEFAULT_SECONDS
    keys: tuple[str, ...] = ()
    signing_key: str | None = None


def shown_address(address: str) -> str:
    """Return an address as it is shown: without what lets somebody in, also where it is written wrongly."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in SCHEMES:
        return address.rpartition("@")[2]
    host, slash, path = (rest, "", "") if scheme in WITH_LOGIN else rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
