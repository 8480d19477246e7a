"""Load the best artifact of a module that this machine can run."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Literal, get_args

import wasmtime

from wasmbuild.errors import UsageError
from wasmbuild.runtime import engines, shipments
from wasmbuild.runtime.artifacts import Check, load_checked
from wasmbuild.runtime.choice import FITS_NOT, best, candidates, not_listed, nothing
from wasmbuild.runtime.errors import (
    LoadError,
    MissingCpuFeatureError,
    NotInManifestError,
    OtherSettingError,
    PassedOver,
)
from wasmbuild.runtime.loaded import Loaded
from wasmbuild.runtime.shipments import Candidate, Shipment, Where

Fallback = Literal["pulley"]

LOGGER = "wasmbuild.runtime"
"""The logger that says what was chosen and why."""

_CHECKS = get_args(Check)
_FALLBACKS = frozenset(get_args(Fallback))

# ISA flags that Wasmtime said this CPU lacks: what has them need not be hashed to hear it again.
_lacking: set[str] = set()


def load(
    where: Where,
    module: str,
    *,
    check: Check = "digest",
    targets: str | Collection[str] = "*",
    fallback: tuple[Fallback, ...] = ("pulley",),
    engine: wasmtime.Engine | None = None,
) -> Loaded:
    """Load the best artifact of ``module`` that this machine can run, with the engine that its manifest declares.

    ``where`` is an index, a manifest, or a directory that holds one of them. Of an index, targets of this architecture
    and operating system are tried first, the one with the most CPU features before the others (on riscv64, where
    Wasmtime does not check them, name the target that fits in ``targets``); then, where ``fallback`` has ``"pulley"``,
    Pulley bytecode, which Wasmtime interprets. A target is passed over when it is for another machine, another line of
    Wasmtime or a CPU with more features, when the Python library cannot express its engine, and when it lacks the
    module or was not copied here. What was built for this machine and is damaged is an error at once.

    ``targets`` are globs over names of targets: others are left alone. ``engine`` is one of the application's own, in
    place of the shared one that ``engine()`` gives; artifacts that do not agree with it are passed over too.

    ``check`` says what is held against the manifest before the bytes are given to Wasmtime, which runs them as they
    are and notices almost no damage:

    - ``"digest"``: size and SHA-256, of the very file that is then loaded. A rename in between changes nothing; a
      program that writes into the file while it is mapped still can, so keep artifacts where nobody writes.
    - ``"size"``: the size alone, which finds a copy that was cut off, but neither a changed nor a swapped file.
      For images whose storage checks its content itself.
    - ``"none"``: nothing. Whoever can write the file runs code in this process, and so does a bad disk. For read-only
      images that were verified when they were made.

    A manifest protects from accidents: whoever can write it too is trusted with this process.

    May be called by any number of threads. Raises NotInManifestError, NoFittingArtifactError with all reasons, or the
    one reason itself when there is only one target; ShipmentError, MissingArtifactError and DamagedError for what is
    not as it was built; UsageError for arguments that mean nothing.
    """
    if check not in _CHECKS or not _FALLBACKS.issuperset(fallback):
        raise UsageError(
            f"load(check={check!r}, fallback={fallback!r}): check is one of {', '.join(_CHECKS)}, and fallback holds "
            f"{', '.join(_FALLBACKS)} or nothing"
        )
    patterns = (targets,) if isinstance(targets, str) else tuple(targets)
    shipment = shipments.find(where)
    try:
        return _load(shipment, module, check, patterns, fallback, engine)
    except LoadError:
        # Published while it was read: what is there now is whole again.
        again = shipments.find(where)
        if again is shipment:
            raise
        return _load(again, module, check, patterns, fallback, engine)


def modules(where: Where) -> list[str]:
    """Return the names of the modules that some target for this machine has, in alphabetical order. Raises LoadError.

    ``where`` is what ``load`` takes.
    """
    return sorted(shipments.find(where).modules())


def engine(where: Where, *, target: str | None = None) -> wasmtime.Engine:
    """Return the engine with which the artifacts at ``where`` are loaded here, one for each set of settings.

    ``where`` is what ``load`` takes. Without ``target`` it is the engine of the target that ``load`` would try first.
    The engine is shared by everything in this process that has the same settings; its epoch is too, so an application
    that counts epochs by itself makes its own of ``config()``, and gives it to ``load``. Raises LoadError.
    """
    chosen = best(shipments.find(where), target)
    return engines.shared_engine(chosen.engine_key, chosen.manifest.engine, f"target {chosen.target}")


def config(where: Where, *, target: str | None = None) -> wasmtime.Config:
    """Return a new ``wasmtime.Config`` that agrees with the artifacts at ``where``, to be changed and made an engine.

    What changes nothing of an artifact may be set freely: cache, profiler, stack size, shared memory. Takes and raises
    what ``engine`` does.
    """
    chosen = best(shipments.find(where), target)
    manifest = chosen.manifest
    return engines.make_config(manifest.engine, manifest.major, chosen.pulley, f"target {chosen.target}")


def _load(
    shipment: Shipment,
    module: str,
    check: Check,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    own: wasmtime.Engine | None,
) -> Loaded:
    passed_over: list[PassedOver] = []
    for candidate in candidates(shipment, patterns, fallback, passed_over):
        try:
            loaded = _load_of(candidate, module, check, own, passed_over)
        except FITS_NOT as error:
            if isinstance(error, OtherSettingError) and own is None:
                raise
            if isinstance(error, MissingCpuFeatureError):
                _lacking.add(f"has_{error.feature}")
            passed_over.append(candidate.passed_over(error))
        else:
            _announce(shipment, candidate, loaded)
            return loaded
    raise nothing(shipment, module, passed_over)


def _load_of(
    candidate: Candidate, module: str, check: Check, own: wasmtime.Engine | None, passed_over: list[PassedOver]
) -> Loaded:
    """Load the artifact of one target. Raises LoadError."""
    manifest = candidate.manifest
    artifact = candidate.artifacts.get(module)
    if artifact is None:
        raise not_listed(f"target {candidate.target}", module, candidate.artifacts)
    if _lacking and not _lacking.isdisjoint(manifest.isa_flags):
        from wasmbuild.runtime.misfits import missing_feature

        flag = min(_lacking.intersection(manifest.isa_flags))
        raise missing_feature(f"target {candidate.target}", flag.removeprefix("has_"))
    if own is None:
        engine = engines.shared_engine(candidate.engine_key, manifest.engine, f"target {candidate.target}")
    else:
        engine = own
        engines.check_line(manifest.major, f"target {candidate.target}")
        if own.is_pulley() != (candidate.pulley is not None):
            from wasmbuild.runtime.misfits import other_code

            raise other_code(f"target {candidate.target}", candidate.pulley is not None)
    path = f"{candidate.directory}/{artifact.path}"
    value = load_checked(path, candidate.directory, artifact, engine, check, declared=own is None)
    return Loaded(value, engine, path, candidate, artifact, tuple(passed_over))


def _announce(shipment: Shipment, candidate: Candidate, loaded: Loaded) -> None:
    """Log the first choice of each target, and the others for those who debug."""
    # An application that has not imported logging has no handler for what would be told.
    logging = sys.modules.get("logging")
    if logging is None:
        return
    logger = logging.getLogger(LOGGER)
    # Declared, but much slower than what was built for this machine.
    slower = candidate.pulley is not None and any(
        reason.for_this_machine and not isinstance(reason.error, NotInManifestError) for reason in loaded.passed_over
    )
    announced = (candidate.target, slower)
    if announced in shipment.announced:
        level = logging.DEBUG
    else:
        shipment.announced.add(announced)
        level = logging.WARNING if slower else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, "%s", loaded.explain())
