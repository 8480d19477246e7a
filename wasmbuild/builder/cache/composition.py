"""A remote cache as a declaration asks for it, with what it takes beyond wasmbuild itself.

What is wrong with it fails no build, unless the command line asks for just that.
"""

from __future__ import annotations

import os

from wasmbuild.builder.cache import lateness, packed
from wasmbuild.builder.cache.local import LocalCache
from wasmbuild.builder.cache.origin import origin, reached
from wasmbuild.builder.cache.remote import RemoteCache, lacks
from wasmbuild.builder.cache.tiered import NearCache, Remote, TieredCache
from wasmbuild.builder.cache.transfer_process import TransferProcess, leave, left_or_new
from wasmbuild.builder.cache.transfer_setup import TransferSetup
from wasmbuild.builder.job_slots import cores
from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.cache_policy import CachePolicy, shown_address
from wasmbuild.text import is_private_key

if TYPE_CHECKING:
    from wasmbuild.builder.interfaces import ArtifactCache

SIGNING_KEY = "WASMBUILD_CACHE_SIGNING_KEY"
"""The environment variable that names the file of the private key that signs what is pushed."""


def with_remote(
    local: LocalCache | None, policy: CachePolicy, address: str, *, push: bool, alone: bool, stays: bool = False
) -> ArtifactCache:
    """Return the cache of this machine, if there is one, with a remote one behind it.

    With ``push`` the command line asks to push; with ``alone`` it is for one artifact, as a step of another build. What
    transfers ``stays`` for the next one that this process opens.
    Raises UsageError where that cannot be.
    """
    # Nothing that lets somebody in decides a name: names can be guessed.
    near = NearCache(local, policy.keys or (origin(address),))
    return TieredCache(near, _remote(policy, address, near, push=push, alone=alone, stays=stays))


def _remote(policy: CachePolicy, address: str, near: NearCache, *, push: bool, alone: bool, stays: bool) -> Remote:
    shown, store = shown_address(address), reached(address)
    signing_key = push_problem = warning = None
    writes = push or policy.push
    if push and (module := _lacking()) is not None:
        raise UsageError(f"--push: {shown} {lacks(module)}")
    try:
        if writes:
            signing_key, warning = _signing_key(policy)
    except ImportError as error:
        push_problem = lacks(str(error.name))
        if push:
            raise UsageError(f"--push: {shown} {push_problem}") from None
    except UsageError as error:
        if push:
            raise
        push_problem = f"gets nothing of what is compiled: {error}"
    local = near.local

    def start() -> TransferProcess:
        directory = None if local is None else local.opened()
        kept_in = None if local is None or directory is None else (str(directory), local.max_bytes)
        return left_or_new(TransferSetup(address, policy.timeout, policy.keys, signing_key, kept_in, near.origins))

    return RemoteCache(
        start,
        shown,
        policy.timeout,
        push=writes,
        push_problem=push_problem,
        warning=warning,
        cores=cores(),
        hear=local.hear if local is not None else None,
        late=lambda: lateness.note(store),
        was_late=(lambda: lateness.is_recent(store)) if alone else None,
        leave=leave if stays else None,
    )


def _lacking() -> str | None:
    """Return the name of a module of the extra that is not installed, None where all are."""
    try:
        import obstore  # noqa: F401

        packed.zstd()
    except ImportError as error:
        return error.name
    return None


def _signing_key(policy: CachePolicy) -> tuple[str | None, str | None]:
    """Return the path of the key that signs, None where nothing has to be, and what is to be said of that.

    Raises UsageError, ImportError.
    """
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
    if is_private_key(named):
        raise UsageError(
            f"{asked_by}holds the private key itself, and not the path of its file; write it to a file, and name that "
            "(in GitLab, give the variable the type File)"
        )
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
    return os.path.abspath(named), None if exposed is None else f"is signed for with {named}, {exposed}"
