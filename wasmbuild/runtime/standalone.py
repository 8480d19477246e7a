"""Load a file by itself: whatever it is, or strictly an artifact or a source; and why such a load failed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

import wasmtime

from wasmbuild import files
from wasmbuild.confined import ConfinedDirectory, LinkOutError, is_below
from wasmbuild.errors import UsageError
from wasmbuild.formats.cwasm import ReadAt, is_artifact
from wasmbuild.formats.identify import MAX_SOURCE, FileIdentity, identify, identify_at
from wasmbuild.lean.typing import IO, TYPE_CHECKING
from wasmbuild.runtime import engines
from wasmbuild.runtime.artifacts import deserialize, refused
from wasmbuild.runtime.errors import (
    HostLimitError,
    InvalidSourceError,
    LoadError,
    MissingFileError,
    NotWebAssemblyError,
    PrecompiledError,
    UntrustedError,
)
from wasmbuild.runtime.file_errors import of_host, of_memory, said_by_host
from wasmbuild.runtime.instances import of_instantiation
from wasmbuild.runtime.loaded import Opened
from wasmbuild.runtime.mismatches import fitting, invalid_source, other_code, other_kind
from wasmbuild.shipment.errors import OF_THE_PATH
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

Path = str | os.PathLike[str]

_IDENT = 8
_HEAD = 64 << 10
_SOURCES = ("text", "module", "component")
# What Wasmtime says of the other kind of source, and which kind that is.
_OTHER_KIND = {
    "expected a WebAssembly module but was given a WebAssembly component": "component",
    "attempted to parse a wasm module with a component parser": "module",
}
# What a compiler says of bytes that are no source.
_NO_SOURCE = ("magic header not detected", "valid utf-8", "valid UTF-8", "expected at least one module field")

# Of a directory, mapping it says that there is no such device.
_OF_THE_FILE = OF_THE_PATH | {errno.ENODEV}


def load_any(path: Path, *, trusted: Path | Iterable[Path] = (), engine: wasmtime.Engine | None = None) -> Opened:
    """Load a file by the call that is right for its bytes: WebAssembly text, a core module, a component, an artifact.

    Sources are compiled with ``engine``, or with the defaults of the C API. Artifacts are native code that Wasmtime
    runs as it is, so they are loaded only below a directory, or of a file, that is named in ``trusted``, through every
    link; they get an engine with default settings, native or of Pulley, unless ``engine`` is given. For artifacts that
    wasmbuild made, ``load`` checks more and knows their settings.

    Raises UntrustedError, NotWebAssemblyError, InvalidSourceError, what ``load_precompiled`` does for an artifact, and
    UsageError for a file or a trusted place without a name.
    """
    _check_named("load_any", path)
    places = _resolved((trusted,) if isinstance(trusted, str | os.PathLike) else trusted)
    shown = printable(os.fspath(path))
    try:
        resolved = os.path.realpath(path, strict=True)
        roots = [root for root in places if is_below(root, resolved)]
        with _open(resolved, roots[0] if roots else None) as file:
            if not is_artifact(file.read(_IDENT)):
                return _source(shown, os.fspath(path), file, engine)
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
    OtherCodeError, MissingCpuFeatureError, OtherSettingError or DamagedError for what does not fit, and
    UsageError for a file without a name.
    """
    _check_named("load_precompiled", path)
    try:
        with _open(os.fspath(path), None) as file:
            return _artifact(os.fspath(path), file, engine)
    except (OSError, ValueError) as error:
        raise _unreadable(printable(os.fspath(path)), error) from None


def load_source(path: Path, *, engine: wasmtime.Engine | None = None) -> Opened:
    """Compile WebAssembly text, a core module or a component in this process, and nothing else.

    Raises PrecompiledError for an artifact, NotWebAssemblyError, InvalidSourceError for what Wasmtime refuses, and
    UsageError for a file without a name.
    """
    _check_named("load_source", path)
    shown = printable(os.fspath(path))
    try:
        with _open(os.fspath(path), None) as file:
            return _source(shown, os.fspath(path), file, engine)
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from None


def explain(error: wasmtime.WasmtimeError | wasmtime.Trap, path: Path) -> LoadError:
    """Return what it means that Wasmtime refused to load a file or to instantiate it, whichever call failed.

    For applications that call ``Module``, ``Component``, their ``deserialize_file`` and ``Linker`` themselves: ``raise
    explain(error, path) from error``.
    """
    shown, message = printable(os.fspath(path)), str(error)
    try:
        known = said_by_host(shown, message) or of_instantiation(shown, error)
        of_file = isinstance(known, HostLimitError) and known.errno in _OF_THE_FILE
        if known is not None and not of_file:
            return known
        with _open(os.fspath(path), None) as file:
            if known is not None:
                # Wasmtime's loader maps a file before it looks at it, which no system does with nothing.
                is_empty = os.fstat(file.fileno()).st_size == 0
                return refused(os.fspath(path), file, None, message, declared=False) if is_empty else known
            identity, _ = _identity(shown, file)
            if identity.kind != "artifact" and (identity.kind not in _SOURCES or not _of_loader(message)):
                wrong_kind = next((kind for phrase, kind in _OTHER_KIND.items() if phrase in message), None)
                if wrong_kind is not None:
                    return other_kind(shown, wrong_kind)
                return _no_source(shown, identity) or invalid_source(shown, message)
            if any(phrase in message for phrase in _NO_SOURCE):
                return _precompiled(shown, identity)
            return refused(os.fspath(path), file, None, message, declared=False)
    except LoadError as other:
        return other
    except (OSError, ValueError) as problem:
        return _unreadable(shown, problem)


