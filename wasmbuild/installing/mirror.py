"""Where archives lie: upstream's releases, a mirror with the same layout, or a mirror with a layout of its own."""

from __future__ import annotations

import json
import os
import re
import string
from urllib.parse import urlsplit

from wasmbuild.errors import UsageError
from wasmbuild.installing import transfer
from wasmbuild.installing.credentials import Credentials
from wasmbuild.installing.transfer import NetworkError
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.text import printable
from wasmbuild.toolchain.platforms import Platform

VARIABLE = "WASMBUILD_MIRROR"
"""The environment variable that names a mirror."""

UPSTREAM = "https://github.com/bytecodealliance/wasmtime/releases/download"
# Lists the tags that begin with what follows, as `[{"ref": "refs/tags/v48.0.8", …}, …]`.
UPSTREAM_TAGS = "https://api.github.com/repos/bytecodealliance/wasmtime/git/matching-refs/tags/"

FIELDS = ("version", "arch", "os", "archive")
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_REQUEST = re.compile(r"\d+(?:\.\d+(?:\.\d+)?)?", re.ASCII)


def check_request(request: str) -> str:
    """Return what was asked for, ``48``, ``48.0`` or ``48.0.8``. Raises UsageError."""
    if not _REQUEST.fullmatch(request):
        without = request.removeprefix("v")
        hint = without if _REQUEST.fullmatch(without) else "48.0.8, or 48 for the newest of that line"
        raise UsageError(f"{printable(request)!r} is no version of Wasmtime; write {hint}")
    return request


def is_exact(request: str) -> bool:
    """Tell whether one version alone is what was asked for."""
    return _VERSION.fullmatch(request) is not None


def fits(request: str, version: str) -> bool:
    """Tell whether a version is one that was asked for."""
    return version == request or version.startswith(f"{request}.")


class Mirror(NamedTuple):
    """``address`` is a base address, or a format string with some of FIELDS; ``named_by`` is who named it."""

    address: str
    tags: str = ""
    named_by: str = "--mirror"

    @property
    def is_format(self) -> bool:
        return "{" in self.address

    def archive(self, version: str, platform: Platform) -> str:
        """Return the address of the archive of a version for a platform."""
        name = platform.archive(version)
        if not self.is_format:
            return f"{self.address}/v{version}/{name}"
        return self.address.format(version=version, arch=platform.arch, os=platform.system, archive=name)

    def sources(self, version: str) -> str:
        """Return the address of the archive with the sources of a version and of all that it depends on.

        Raises UsageError where the format string has no place for it.
        """
        name = f"wasmtime-v{version}-src.tar.gz"
        if not self.is_format:
            return f"{self.address}/v{version}/{name}"
        if "{archive}" not in self.address:
            raise UsageError(f"{self.named_by}: {self.address} has no place for {name}; write {{archive}} in it")
        return self.address.format(version=version, arch="", os="", archive=name)

    def newest(self, request: str, credentials: Credentials) -> str:
        """Return the newest version that fits. Raises NetworkError, UsageError."""
        if self.is_format:
            exact = ".".join([*request.split("."), "0", "0"][:3])
            raise UsageError(
                f"{self.named_by}: {printable(self.address)} is a format string, which does not tell which versions of "
                f"{request} there are; write the whole version, such as {exact}"
            )
        address = f"{self.tags}v{request}." if self.tags else f"{self.address}/index.json"
        versions = _versions(transfer.text(address, credentials=credentials), address)
        fitting = [version for version in versions if fits(request, version)]
        if not fitting:
            raise UsageError(f"{address} lists no version of {request}; name another, or another --mirror")
        return max(fitting, key=lambda version: tuple(map(int, version.split("."))))


def requested(option: str | None) -> Mirror:
    """Return the mirror of the command line, else of the environment, else upstream. Raises UsageError."""
    address, named_by = (option, "--mirror") if option else (os.environ.get(VARIABLE, ""), VARIABLE)
    if not address:
        return Mirror(UPSTREAM, UPSTREAM_TAGS)
    try:
        parts = urlsplit(address)
        _ = parts.port, (parts.hostname or "").encode("idna"), f"{parts.path}{parts.query}".encode("ascii")
    except ValueError as error:
        # It may hold a password, and so may what is said of it.
        raise UsageError(
            f"{named_by}: is no address: its host or port is none, or characters in it are not of ASCII; correct the "
            f"one, and write the others as %XX"
        ) from error
    shown = printable(address, 400)
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{named_by}: holds a password, which would be shown and written down; put it into ~/.netrc")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise UsageError(f"{named_by}: {shown} is no address; it begins with https:// (a file is named by --from)")
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(address) if field is not None]
        unknown = [field for field in fields if field not in FIELDS]
        if unknown:
            raise ValueError(f"there is no field {{{printable(unknown[0])}}}")
        Mirror(address).address.format(**dict.fromkeys(FIELDS, ""))
    except (ValueError, KeyError, IndexError) as error:
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise UsageError(f"{named_by}: {shown}: {printable(error)}; the fields are {known}") from error
    return Mirror(address.rstrip("/"), named_by=named_by)


def _versions(document: bytes, address: str) -> list[str]:
    """Return the releases that an index, or upstream's list of tags, names."""
    try:
        read = json.loads(document)
        names = [tag["ref"].rpartition("/")[2] for tag in read] if isinstance(read, list) else read["versions"]
        return [name.removeprefix("v") for name in names if _VERSION.fullmatch(name.removeprefix("v"))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NetworkError(
            f'{address}: is no list of versions, {{"versions": ["48.0.8", …]}}; name another --mirror, or the whole '
            f"version"
        ) from error
