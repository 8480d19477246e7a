"""Compile the source of a module that a manifest ships: the very bytes that were checked, once for all threads."""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import wasmtime

from wasmbuild.confined import open_below
from wasmbuild.files import read_up_to
from wasmbuild.formats.identify import identify
from wasmbuild.runtime.artifacts import cannot_be_opened, damaged, other_digest, other_size
from wasmbuild.runtime.errors import LoadError, NotWebAssemblyError, OtherKindError, PrecompiledError
from wasmbuild.runtime.misfits import AGAIN, invalid_source
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.formats.manifest import ManifestArtifact, Wasm

_Key = tuple[str, wasmtime.Engine]

_lock = threading.Lock()
_turns: WeakValueDictionary[_Key, threading.Lock] = WeakValueDictionary()
# Compiling takes seconds: what somebody still has is given to the next one who asks.
_compiled: WeakValueDictionary[_Key, wasmtime.Module | Component] = WeakValueDictionary()


def compile_shipped(
    directory: str, artifact: ManifestArtifact, engine: wasmtime.Engine
) -> tuple[str, wasmtime.Module | Component]:
    """Compile the source that is shipped with an artifact of a manifest in a directory; return its path and the result.

    What another caller has of the same source and engine is given again. Nothing is compiled but the bytes that the
    manifest lists. Raises LoadError, and ValueError when no source is shipped.
    """
    wasm = artifact.wasm
    if wasm is None:
        raise ValueError(f"no source of {artifact.module} is shipped")
    path = f"{directory}/{wasm.path}"
    data = _read(path, directory, wasm)
    _check_kind(path, data, artifact.kind)
    key = (wasm.sha256, engine)
    with _lock:
        turn = _turns.setdefault(key, threading.Lock())
    with turn:
        value = _compiled.get(key)
        if value is None or _is_closed(value):
            value = _compiled[key] = _compile(path, data, artifact.kind, engine)
        return path, value


def _read(path: str, directory: str, wasm: Wasm) -> bytes:
    try:
        descriptor, status = open_below(directory, wasm.path)
    except OSError as error:
        raise cannot_be_opened(path, error) from None
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if status.st_size != wasm.size:
            raise other_size(path, status.st_size, wasm.size)
        try:
            data = read_up_to(file, wasm.size + 1)
        except OSError as error:
            raise damaged(path, f"cannot be read: {error.strerror or error}") from None
    found = sha256(data).hexdigest()
    if found != wasm.sha256:
        raise other_digest(path, found, wasm.sha256)
    return data


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
        raise invalid_source(printable(path), str(error)) from None


def _is_closed(value: wasmtime.Module | Component) -> bool:
    """Tell whether an application that had it has closed it."""
    try:
        value.ptr()
    except ValueError:
        return True
    return False
