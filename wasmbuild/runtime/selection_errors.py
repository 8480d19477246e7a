"""What to say when no target has what an application asks for."""

from __future__ import annotations

from collections.abc import Collection

from wasmbuild.engine import host
from wasmbuild.runtime import engines
from wasmbuild.runtime.errors import LoadError, NoFittingArtifactError, NotInManifestError, PassedOver
from wasmbuild.runtime.selection import COMPILE, FITS_NOT, modules, named, sources
from wasmbuild.runtime.shipments import OpenShipment
from wasmbuild.runtime.targets import Candidate
from wasmbuild.shipment.errors import NO_TARGETS
from wasmbuild.text import printable, suggestion

_SHOWN = 10


def not_listed(where: str, module: str, listed: Collection[str], whose: str = "") -> NotInManifestError:
    """Return the error for a module that is not among those that are listed."""
    meant = suggestion(module, listed)
    known = ", ".join(sorted(listed)[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
    hint = f"did you mean {meant}?" if meant else f"it has {known}" if listed else "declare it and build again"
    return NotInManifestError(f"{where} has no module {printable(module)}{whose}", hint)


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
    if len(passed_over) == 1:
        error = passed_over[0].error
        return error.with_hint(f"{error.hint}; or {advice}") if advice else error
    shipment = opened.shipment
    shown = printable(shipment.path)
    if not passed_over:
        if not shipment.targets:
            return NoFittingArtifactError(f"{shown} has no targets", NO_TARGETS, ())
        names = ", ".join(shipment.targets)
        return NoFittingArtifactError(f"{shown} has no target that was asked for", f"it has {names}", ())
    tried = [reason.error for reason in passed_over if isinstance(reason.error, FITS_NOT)]
    if module is not None and tried and all(isinstance(error, NotInManifestError) for error in tried):
        unlisted = not_listed(shown, module, modules(opened, fallback), " for this machine")
        return unlisted.with_hint(advice) if advice else unlisted
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
