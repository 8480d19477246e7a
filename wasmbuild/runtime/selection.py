"""Which targets are tried on this machine, for their artifacts or sources, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from wasmbuild.lean.typing import TypeVar
from wasmbuild.runtime.errors import (
    InexpressibleSettingError,
    LoadError,
    MissingCpuFeatureError,
    NotInManifestError,
    OtherCodeError,
    OtherLayoutError,
    OtherLineError,
    OtherSettingError,
    PassedOver,
)
from wasmbuild.runtime.shipments import OpenShipment
from wasmbuild.runtime.targets import Candidate, Candidates, SourceCandidate, TargetEntry, best_first

PULLEY = "pulley"
COMPILE = "compile"

ALL = ("*",)
"""The globs that every target matches."""

_Named = TypeVar("_Named", Candidate, TargetEntry, PassedOver)

FITS_NOT = (
    InexpressibleSettingError,
    MissingCpuFeatureError,
    NotInManifestError,
    OtherCodeError,
    OtherLayoutError,
    OtherLineError,
    OtherSettingError,
)
"""What passes a target over; any other error is one of the artifact that was built for this machine."""


def candidates(
    opened: OpenShipment,
    module: str | None,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    passed_over: list[PassedOver],
) -> Iterator[Candidate]:
    """Yield the targets that may be loaded here, best first; the others go to ``passed_over`` with the reason.

    Those of ``fallback`` follow in its order. Of sources, only targets that ship that of ``module`` are yielded, or any
    where it is None. Raises LoadError.
    """
    shipment = opened.shipment
    passed_over += named(shipment.native.passed_over, patterns)
    yield from _readable(shipment.native, patterns, opened)
    if PULLEY not in fallback:
        passed_over += named(shipment.left_out, patterns)
    for fallback_kind in fallback:
        if fallback_kind == PULLEY:
            passed_over += named(opened.portable.passed_over, patterns)
            yield from _readable(opened.portable, patterns, opened)
        else:
            yield from sources(opened, module, patterns)


def _readable(found: Candidates, patterns: tuple[str, ...], opened: OpenShipment) -> tuple[Candidate, ...]:
    """Return what was found of the targets that are asked for. Raises LoadError when the manifest of one is not right.

    What was built for this machine and is damaged is an error at once; what was not asked for is left alone.
    """
    right_by_now = [entry.candidate(opened.source) for entry in named(found.unreadable, patterns)]
    right = named(found.candidates, patterns)
    return best_first((*right_by_now, *right)) if right_by_now else right


def sources(opened: OpenShipment, module: str | None, patterns: tuple[str, ...]) -> Iterator[SourceCandidate]:
    """Yield the targets that ship the source of a module, or any source. Raises LoadError."""
    for entry in named(opened.shipment.shipped, patterns):
        found = entry.sources(opened.source)
        if found is not None and (any(map(found.has, found.artifacts)) if module is None else found.has(module)):
            yield found


def modules(opened: OpenShipment, fallback: Collection[str]) -> set[str]:
    """Return the names of all modules that targets have for this machine. Raises LoadError."""
    names: set[str] = set()
    for candidate in candidates(opened, None, ALL, fallback, []):
        names.update(filter(candidate.has, candidate.artifacts))
    return names


def pass_over(candidate: Candidate, error: LoadError, passed_over: list[PassedOver]) -> None:
    """Note why a target was not taken, once where artifact and source have the same reason."""
    reason = candidate.passed_over(error)
    if not candidate.compiles or str(reason) not in map(str, passed_over):
        passed_over.append(reason)


def named(found: tuple[_Named, ...], patterns: tuple[str, ...]) -> tuple[_Named, ...]:
    """Return those whose target matches one of the globs."""
    if patterns == ALL:
        return found
    from fnmatch import fnmatchcase

    return tuple(one for one in found if any(fnmatchcase(one.target, pattern) for pattern in patterns))
