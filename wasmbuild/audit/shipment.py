"""What is judged: what a manifest lists, whether it was read or is about to be written."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


NOT_LISTED = ""
"""The path of a manifest that is not there, because its target is not whole."""


class ShippedArtifact(NamedTuple):
    """One artifact of a manifest; ``traits`` are None where the manifest has none.

    It may stand for others of its target: there are ``alike`` of them, itself included, with the same traits.
    """

    id: str
    kind: str
    traits: Mapping[str, Any] | None
    alike: int = 1


class ShippedManifest(NamedTuple):
    """One manifest: where it is, what its artifacts have in common, and these.

    ``runtime`` is the version that will load them, None where it was not declared.
    """

    path: str
    compiler: str
    triple: str
    engine: Mapping[str, object]
    isa_flags: Mapping[str, object]
    artifacts: tuple[ShippedArtifact, ...]
    runtime: str | None = None


class Unreadable(NamedTuple):
    """A path that nothing could be judged of, and why, in one line.

    ``by_host`` tells that it was the system that refused it, so that nobody knows what is there.
    """

    path: str
    message: str
    by_host: bool = False
