"""What to say when no target has what an application asks for."""

from __future__ import annotations

from collections.abc import Collection

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
    *,
    own_engine: bool = False,
) -> LoadError:
    """Return the error for a module, or an engine where it is None, that no target has for this machine.

    ``own_engine`` tells that the application gave one, so that what targets declare does not matter for sources.
    """
    advice = _about_source(opened, module, patterns, fallback, own_engine)
    shipment = opened.shipment
    shown = printable(shipment.path)
    if not passed_over:
        if not shipment.targets:
            return NoFittingArtifactError(f"{shown} has no targets", NO_TARGETS, ())
        names = ", ".join(shipment.targets)
        return NoFittingArtifactError(f"{shown} has no target that was asked for", f"it has {names}", ())
    if module is not None:
        passed_over = _without_lacking(opened, module, fallback, passed_over)
        # One that is not here may have the module.
        tried = [reason for reason in passed_over if isinstance(reason.error, (*FITS_NOT, MissingArtifactError))]
        if tried and all(isinstance(reason.error, NotInManifestError) for reason in tried):
            return _not_listed(opened, module, patterns, fallback, passed_over, advice)
    if len(passed_over) == 1:
        error = passed_over[0].error
        return error.with_hint(f"{error.hint}; or {advice}") if advice else error
    own = host.triple()
    hint = (
        f'declare a target with {f"""triple = "{own}", or """ if own else ""}triple = "pulley64" for every machine, '
        "build it, and copy its directory with the index"
    )
    hints = (r.error.hint for r in passed_over if r.for_this_machine and not isinstance(r.error, NotInManifestError))
    hint = next(hints, hint)
    what = "engine" if module is None else printable(module)
    machine = f"{own or 'this machine'}, Wasmtime {engines.library_line()}"
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


def _without_lacking(
    opened: OpenShipment, module: str, fallback: Collection[str], passed_over: list[PassedOver]
) -> list[PassedOver]:
    """Return the reasons, where nothing advises to allow Pulley for what a target of it does not have either.

    Manifests of Pulley are not read where it is left out, unless something has to be said of them.
    """
    if PULLEY in fallback:
        return passed_over
    try:
        lacking = {one.target: one for one in opened.portable.candidates if not one.has(module)}
    except LoadError:
        # There is an error to tell already.
        return passed_over
    return [
        lacking[reason.target].passed_over(lacking[reason.target].lacks(module)) if reason.target in lacking else reason
        for reason in passed_over
    ]


def _about_source(
    opened: OpenShipment, module: str | None, patterns: tuple[str, ...], fallback: Collection[str], own_engine: bool
) -> str:
    """Return what would let the source be compiled; nothing where that was tried, or cannot be."""
    try:
        shipped = list(sources(opened, module, patterns))
        if COMPILE not in fallback:
            if not any(own_engine or _can_be_made(one) for one in shipped):
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


def _can_be_made(candidate: Candidate) -> bool:
    try:
        engines.check(candidate.engine, candidate.line, candidate.pulley, candidate.target)
    except FITS_NOT:
        return False
    return True
