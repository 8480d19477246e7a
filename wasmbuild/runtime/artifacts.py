"""Turn the bytes of an artifact into a module: the very bytes that were checked, through one descriptor."""

from __future__ import annotations

import os
import sys

import wasmtime

from wasmbuild.lean.typing import IO, TYPE_CHECKING
from wasmbuild.runtime.errors import DamagedError, LoadError, OtherCodeError
from wasmbuild.runtime.file_errors import of_artifact, of_memory
from wasmbuild.shipment import artifacts
from wasmbuild.shipment.errors import AGAIN, ShippedFileError
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.formats.manifest import ManifestArtifact
    from wasmbuild.shipment.artifacts import Check
    from wasmbuild.shipment.source import ShipmentSource

# Wasmtime maps a file instead of copying it. Elsewhere a descriptor has no path that leads to the same file.
_BY_DESCRIPTOR = sys.platform == "linux" and os.path.isdir("/proc/self/fd")
COPIED = 64 << 10
"""Bytes of an artifact that is copied when it was read anyway: it takes no longer, and keeps no descriptor."""


def load_checked(
    path: str,
    source: ShipmentSource,
    artifact: ManifestArtifact,
    engine: wasmtime.Engine,
    check: Check,
    *,
    declared: bool,
) -> wasmtime.Module | Component:
    """Load an artifact of a manifest, whose directory is ``source``; ``path`` is where it is, for people.

    ``declared`` tells that the engine was made from the manifest, and not by the application. Raises LoadError.
    """
    try:
        file, before, data = artifacts.open_listed(source, artifact, path, check=check, whole=not _BY_DESCRIPTOR)
    except ShippedFileError as error:
        raise of_artifact(error) from None
    with file:
        try:
            loaded = deserialize(file, before.st_size, data, artifact.kind, engine)
            after = os.fstat(file.fileno()) if check == "digest" else before
        except wasmtime.WasmtimeError as error:
            reason = refused(path, file, artifact.kind, str(error), declared=declared)
            if isinstance(reason, OtherCodeError):
                # The engine runs the code that the manifest declares. Of another target it would be passed over.
                reason = DamagedError(f"{printable(path)} is not the code that its manifest declares", AGAIN)
            raise reason from None
        except OSError as error:
            raise of_artifact(ShippedFileError.of(error, path)) from None
        except MemoryError:
            raise of_memory(path) from None
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        hint = f"{AGAIN}, as a new file that replaces the old one"
        raise DamagedError(f"{printable(path)} was written to while it was loaded", hint)
    return loaded


def deserialize(
    file: IO[bytes], size: int, data: bytes | None, kind: str, engine: wasmtime.Engine
) -> wasmtime.Module | Component:
    """Deserialize an open file of a size, or its bytes where they were read already.

    Raises WasmtimeError, OSError and MemoryError.
    """
    loader: type[wasmtime.Module | Component] = wasmtime.Module
    if kind == "component":
        from wasmtime.component import Component

        loader = Component
    if _BY_DESCRIPTOR and (data is None or size > COPIED):
        try:
            return loader.deserialize_file(engine, f"/proc/self/fd/{file.fileno()}")
        except wasmtime.WasmtimeError as error:
            from wasmbuild.diagnosis.memory import NOT_EXECUTABLE

            # Of a file system that is mounted noexec, no code runs that is mapped, and a copy of it does.
            if NOT_EXECUTABLE not in str(error):
                raise
    if data is None:
        from wasmbuild.files import read_up_to

        file.seek(0)
        data = read_up_to(file, size)
    return loader.deserialize(engine, data)


def refused(path: str, file: IO[bytes], kind: str | None, message: str, *, declared: bool) -> LoadError:
    """Return the error for an open file that Wasmtime refused with these words; ``kind`` is None for either kind."""
    from wasmbuild.diagnosis import loading
    from wasmbuild.formats.cwasm import ReadAt
    from wasmbuild.runtime.messages import refusal
    from wasmbuild.runtime.mismatches import fitting, other_code, other_kind

    subject = printable(path)
    try:
        facts = fitting(subject, ReadAt.of(file, os.fstat(file.fileno()).st_size))
    except LoadError as error:
        return error
    cause = loading.cause(message)
    if (cause is not None and cause.word == loading.OTHER_KIND) or kind not in (None, facts.kind):
        return other_kind(subject, facts.kind)
    if cause is not None and cause.word == loading.OTHER_ARCHITECTURE:
        # It is for this machine, as its headers tell: what differs is what the engine runs.
        return other_code(subject, facts.pulley_bits != 0)
    return refusal(subject, message, declared=declared)
