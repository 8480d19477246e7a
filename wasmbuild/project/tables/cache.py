"""``[cache]``."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Set
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from wasmbuild.project.cache_policy import (
    DEFAULT_SECONDS,
    DEFAULT_SIZE,
    PUBLIC_PREFIX,
    SCHEMES,
    WITH_LOGIN,
    CachePolicy,
    shown_address,
)
from wasmbuild.project.keys import Problem
from wasmbuild.project.tables.base import Context, Table
from wasmbuild.project.tables.refusals import Wrong
from wasmbuild.project.tables.values import IN_ARRAY, Bytes, Rule, Seconds, in_home
from wasmbuild.text import is_private_key, quoted, suggestion

_KEY_BYTES = 32
_EXAMPLE = '"https://cache.example/wasmbuild", "s3://bucket/prefix", "gs://…", "az://…" or "file:///mnt/cache"'
_LOGIN = "write / ? # [ and ] in a name or password as %2F %3F %23 %5B and %5D, and @ in a path as %40"


def _address(text: str) -> Wrong | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "is no address", _LOGIN if "@" in text else f"write one such as {_EXAMPLE}"
    shown = quoted(shown_address(text))
    if not text.isprintable() or " " in text:
        return f"{shown} has characters that no address has", "write them as %20 and the like"
    scheme, slashes, _ = text.partition("://")
    if not slashes or scheme not in SCHEMES:
        meant = suggestion(parts.scheme, SCHEMES) if parts.scheme else None
        fix = f"did you mean {quoted(meant + '://…')}?" if meant else f"write one such as {_EXAMPLE}"
        return f"{shown} is no address of a kind that is known", fix
    if scheme in WITH_LOGIN and "@" in parts.path:
        return f"{shown} has an @ behind its first /", _LOGIN
    if "?" in text or "#" in text:
        fix = "write the address of the folder alone; credentials come from .netrc, AWS_*, GOOGLE_* or AZURE_*"
        return f"{shown} goes on behind its path", fix
    if scheme == "file":
        whole = not parts.netloc and parts.path.startswith("/")
        return None if whole else (f"{shown} names no directory of this machine", "write file:// and a whole path")
    if not parts.hostname:
        return f"{shown} names no server or bucket", f"write one such as {_EXAMPLE}"
    if "@" in parts.netloc and scheme not in WITH_LOGIN:
        fix = "remove them: they are taken from AWS_*, GOOGLE_APPLICATION_CREDENTIALS or AZURE_* in the environment"
        return f"{shown} has credentials in front of it", fix
    if "//" in parts.path and scheme not in WITH_LOGIN:
        return f"{shown} has an empty part in its path", "write one / between two parts"
    return None


def _public(word: str) -> Wrong | None:
    try:
        raw = base64.b64decode(word.removeprefix(PUBLIC_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if word.startswith(PUBLIC_PREFIX) and len(raw) == _KEY_BYTES:
        return None
    fix = f'write what "wasmbuild cache keygen" printed, which starts with {PUBLIC_PREFIX}'
    return f"{quoted(word)} is no public key", fix


def _nobody(keys: tuple[str, ...]) -> Wrong | None:
    return None if keys else ("is empty", "name who is believed, or leave it out to believe whoever can write there")


def _file(text: str) -> Wrong | None:
    if not text or not text.isprintable() or is_private_key(text):
        return f"{quoted(text)} is no path", "write the path of a file, from the folder of this one or a whole one"
    return in_home(text)


_PublicKey = Annotated[str, Rule(_public, pattern=f"^{PUBLIC_PREFIX}[A-Za-z0-9+/]{{43}}=$")]


class CacheTable(Table):
    """The cache of artifacts, which all projects and commands of a user share, and one that a team does.

    `WASMBUILD_CACHE` names another directory for the user's, by an absolute path, or says `off`.
    """

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"keys": ["remote"]}})

    enabled: bool = Field(
        default=True, description="Whether artifacts that were compiled before are taken from it, and others kept."
    )
    max_size: Bytes = Field(
        default=DEFAULT_SIZE,
        validate_default=True,
        description=(
            "What is kept in all: bytes, or text such as `5 GiB`. Beyond that, what was used longest ago goes; an "
            "artifact that is larger is not kept."
        ),
    )
    remote: Annotated[str, Rule(_address, pattern=f"^({'|'.join(SCHEMES)})://[^?#]+$")] | None = Field(
        default=None,
        description=(
            "A cache that others share: `https://`, `http://`, `s3://`, `gs://`, `az://` or `file://`, with a path if "
            "you like. It takes the extra `remote`; what it has comes into the user's cache too."
        ),
        examples=["https://cache.example/wasmbuild", "s3://bucket/prefix"],
    )
    push: bool = Field(
        default=False,
        description="Whether what is compiled here is put into the remote cache; `build --push` does it once.",
    )
    timeout: Seconds = Field(
        default=DEFAULT_SECONDS,
        description="Seconds by which the remote cache may delay a build, all in all, 1 to 86400.",
    )
    keys: Annotated[tuple[_PublicKey, ...], IN_ARRAY, Rule(_nobody, minItems=1)] = Field(
        default=(),
        description=(
            "Public keys: only what one of them signed is taken from the remote cache. `wasmbuild cache keygen` makes "
            "them."
        ),
        examples=[["ed25519:EJvcj5kYcHwUKzVzfJ27WBYHy6dYHxvVnkZ5bh2n6vw="]],
    )
    signing_key: Annotated[str, Rule(_file, pattern="^[^~]")] | None = Field(
        default=None,
        description=(
            "File of the private key that signs what is pushed. `WASMBUILD_CACHE_SIGNING_KEY` in the environment "
            "names another one."
        ),
    )

    def problems(self, wrong: Set[str], context: Context | None) -> Iterable[Problem]:
        if self.remote is None and "remote" not in wrong:
            fix = f'write remote = "…" too, one of {_EXAMPLE}'
            if self.push:
                yield ("push",), "says to push, and there is no remote cache", fix
            if self.keys:
                yield ("keys",), "says who is believed, and there is no remote cache", fix

    def policy(self, directory: Path) -> CachePolicy:
        """Return what the table of a declaration in ``directory`` comes to."""
        key = None if self.signing_key is None else os.path.normpath(directory / self.signing_key)
        return CachePolicy(self.enabled, self.max_size, self.remote, self.push, self.timeout, self.keys, key)
