"""What to say when no target has what an application asks for."""

from __future__ import annotations

from collections.abc import Collection

import wasmtime

from wasmbuild.engine import host
from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import (
    LoadError,
    MissingArtifactError,
    NoFittingArtifactError,
    NotInManifestError,
    PassedOver,
)
from wasmbuild.runtime.selection import ALL, COMPILE, FITS_NOT, PULLEY, candidates, named, sources
from wasmbuild.runtime.shipments import OpenShipment
from wasmbuild.runtime.targets import Candidate
from wasmbuild.shipment.errors import NO_TARGETS
from wasmbuild.text import printable, suggestion

_SHOWN = 10


def no_fitting_target(
    opened: OpenShipment,
    module: str | None,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    passed_over: list[PassedOver],
    own: wasmtime.Engine | None = None,
) -> LoadError:
    """Return the error for a module, or an engine where it is None, that no target has for this machine.

    Where the application gave an engine of its ``own``, what targets declare does not matter for sources.
    """
    advice = _about_source(opened, module, patterns, fallback, own)
    shipment = opened.shipment
    shown = printable(shipment.path)
    if not passed_over:
        if not shipment.targets:
            return NoFittingArtifactError(f"{shown} has no targets", NO_TARGETS, ())
        names = ", ".join(shipment.targets)
        return NoFittingArtifactError(f"{shown} has no target that was asked for", f"it has {names}", ())
    if PULLEY not in fallback:
        passed_over = _with_pulley_read(opened, module, passed_over, own)
    if module is not None:
        # One that is not here may have the module.
        tried = [reason for reason in passed_over if isinstance(reason.error, (*FITS_NOT, MissingArtifactError))]
        if tried and all(isinstance(reason.error, NotInManifestError) for reason in tried):
            return _not_listed(opened, module, patterns, fallback, passed_over, advice)
    if len(passed_over) == 1:
        error = passed_over[0].error
        return error.with_hint(f"{error.hint}; or {advice}") if advice else error
    triple = host.triple()
    own_code = f'triple = "{triple}", or ' if triple else ""
    hint = (
        f'declare a target with {own_code}triple = "pulley64" for every machine, build it, and copy its directory with '
        "the index"
    )
    hints = (r.error.hint for r in passed_over if r.for_this_machine and not isinstance(r.error, NotInManifestError))
    hint = next(hints, hint)
    what = "engine" if module is None else printable(module)
    machine = f"{triple or 'this machine'}, Wasmtime {engines.library_line()}"
    problem = f"{shown}: {what}: no target fits here ({machine})"
    return NoFittingArtifactError(problem, f"{hint}; or {advice}" if advice else hint, passed_over)


def _not_listed(
    opened: OpenShipment,
    module: str,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    passed_over: list[PassedOver],
    advice: str,
) -> LoadError:
    """Return the error for a module that no target has of those that were asked for and are for this machine."""
    try:
        here = tuple(candidates(opened, None, ALL, fallback, []))
        # Of Pulley that is left out it was told what it lacks.
        every = (*here, *opened.portable.candidates)
    except LoadError:
        # Of a target that was not asked for: there is an error to tell already.
        here = every = opened.shipment.native.candidates
    if having := dict.fromkeys(candidate.target for candidate in here if candidate.has(module)):
        asked = ", ".join(reason.target for reason in passed_over if isinstance(reason.error, NotInManifestError))
        return NotInManifestError(
            f"none of the targets for this machine that were asked for ({asked}) has module {printable(module)}",
            f"{' or '.join(having)} has it: add that to targets" + (f"; or {advice}" if advice else ""),
        )
    listed = {name for candidate in named(every, patterns) for name in candidate.artifacts if candidate.has(name)}
    meant = suggestion(module, listed)
    known = ", ".join(sorted(listed)[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
    hint = f"did you mean {meant}?" if meant else f"it has {known}" if listed else "declare it and build again"
    if len(passed_over) == 1:
        return passed_over[0].error.with_hint(hint)
    problem = f"{printable(opened.shipment.path)} has no module {printable(module)} for this machine"
    return NotInManifestError(problem, advice or hint)


def _with_pulley_read(
    opened: OpenShipment, module: str | None, passed_over: list[PassedOver], own: wasmtime.Engine | None
) -> list[PassedOver]:
    """Return the reasons, where nothing advises to allow Pulley for what could not be loaded then either.

    Manifests of Pulley are not read where it is left out, unless something has to be said of them.
    """
    instead = {missing.target: missing for missing in opened.portable.passed_over}
    for candidate in opened.portable.candidates:
        if (error := _unfit(candidate, module, own)) is not None:
            instead[candidate.target] = candidate.passed_over(error)
    return [instead.get(reason.target, reason) for reason in passed_over]


def _unfit(candidate: Candidate, module: str | None, own: wasmtime.Engine | None) -> LoadError | None:
    """Return why a target cannot be taken, whatever its artifact is."""
    if module is not None and not candidate.has(module):
        return candidate.lacks(module)
    try:
        candidate.check_engine(own)
    except FITS_NOT as error:
        return error
    return None


def _about_source(
    opened: OpenShipment,
    module: str | None,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    own: wasmtime.Engine | None,
) -> str:
    """Return what would let the source be compiled; nothing where that was tried, or cannot be."""
    try:
        shipped = list(sources(opened, module, patterns))
        if COMPILE not in fallback:
            if not any(own is not None or _unfit(one, module, None) is None for one in shipped):
                return ""
            ways = ", ".join(f'"{way}"' for way in (*fallback, COMPILE))
            return f"let the source, which is shipped, be compiled: fallback=({ways}{',' if not fallback else ''})"
        if shipped or not any(
            module in found.artifacts or module is None
            for entry in named(opened.shipment.shipped, patterns)
            if (found := entry.sources(opened.source)) is not None
        ):
            return ""
    except LoadError:
        # There is an error to tell already.
        return ""
    return "ship the source for fallback to compile: ship-source = true for the module in wasmbuild.toml"
