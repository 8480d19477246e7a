"""What the child that transfers has to know, as its first request."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple


class TransferSetup(NamedTuple):
    """Where the store is, who is trusted, who signs, and where entries are kept.

    ``address`` is as a declaration has it, with credentials, ``timeout`` in seconds; ``signing_key`` is the path of the
    key that signs what is pushed. Without ``keys`` nothing has to be signed. ``local`` is the directory of the local
    cache and its limit in bytes, ``origins`` are as ``NearCache`` has them.
    """

    address: str
    timeout: float
    keys: tuple[str, ...]
    signing_key: str | None
    local: tuple[str, int] | None
    origins: tuple[str, ...]
