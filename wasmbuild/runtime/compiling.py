"""Compile the source of a module that a manifest ships: the very bytes that were checked, once for all threads."""

from __future__ import annotations

from weakref import WeakValueDictionary

import wasmtime

from wasmbuild.formats.identify import identify
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.runtime.engines import is_closed
from wasmbuild.runtime.errors import LoadError, NotWebAssemblyError, OtherKindError, PrecompiledError
from wasmbuild.runtime.file_errors import of_artifact, of_memory, said_by_host
from wasmbuild.runtime.forking import ForkSafeLock
from wasmbuild.runtime.mismatches import invalid_source
from wasmbuild.shipment.artifacts import open_listed
from wasmbuild.shipment.errors import AGAIN, ShippedFileError
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.formats.manifest import ManifestArtifact, Wasm
    from wasmbuild.shipment.source import ShipmentSource

_Key = tuple[str, wasmtime.Engine]

_lock = ForkSafeLock()
_turns: WeakValueDictionary[_Key, ForkSafeLock] = WeakValueDictionary()
# Compiling takes seconds: what somebody still has is given to the next one who asks.
_compiled: WeakValueDictionary[_Key, wasmtime.Module | Component] = WeakValueDictionary()


def compile_shipped(
    directory: str, source: ShipmentSource, artifact: ManifestArtifact, engine: wasmtime.Engine
) -> tuple[str, wasmtime.Module | Component]:
    """Compile the source that is shipped with an artifact of a manifest; return its path and the result.

    ``source`` is the manifest's directory, and ``directory`` names it for people.

    What another caller has of the same source and engine is given again. Nothing is compiled but the bytes that the
    manifest lists. Raises LoadError, and ValueError when no source is shipped.
    """
    wasm = artifact.wasm
    if wasm is None:
        raise ValueError(f"no source of {artifact.module} is shipped")
    path = f"{directory}/{wasm.path}"
    data = _read(path, source, wasm)
    _check_kind(path, data, artifact.kind)
    key = (wasm.sha256, engine)
    with _lock.mutex:
        turn = _turns.setdefault(key, ForkSafeLock())
    with turn.mutex:
        value = _compiled.get(key)
        if value is None or is_closed(value):
            value = _compiled[key] = _compile(path, data, artifact.kind, engine)
        return path, value


def _read(path: str, source: ShipmentSource, wasm: Wasm) -> bytes:
    try:
        file, _, data = open_listed(source, wasm, path, whole=True)
        file.close()
        return data or b""
    except ShippedFileError as error:
        raise of_artifact(error) from None
    except MemoryError:
        raise of_memory(printable(path)) from None


def _check_kind(path: str, data: bytes, kind: str) -> None:
    """Refuse what is no source, though the manifest lists these very bytes."""
    identity = identify(data)
    if identity.kind == kind:
        return
    errors: dict[str, type[LoadError]] = {
        "artifact": PrecompiledError,
        "module": OtherKindError,
        "component": OtherKindError,
    }
    raise errors.get(identity.kind, NotWebAssemblyError)(
        f"{printable(path)} is {identity.sentence}, and its manifest lists it as a {kind} to be compiled", AGAIN
    )


def _compile(path: str, data: bytes, kind: str, engine: wasmtime.Engine) -> wasmtime.Module | Component:
    try:
        if kind == "component":
            from wasmtime import component

            return component.Component(engine, data)
        return wasmtime.Module(engine, data)
    except wasmtime.WasmtimeError as error:
        shown = printable(path)
        raise said_by_host(shown, str(error)) or invalid_source(shown, str(error)) from None
