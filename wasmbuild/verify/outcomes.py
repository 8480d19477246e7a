"""What verification can say of an artifact, and of a manifest or an index that cannot be used."""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple
from wasmbuild.project.levels import LEVELS

PASSED, WRONG, UNVERIFIED = OUTCOMES = ("passed", "failed", "not-verified")
"""What can be the outcome of verifying an artifact."""


class Broken(NamedTuple):
    """A level does not hold: what is wrong with the artifact, and what to do, in one line."""

    message: str


MACHINE, WASMTIME, CPU, CALLS = "machine", "wasmtime", "cpu", "calls"

LACKS = {
    MACHINE: "for another machine, and no runner is declared",
    WASMTIME: "no Wasmtime of that line and those settings is here",
    CPU: "for a CPU with features that this one lacks",
    CALLS: "what loads them here cannot run these tests",
}
"""What a host can lack so that a level is not tried: all there is, and all known from manifest and host alone.

Whatever else keeps a level from being tried is a failure of what verifies, and leaves an artifact not verified.
"""


class Unreachable(NamedTuple):
    """A level is not tried, because this host lacks what it takes: which of ``LACKS``, and why, in one line."""

    message: str
    lacks: str


class Unverified(NamedTuple):
    """A level was not judged, because something went wrong that is not the artifact's fault: what, in one line."""

    message: str


Obstacle = Broken | Unreachable | Unverified
"""What keeps an artifact from a level."""


class Verdict(NamedTuple):
    """The verdict on one artifact, or on a manifest or an index that cannot be used.

    ``id`` is ``module@target``, or the path of the manifest or index as it was named. ``level`` is the highest level
    that holds, or None; ``failed`` the one that does not although it should, or None; ``required`` the lowest level
    that passes. ``message`` is one line for people, safe to show: what is wrong and what to do, or why a higher level
    cannot be tried on this host; empty where there is nothing to say.

    Where ``verified`` is false nothing is said against the artifact, nor for it: ``failed`` is the level that could not
    be judged. ``lacks`` is which of ``LACKS`` keeps a higher level from being tried, or None. ``is_artifact`` is false
    of a manifest or an index: its path may look like an id, and ``message`` begins with it.
    """

    id: str
    ok: bool
    level: str | None
    failed: str | None
    required: str
    message: str
    verified: bool = True
    lacks: str | None = None
    is_artifact: bool = True

    @property
    def target(self) -> str | None:
        """The name of the artifact's target; None of what is no artifact."""
        return self.id.rpartition("@")[2] if self.is_artifact else None

    @property
    def outcome(self) -> str:
        """One of ``OUTCOMES``."""
        return PASSED if self.ok else WRONG if self.verified else UNVERIFIED


def entry(
    id: str,
    reached: str | None,
    obstacle: Obstacle | None,
    *,
    require: str | None,
    reachable: str,
    demanded: str | None,
) -> Verdict:
    """Judge an artifact that holds up to ``reached`` and, with an obstacle, not at the level above.

    ``demanded`` is the level that the user asks for, no more and no less; without, ``require`` is what the manifest
    demands, or None for whatever this host can reach (``reachable``).
    """
    required = demanded or require or reachable
    if isinstance(obstacle, Unreachable) and not (demanded or require):
        # A missing feature of the CPU shows only when the level is tried.
        required = min(required, reached or LEVELS[0], key=LEVELS.index)
    if obstacle is None:
        return Verdict(id, True, reached, None, required, "")
    above = LEVELS[0] if reached is None else LEVELS[LEVELS.index(reached) + 1]
    if isinstance(obstacle, Broken):
        return Verdict(id, False, reached, above, required, obstacle.message)
    if isinstance(obstacle, Unverified):
        return Verdict(id, False, reached, above, required, obstacle.message, verified=False)
    if reached is not None and LEVELS.index(reached) >= LEVELS.index(required):
        return Verdict(id, True, reached, None, required, obstacle.message, lacks=obstacle.lacks)
    whose = "this verification" if demanded else "its manifest"
    message = f"{obstacle.message}; {whose} demands the level {required}"
    return Verdict(id, False, reached, above, required, message, lacks=obstacle.lacks)


def unusable(path: str, message: str, *, verified: bool = True) -> Verdict:
    """Return the entry of a manifest or an index that cannot be used: nothing below it could be judged.

    Where ``verified`` is false that is no fault of the file.
    """
    return Verdict(path, False, None, LEVELS[0], LEVELS[0], message, verified=verified, is_artifact=False)
