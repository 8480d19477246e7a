"""A remote cache as a declaration asks for it, with what it takes beyond wasmbuild itself.

What is wrong with it fails no build, unless the command line asks for just that.
"""

from __future__ import annotations

import os
from pathlib import Path

from wasmbuild.builder.cache import lateness
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.cache.tiered import AbsentRemote, NearCache, Remote, TieredCache
from wasmbuild.builder.scheduler import cores
from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.project.cache_policy import CachePolicy, shown_address

if TYPE_CHECKING:
    from wasmbuild.builder.cache.signing import Signer, TrustedKeys
    from wasmbuild.builder.interfaces import ArtifactCache

SIGNING_KEY = "WASMBUILD_CACHE_SIGNING_KEY"
"""The environment variable that names the file of the private key that signs what is pushed."""


def with_remote(
    local: LocalCache | None, policy: CachePolicy, address: str, *, push: bool, alone: bool
) -> ArtifactCache:
    """Return the cache of this machine, if there is one, with a remote one behind it.

    With ``push`` the command line asks to push; with ``alone`` it is for one artifact, as a step of another build.
    Raises UsageError where that cannot be.
    """
    # Nothing that lets somebody in decides a name: names can be guessed.
    near = NearCache(local, policy.keys or (shown_address(address),))
    return TieredCache(near, _remote(policy, address, near, push=push, alone=alone))


def _remote(policy: CachePolicy, address: str, near: NearCache, *, push: bool, alone: bool) -> Remote:
    shown = shown_address(address)
    signer = push_problem = warning = None
    try:
        from wasmbuild.builder.cache import packed, stores
        from wasmbuild.builder.cache.remote import RemoteCache

        packed.zstd()
        trusted = _trusted(policy)
        if push or policy.push:
            signer, warning = _signer(policy)
    except ImportError as error:
        problem = f"needs the extra remote, of which {error.name} is not installed: pip install 'wasmbuild[remote]'"
        if push:
            raise UsageError(f"--push: {shown} {problem}") from None
        return AbsentRemote(f"{shown} {problem}")
    except UsageError as error:
        if push:
            raise
        push_problem = f"gets nothing of what is compiled: {error}"
    if alone and lateness.is_recent(shown):
        # The step that waited has told so.
        return AbsentRemote(None)

    def store() -> Any:
        return stores.opened(address, policy.timeout, writing=push or policy.push)

    return RemoteCache(
        store,
        shown,
        policy.timeout,
        trusted,
        signer,
        near.keep,
        push=push or policy.push,
        push_problem=push_problem,
        warning=warning,
        cores=cores(),
        late=lambda: lateness.note(shown),
    )


def _trusted(policy: CachePolicy) -> TrustedKeys | None:
    """Return the keys that entries have to be signed by, None where nothing has to be: no cryptography is loaded then.

    Raises ImportError.
    """
    if not policy.keys:
        return None
    from wasmbuild.builder.cache.signing import TrustedKeys

    return TrustedKeys(policy.keys)


def _signer(policy: CachePolicy) -> tuple[Signer | None, str | None]:
    """Return who signs, None where nobody has to, and what is to be said of that. Raises UsageError."""
    of_environment = os.environ.get(SIGNING_KEY)
    named = of_environment or policy.signing_key
    asked_by = f"{SIGNING_KEY}: " if of_environment else ""
    if named is None:
        if policy.keys:
            raise UsageError(
                "nothing signs what is pushed, and [cache] keys trust only what they signed; name the file of a "
                f"private key as [cache] signing-key, or in {SIGNING_KEY}"
            )
        return None, None
    from wasmbuild.builder.cache import signing

    try:
        signer = signing.read(Path(named))
    except UsageError as error:
        raise UsageError(f"{asked_by}{error}") from error
    if policy.keys and signer.public not in policy.keys:
        raise UsageError(
            f'{asked_by}{named}: is the private key of none of [cache] keys; add "{signer.public}" to them'
        )
    exposed = signing.exposure(Path(named))
    return signer, None if exposed is None else f"is signed for with {named}, {exposed}"