def _check_named(call: str, path: Path) -> None:
    # An empty path is the working directory for the system, and an unset variable for whoever wrote it.
    if not os.fspath(path):
        raise UsageError(f'{call}(""): the path is empty; name the file to load')


def _resolved(trusted: Iterable[Path]) -> list[str]:
    """Return where trusted places are. Raises UsageError, LoadError."""
    places = []
    for place in trusted:
        if place is None or not os.fspath(place):
            raise UsageError(
                'load_any(trusted=...): a trusted place is empty; name a directory or a file, "." for this one'
            )
        try:
            places.append(os.path.realpath(place))
        except (OSError, ValueError) as error:
            raise _unreadable(f"the trusted place {printable(os.fspath(place))}", error) from None
    return places


def _open(path: str, root: str | None) -> IO[bytes]:
    """Open a regular file; below ``root``, if given, whatever happens to the path meanwhile. Raises OSError."""
    if root is None or root == path:
        return files.open_regular(path, follow=root is None)
    with ConfinedDirectory(root) as directory:
        return directory.open(os.path.relpath(path, root).replace(os.sep, "/"))[0]


def _artifact(path: str, file: IO[bytes], engine: wasmtime.Engine | None) -> Opened:
    shown = printable(path)
    size = os.fstat(file.fileno()).st_size
    facts = fitting(shown, ReadAt.of(file, size))
    is_pulley = facts.pulley_bits != 0
    if engine is None:
        order = "be" if facts.big_endian else ""
        engine = engines.default_engine(f"pulley{facts.pulley_bits}{order}" if is_pulley else None)
    elif engine.is_pulley() != is_pulley:
        raise other_code(shown, is_pulley)
    try:
        value = deserialize(file, size, None, facts.kind, engine)
    except wasmtime.WasmtimeError as error:
        raise refused(path, file, facts.kind, str(error), declared=False) from None
    except MemoryError:
        raise of_memory(shown) from None
    return Opened(value, engine, path, precompiled=True)


def _source(shown: str, path: str, file: IO[bytes], engine: wasmtime.Engine | None) -> Opened:
    """Compile an open file, when it is a source and no larger than Wasmtime takes one."""
    try:
        identity, data = _identity(shown, file)
        problem = _no_source(shown, identity)
        if problem is not None:
            raise problem
        if data is None:
            file.seek(0)
            data = files.read_up_to(file, MAX_SOURCE)
        return _compile(shown, path, data, engine)
    except MemoryError:
        raise of_memory(shown) from None


def _identity(shown: str, file: IO[bytes]) -> tuple[FileIdentity, bytes | None]:
    """Tell what an open file is from as much of it as that takes, and return its bytes where that took all of them.

    Raises InvalidSourceError for a source that Wasmtime does not take for its size.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = files.read_up_to(file, _HEAD)
    is_binary = head.startswith(b"\0asm")
    if size > MAX_SOURCE and (is_binary or identify(head).kind in ("text", "empty")):
        raise InvalidSourceError(
            f"{shown} has {size} bytes, and Wasmtime compiles {MAX_SOURCE} at most", "is it the right file?"
        )
    if not is_binary:
        return identify_at(ReadAt.of(file, size)), None
    # Whether it is whole shows at its end.
    data = head + files.read_up_to(file, MAX_SOURCE)
    return identify(data), data


def _compile(shown: str, path: str, data: bytes, engine: wasmtime.Engine | None) -> Opened:
    engine = engine or engines.default_engine(None)
    try:
        binary = data if data.startswith(b"\0asm") else bytes(wasmtime.wat2wasm(data))
        value: wasmtime.Module | Component
        if binary[6:8] == b"\1\0":
            from wasmtime import component

            value = component.Component(engine, binary)
        else:
            value = wasmtime.Module(engine, binary)
    except wasmtime.WasmtimeError as error:
        raise said_by_host(shown, str(error)) or invalid_source(shown, str(error)) from None
    return Opened(value, engine, path, precompiled=False)


def _no_source(shown: str, identity: FileIdentity) -> LoadError | None:
    if identity.kind in _SOURCES:
        return None
    if identity.kind == "artifact":
        return _precompiled(shown, identity)
    return NotWebAssemblyError(f"{shown} is {identity.sentence}", identity.advice)


def _precompiled(shown: str, identity: FileIdentity) -> PrecompiledError:
    return PrecompiledError(
        f"{shown} is {identity.sentence}, and WebAssembly is needed here",
        f"load it with {__package__}.load(), which checks it, or with load_precompiled() or Wasmtime's own "
        "deserialize_file if you trust the file; or pass the .wasm or .wat that it was made from",
    )


def _of_loader(message: str) -> bool:
    """Tell whether Wasmtime took the file for an artifact when it said this."""
    return "precompiled artifact" in message or "artifact truncated" in message


def _unreadable(shown: str, error: OSError | ValueError) -> LoadError:
    if not isinstance(error, OSError):
        raise UsageError(f"{shown} is no path: {error}") from None
    if isinstance(error, FileNotFoundError):
        return MissingFileError(f"{shown} is missing", "name a file that is there")
    problem = f"{shown} cannot be read: {printable(error.strerror or error)}"
    if isinstance(error, LinkOutError) or (error.errno or 0) in OF_THE_PATH:
        return MissingFileError(problem, "name a regular file")
    return of_host(problem, error.errno or 0)
