"""Which target's artifacts are tried on this machine, in which order, and what to say when none is left."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import (
    InexpressibleSettingError,
    LoadError,
    MissingCpuFeatureError,
    NoFittingArtifactError,
    NotInManifestError,
    OtherCodeError,
    OtherLineError,
    OtherSettingError,
    PassedOver,
)
from wasmbuild.runtime.shipments import Candidate, Shipment

PULLEY = "pulley"

ALL = ("*",)
"""The globs that every target matches."""

_Named = TypeVar("_Named", Candidate, PassedOver)

FITS_NOT = (
    InexpressibleSettingError,
    MissingCpuFeatureError,
    NotInManifestError,
    OtherCodeError,
    OtherLineError,
    OtherSettingError,
)
"""What passes a target over; any other error is one of the artifact that was built for this machine."""

_SHOWN = 10


def best(shipment: Shipment, target: str | None) -> Candidate:
    """Return the target whose engine an application wants: the one that is named, or the first that fits.

    Raises LoadError.
    """
    passed_over: list[PassedOver] = []
    for candidate in candidates(shipment, ALL if target is None else (target,), (PULLEY,), passed_over):
        try:
            engines.check(candidate.manifest.engine, candidate.manifest.major, f"target {candidate.target}")
        except FITS_NOT as error:
            passed_over.append(candidate.passed_over(error))
        else:
            return candidate
    raise nothing(shipment, None, passed_over)


def candidates(
    shipment: Shipment, patterns: tuple[str, ...], fallback: Collection[str], passed_over: list[PassedOver]
) -> Iterator[Candidate]:
    """Yield the targets that may be loaded here, best first; the others go to ``passed_over`` with the reason."""
    passed_over += _named(shipment.native.passed_over, patterns)
    yield from _named(shipment.native.candidates, patterns)
    if PULLEY not in fallback:
        passed_over += _named(shipment.left_out, patterns)
        return
    passed_over += _named(shipment.portable.passed_over, patterns)
    yield from _named(shipment.portable.candidates, patterns)


def _named(found: tuple[_Named, ...], patterns: tuple[str, ...]) -> tuple[_Named, ...]:
    """Return those whose target matches one of the globs."""
    if patterns == ALL:
        return found
    from fnmatch import fnmatchcase

    return tuple(one for one in found if any(fnmatchcase(one.target, pattern) for pattern in patterns))


def not_listed(where: str, module: str, listed: Collection[str], whose: str = "") -> NotInManifestError:
    """Return the error for a module that is not among those that are listed."""
    from wasmbuild.formats.printable import printable
    from wasmbuild.project.names import suggestion

    meant = suggestion(module, listed)
    known = ", ".join(sorted(listed)[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
    hint = f"did you mean {meant}?" if meant else f"it has {known}" if listed else "declare it and build again"
    return NotInManifestError(f"{where} has no module {printable(module)}{whose}", hint)


def nothing(shipment: Shipment, module: str | None, passed_over: list[PassedOver]) -> LoadError:
    """Return the error for a module, or an engine, that no target has for this machine."""
    from wasmbuild.formats.printable import printable
    from wasmbuild.project.triples import host_triple

    if len(passed_over) == 1:
        return passed_over[0].error
    shown = printable(shipment.path)
    tried = [reason.error for reason in passed_over if isinstance(reason.error, FITS_NOT)]
    if module is not None and tried and all(isinstance(error, NotInManifestError) for error in tried):
        return not_listed(shown, module, shipment.modules(), " for this machine")
    own = host_triple()
    hint = (
        f'declare a target with {f"""triple = "{own}", or """ if own else ""}triple = "pulley64" for every machine, '
        "build it, and copy its directory with the index"
    )
    hints = (r.error.hint for r in passed_over if r.for_this_machine and not isinstance(r.error, NotInManifestError))
    hint = next(hints, hint)
    what = "engine" if module is None else printable(module)
    machine = f"{own or 'this machine'}, Wasmtime {engines.library_line()}"
    if not passed_over:
        names = ", ".join(shipment.targets) or "none"
        return NoFittingArtifactError(f"{shown} has no target that was asked for", f"it has {names}", ())
    return NoFittingArtifactError(f"{shown}: {what}: no target fits here ({machine})", hint, passed_over)
