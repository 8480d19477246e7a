"""Load the best of a module that this machine can run: an artifact, or its source where that is allowed."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Literal, get_args

import wasmtime

from wasmbuild.errors import UsageError
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime import engines
from wasmbuild.runtime.artifacts import load_checked
from wasmbuild.runtime.errors import (
    MissingCpuFeatureError,
    NotInManifestError,
    OtherCodeError,
    OtherSettingError,
    PassedOver,
)
from wasmbuild.runtime.file_errors import of_artifact, of_memory, said_by_host
from wasmbuild.runtime.loaded import Loaded
from wasmbuild.runtime.publication import PATIENCE, use_published
from wasmbuild.runtime.selection import ALL, FITS_NOT, candidates, pass_over
from wasmbuild.runtime.selection import modules as modules_of
from wasmbuild.runtime.shipments import OpenShipment, Shipment, Where
from wasmbuild.runtime.targets import Candidate
from wasmbuild.shipment.artifacts import Check
from wasmbuild.shipment.errors import ShippedFileError
from wasmbuild.shipment.source import ShipmentSource

if TYPE_CHECKING:
    from wasmbuild.formats.manifest import Manifest, ManifestArtifact

Fallback = Literal["pulley", "compile"]

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
    Wasmtime does not check them, name the target that fits in ``targets``). A target is passed over when it is for
    another machine, another line of Wasmtime or a CPU with more features, when the Python library cannot express its
    engine, and when it lacks the module or was not copied here. What was built for this machine and is damaged is an
    error at once. ``fallback`` says what may stand in for code of this machine, in this order:

    - ``"pulley"``: Pulley bytecode, which Wasmtime interprets.
    - ``"compile"``: the source, where a target ships it (``ship-source = true``), compiled by this process for this
      machine, which takes the time and memory of a compiler. Of the targets that ship it, those of this machine come
      first, then those of Pulley, then all others, in the order of the index; the engine is the one that the target
      declares. Neither its architecture nor its line of Wasmtime matters. As long as what was compiled is in use,
      loading it again compiles nothing.

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

    A source is compiled only when its size and SHA-256 are the manifest's, whatever ``check`` is. A manifest protects
    from accidents: whoever can write it too is trusted with this process.

    While a build writes in the very directory, what it has not published yet is waited for, two seconds at most.

    May be called by any number of threads. Raises NotInManifestError, NoFittingArtifactError with all reasons, or the
    one reason itself when there is only one target; ShipmentError, MissingArtifactError and DamagedError for what is
    not as it was built; LinkedOutError for a link out of the directory; HostLimitError for what the process lacks;
    InvalidSourceError for a source that Wasmtime refuses; UsageError for arguments that mean nothing.
    """
    return load_within(PATIENCE, where, module, check=check, targets=targets, fallback=fallback, engine=engine)


def load_within(
    patience: float,
    where: Where,
    module: str,
    *,
    check: Check = "digest",
    targets: str | Collection[str] = "*",
    fallback: tuple[Fallback, ...] = ("pulley",),
    engine: wasmtime.Engine | None = None,
) -> Loaded:
    """Do what ``load`` does, but wait ``patience`` seconds at most for a build that is going on."""
    if check not in _CHECKS:
        raise UsageError(f"load(check={check!r}): check is one of {', '.join(_CHECKS)}")
    if not module:
        raise UsageError(f'module="": the name of the module is empty; {__package__}.modules(where) has the names')
    _check_fallback("load", fallback)
    patterns = (targets,) if isinstance(targets, str) else tuple(targets)
    return use_published(
        where, lambda opened: _load(opened, module, check, patterns, fallback, engine), patience=patience
    )


def modules(where: Where, *, fallback: tuple[Fallback, ...] = ("pulley",)) -> list[str]:
    """Return the names of the modules that some target has for this machine, in alphabetical order. Raises LoadError.

    ``where`` and ``fallback`` are what ``load`` takes.
    """
    _check_fallback("modules", fallback)
    return sorted(use_published(where, lambda opened: modules_of(opened, fallback)))


def engine(where: Where, *, target: str | None = None, fallback: tuple[Fallback, ...] = ("pulley",)) -> wasmtime.Engine:
    """Return the engine with which the artifacts at ``where`` are loaded here, one for each set of settings.

    ``where`` and ``fallback`` are what ``load`` takes. Without ``target`` it is the engine of the target that ``load``
    would try first. The engine is shared by everything in this process that has the same settings; its epoch is too, so
    an application that counts epochs by itself makes its own of ``config()``, and gives it to ``load``. Raises
    LoadError.
    """
    _check_fallback("engine", fallback)
    best = use_published(where, lambda opened: _best(opened, target, fallback))
    return engines.shared_engine(best.engine_key, best.engine, f"target {best.target}")


def config(where: Where, *, target: str | None = None, fallback: tuple[Fallback, ...] = ("pulley",)) -> wasmtime.Config:
    """Return a new ``wasmtime.Config`` that agrees with the artifacts at ``where``, to be changed and made an engine.

    What changes nothing of an artifact may be set freely: cache, profiler, stack size, shared memory. Takes and raises
    what ``engine`` does.
    """
    _check_fallback("config", fallback)
    best = use_published(where, lambda opened: _best(opened, target, fallback))
    return engines.make_config(best.engine, best.line, best.pulley, f"target {best.target}")


