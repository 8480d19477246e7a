"""Which cache a build uses: that of the user, another one that the environment names, or none."""

from __future__ import annotations

import os

from wasmbuild import usercache
from wasmbuild.builder.cache.answers import NO_CACHE
from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.builder.cache.local import LocalCache
    from wasmbuild.builder.interfaces import ArtifactCache
    from wasmbuild.project.cache_policy import CachePolicy

VARIABLE = "WASMBUILD_CACHE"
OFF = "off"
_KIND = "artifacts"


def local(max_bytes: int) -> LocalCache | None:
    """Return the cache of this machine, None where the environment turns it off. Raises UsageError."""
    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return None
    from wasmbuild.builder.cache.local import LocalCache

    if named and (not os.path.isabs(named) or _is_root(named)):
        raise UsageError(
            f'{VARIABLE}: {named!r} is neither "{OFF}" nor the absolute path of a directory of its own; write "{OFF}" '
            "or the whole path"
        )
    directory = usercache.CacheDirectory(_KIND) if not named else usercache.CacheDirectory(base=Path(named))
    return LocalCache(directory, max_bytes)


def _is_root(path: str) -> bool:
    """Tell whether a path, however it is written, leads to what is above everything.

    What is below that is everybody's, and entries would lie between it.
    """
    real = os.path.realpath(path)
    return os.path.dirname(real) == real


_stays = False


def keep_transferring() -> None:
    """Have what transfers from and to a remote cache stay: this process opens one cache after the other."""
    global _stays
    _stays = True


def opened(policy: CachePolicy, *, push: bool = False, alone: bool = False) -> ArtifactCache:
    """Return the cache that a declaration asks for; with ``push``, what is compiled is put into the remote one too.

    With ``alone`` it is for one artifact, as a step of another build.
    Raises UsageError for one that the environment names wrongly, and for signatures that nobody would believe.
    """
    if not policy.enabled:
        if push:
            raise UsageError(
                "--push: fills a cache that enabled = false below [cache] leaves out; leave out one of them"
            )
        return NO_CACHE
    near = local(policy.max_bytes)
    if policy.remote is None:
        if push:
            raise UsageError('--push: there is nothing to push to; write remote = "…" below [cache]')
        return near or NO_CACHE
    from wasmbuild.builder.cache.composition import with_remote

    return with_remote(near, policy, policy.remote, push=push, alone=alone, stays=_stays)
