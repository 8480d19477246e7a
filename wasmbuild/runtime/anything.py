"""Load a file by itself: whatever it is, or strictly an artifact or a source; and why such a load failed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

import wasmtime

from wasmbuild import files
from wasmbuild.confined import is_below, open_below
from wasmbuild.errors import UsageError
from wasmbuild.formats.cwasm import ReadAt, is_artifact
from wasmbuild.formats.identify import Identity, identify
from wasmbuild.runtime import engines
from wasmbuild.runtime.artifacts import deserialize, refused
from wasmbuild.runtime.errors import (
    LoadError,
    MissingFileError,
    NotWebAssemblyError,
    PrecompiledError,
    UntrustedError,
)
from wasmbuild.runtime.loaded import Opened
from wasmbuild.runtime.misfits import fitting, invalid_source, other_code
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

Path = str | os.PathLike[str]

_IDENT = 8
_SOURCES = ("text", "module", "component")
# What a compiler says of bytes that are no source.
_NO_SOURCE = ("magic header not detected", "valid utf-8", "valid UTF-8", "expected at least one module field")


def load_any(path: Path, *, trusted: Path | Iterable[Path] = (), engine: wasmtime.Engine | None = None) -> Opened:
    """Load a file by the call that is right for its bytes: WebAssembly text, a core module, a component, an artifact.

    Sources are compiled with ``engine``, or with the defaults of the C API. Artifacts are native code that Wasmtime
    runs as it is, so they are loaded only below a directory, or of a file, that is named in ``trusted``, through every
    link; they get an engine with default settings, native or of Pulley, unless ``engine`` is given. For artifacts that
    wasmbuild made, ``load`` checks more and knows their settings.

    Raises UntrustedError, NotWebAssemblyError, InvalidSourceError, and what ``load_precompiled`` does for an artifact.
    """
    trusted = (trusted,) if isinstance(trusted, str | os.PathLike) else tuple(trusted)
    shown = printable(os.fspath(path))
    try:
        resolved = os.path.realpath(path, strict=True)
        roots = [root for root in map(os.path.realpath, trusted) if is_below(root, resolved)]
        with _open(resolved, roots[0] if roots else None) as file:
            if not is_artifact(file.read(_IDENT)):
                file.seek(0)
                return _compile(shown, os.fspath(path), file.read(), engine)
            if not roots:
                raise UntrustedError(
                    f"{shown} is a precompiled artifact and lies outside of every trusted place",
                    f"loading it runs the code in it: if nobody else can write there, pass trusted="
                    f"[{os.path.dirname(resolved)!r}], or load what wasmbuild built with load(directory, module)",
                )
            return _artifact(os.fspath(path), file, engine)
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from None


def load_precompiled(path: Path, *, engine: wasmtime.Engine | None = None) -> Opened:
    """Load a precompiled artifact and nothing else. The caller trusts the file: its code runs in this process.

    ``engine`` has to agree with the settings that it was compiled with; without, it is one with default settings.
    Raises NotPrecompiledError for a source, and OtherLineError, OtherArchitectureError, OtherSystemError,
    OtherCodeError, MissingCpuFeatureError, OtherSettingError or DamagedError for what does not fit.
    """
    try:
        with _open(os.fspath(path), None) as file:
            return _artifact(os.fspath(path), file, engine)
    except (OSError, ValueError) as error:
        raise _unreadable(printable(os.fspath(path)), error) from None


def load_source(path: Path, *, engine: wasmtime.Engine | None = None) -> Opened:
    """Compile WebAssembly text, a core module or a component in this process, and nothing else.

    Raises PrecompiledError for an artifact, NotWebAssemblyError, and InvalidSourceError for what Wasmtime refuses.
    """
    shown = printable(os.fspath(path))
    try:
        with _open(os.fspath(path), None) as file:
            data = file.read()
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from None
    return _compile(shown, os.fspath(path), data, engine)


def explain(error: wasmtime.WasmtimeError, path: Path) -> LoadError:
    """Return what it means that Wasmtime refused to load a file, whichever call the application made.

    For applications that call ``Module``, ``Component`` and their ``deserialize_file`` themselves: ``raise
    explain(error, path) from error``.
    """
    shown, words = printable(os.fspath(path)), str(error)
    try:
        with _open(os.fspath(path), None) as file:
            data = file.read()
            identity = identify(data)
            if identity.kind != "artifact" and (identity.kind not in _SOURCES or not _of_loader(words)):
                return _no_source(shown, identity) or invalid_source(shown, words)
            if any(phrase in words for phrase in _NO_SOURCE):
                return _precompiled(shown, identity)
            return refused(os.fspath(path), file.fileno(), None, words, declared=False)
    except (OSError, ValueError) as problem:
        return _unreadable(shown, problem)


def _open(path: str, root: str | None) -> IO[bytes]:
    """Open a regular file; below ``root``, if given, whatever happens to the path meanwhile. Raises OSError."""
    if root is None or root == path:
        return files.open_regular(path, follow=root is None)
    descriptor, _ = open_below(root, os.path.relpath(path, root).replace(os.sep, "/"))
    return os.fdopen(descriptor, "rb", buffering=0)


def _artifact(path: str, file: IO[bytes], engine: wasmtime.Engine | None) -> Opened:
    shown = printable(path)
    facts = fitting(shown, ReadAt.of(file, os.fstat(file.fileno()).st_size))
    is_pulley = facts.pulley_bits != 0
    if engine is None:
        order = "be" if facts.big_endian else ""
        engine = engines.default_engine(f"pulley{facts.pulley_bits}{order}" if is_pulley else None)
    elif engine.is_pulley() != is_pulley:
        raise other_code(shown, is_pulley)
    try:
        value = deserialize(file.fileno(), None, facts.kind, engine)
    except wasmtime.WasmtimeError as error:
        raise refused(path, file.fileno(), facts.kind, str(error), declared=False) from None
    return Opened(value, engine, path, precompiled=True)


def _compile(shown: str, path: str, data: bytes, engine: wasmtime.Engine | None) -> Opened:
    identity = identify(data)
    problem = _no_source(shown, identity)
    if problem is not None:
        raise problem
    engine = engine or engines.default_engine(None)
    try:
        if identity.kind == "text":
            data = bytes(wasmtime.wat2wasm(data))
        value: wasmtime.Module | Component
        if identify(data).kind == "component":
            from wasmtime import component

            value = component.Component(engine, data)
        else:
            value = wasmtime.Module(engine, data)
    except wasmtime.WasmtimeError as error:
        raise invalid_source(shown, str(error)) from None
    return Opened(value, engine, path, precompiled=False)


def _no_source(shown: str, identity: Identity) -> LoadError | None:
    if identity.kind in _SOURCES:
        return None
    if identity.kind == "artifact":
        return _precompiled(shown, identity)
    return NotWebAssemblyError(f"{shown} is {identity.sentence}", identity.advice)


def _precompiled(shown: str, identity: Identity) -> PrecompiledError:
    return PrecompiledError(
        f"{shown} is {identity.sentence}, and WebAssembly is needed here",
        "load it with wasmbuild.runtime.load(), which checks it, or with load_precompiled() or Wasmtime's own "
        "deserialize_file if you trust the file; or pass the .wasm or .wat that it was made from",
    )


def _of_loader(words: str) -> bool:
    """Tell whether Wasmtime took the file for an artifact when it said this."""
    return "precompiled artifact" in words or "artifact truncated" in words


def _unreadable(shown: str, error: OSError | ValueError) -> LoadError:
    if isinstance(error, FileNotFoundError):
        return MissingFileError(f"{shown} is missing", "name a file that is there")
    if isinstance(error, OSError):
        return MissingFileError(f"{shown} cannot be read: {printable(error.strerror or error)}", "name a regular file")
    raise UsageError(f"{shown} is no path: {error}") from None