def _best(opened: OpenShipment, target: str | None, fallback: Collection[str]) -> Candidate:
    """Return the target whose engine an application wants: the one that is named, or the first that fits.

    Raises LoadError.
    """
    passed_over: list[PassedOver] = []
    patterns = ALL if target is None else (target,)
    for candidate in candidates(opened, None, patterns, fallback, passed_over):
        try:
            if not engines.is_made(candidate.engine_key):
                engines.check(candidate.engine, candidate.line, candidate.pulley, f"target {candidate.target}")
        except FITS_NOT as error:
            pass_over(candidate, error, passed_over)
        else:
            return candidate
    from wasmbuild.runtime.selection_errors import no_fitting_target

    raise no_fitting_target(opened, None, patterns, fallback, passed_over)


def _check_fallback(call: str, fallback: Collection[str]) -> None:
    if not _FALLBACKS.issuperset(fallback):
        names = " and ".join(f'"{name}"' for name in get_args(Fallback))
        raise UsageError(
            f"{call}(fallback={fallback!r}): fallback is a tuple of {names}, in the order wanted, or empty"
        )


def _load(
    opened: OpenShipment,
    module: str,
    check: Check,
    patterns: tuple[str, ...],
    fallback: Collection[str],
    own: wasmtime.Engine | None,
) -> Loaded:
    passed_over: list[PassedOver] = []
    for candidate in candidates(opened, module, patterns, fallback, passed_over):
        try:
            if candidate.compiles:
                loaded = _compile_of(opened, candidate, module, own, passed_over)
            else:
                loaded = _load_of(opened, candidate, module, check, own, passed_over)
        except FITS_NOT as error:
            if isinstance(error, OtherSettingError) and own is None:
                raise
            if isinstance(error, MissingCpuFeatureError):
                _lacking.add(f"has_{error.feature}")
            pass_over(candidate, error, passed_over)
        else:
            _announce(opened.shipment, candidate, loaded)
            return loaded
    from wasmbuild.runtime.selection_errors import no_fitting_target

    raise no_fitting_target(opened, module, patterns, fallback, passed_over, own)


def _check_layout(manifest: Manifest, artifact: ManifestArtifact) -> None:
    """Raise OtherLayoutError for an artifact that would crash in this library."""
    from wasmbuild.formats import layouts

    version = engines.library_version()
    if version is None:
        from wasmbuild.runtime.own_layout import release_alike

        try:
            version = release_alike(manifest.major)
        except wasmtime.WasmtimeError as error:
            what = "the library, whose layout is to be told,"
            raise said_by_host(what, str(error)) or of_memory(what) from None
    if layouts.crashes(manifest, artifact.traits, version, on_windows=sys.platform == "win32"):
        from wasmbuild.runtime.mismatches import other_layout

        raise other_layout(f"{artifact.module} of target {manifest.target}", manifest.compiler, version)


def _load_of(
    opened: OpenShipment,
    candidate: Candidate,
    module: str,
    check: Check,
    own: wasmtime.Engine | None,
    passed_over: list[PassedOver],
) -> Loaded:
    """Load the artifact of one target. Raises LoadError."""
    manifest = candidate.manifest
    artifact = candidate.artifacts.get(module)
    if artifact is None:
        raise candidate.lacks(module)
    if _lacking and not _lacking.isdisjoint(manifest.isa_flags):
        from wasmbuild.runtime.mismatches import missing_feature

        flag = min(_lacking.intersection(manifest.isa_flags))
        raise missing_feature(f"target {candidate.target}", flag.removeprefix("has_"))
    if own is None:
        engine = engines.shared_engine(candidate.engine_key, candidate.engine, f"target {candidate.target}")
    else:
        engine = own
        candidate.check_engine(own)
    if artifact.traits is not None and artifact.traits.odd_tags_with:
        _check_layout(manifest, artifact)
    path = f"{candidate.directory}/{artifact.path}"
    with _directory_of(candidate, opened) as directory:
        value = load_checked(path, directory, artifact, engine, check, declared=own is None)
    return Loaded(value, engine, path, candidate, artifact, tuple(passed_over))


def _compile_of(
    opened: OpenShipment, candidate: Candidate, module: str, own: wasmtime.Engine | None, passed_over: list[PassedOver]
) -> Loaded:
    """Compile the source that one target ships. Raises LoadError."""
    from wasmbuild.runtime.compiling import compile_shipped

    engine = own or engines.shared_engine(candidate.engine_key, candidate.engine, f"target {candidate.target}")
    artifact = candidate.artifacts[module]
    with _directory_of(candidate, opened) as directory:
        path, value = compile_shipped(candidate.directory, directory, artifact, engine)
    return Loaded(value, engine, path, candidate, artifact, tuple(passed_over))


def _directory_of(candidate: Candidate, opened: OpenShipment) -> ShipmentSource:
    """Open the directory of a target's manifest, below that of the index. Raises LoadError."""
    try:
        return opened.source.below(candidate.folder)
    except OSError as error:
        raise of_artifact(ShippedFileError.of(error, candidate.directory)) from None


def _announce(shipment: Shipment, candidate: Candidate, loaded: Loaded) -> None:
    """Log the first choice of each target, and the others for those who debug."""
    # An application that has not imported logging has no handler for what would be told.
    logging = sys.modules.get("logging")
    if logging is None:
        return
    logger = logging.getLogger(LOGGER)
    # Declared, but it runs or starts much slower than what was built for this machine.
    slower = (candidate.compiles or candidate.pulley is not None) and any(map(_was_expected, loaded.passed_over))
    announced = (candidate.target, candidate.compiles, slower)
    if announced in shipment.announced:
        level = logging.DEBUG
    else:
        shipment.announced.add(announced)
        level = logging.WARNING if slower else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, "%s", loaded.explain())


def _was_expected(reason: PassedOver) -> bool:
    """Tell whether it is news that a target was passed over: it is for this machine, and has what the caller allows."""
    return reason.for_this_machine and not isinstance(reason.error, NotInManifestError | OtherCodeError)
