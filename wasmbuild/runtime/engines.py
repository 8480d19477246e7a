"""Engines that agree with a manifest: one for each set of settings, made once and shared."""

from __future__ import annotations

import os
from collections.abc import Mapping

import wasmtime

from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.runtime.errors import InexpressibleSettingError, OtherLineError, RefusedError
from wasmbuild.runtime.forking import ForkSafeLock
from wasmbuild.text import printable
from wasmbuild.versions import of_metadata

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.engine.config import EngineConfig

Key = tuple[str, int, str | None]
"""A canonical engine as JSON, its line, and the triple of Pulley bytecode or None for this machine's own code."""

# Settings are judged as for this where Wasmtime does not know the machine.
_ANY = "x86_64-unknown-linux-gnu"
_DECLARED = "under [toolchain] or in the target"
_EMPTY_MODULE = b"\0asm\x01\0\0\0"

_lock = ForkSafeLock()
_engines: dict[Key, wasmtime.Engine] = {}
_line: int | None = None


def library_line() -> int:
    """Return the line (major version) of the ``wasmtime`` package, from the metadata beside it or from its library."""
    global _line
    if _line is None:
        _line = _line_of_metadata() or _line_of_artifact()
    return _line


def library_version() -> str | None:
    """Return the version of the ``wasmtime`` package from the metadata beside it, None where that does not tell."""
    # importlib.metadata says the same and takes as long to import as wasmtime itself.
    try:
        return of_metadata(os.listdir(os.path.dirname(os.path.dirname(wasmtime.__file__))))
    except OSError:
        return None


def _line_of_metadata() -> int | None:
    version = library_version()
    return None if version is None else int(version.partition(".")[0])


def _line_of_artifact() -> int:
    from wasmbuild.formats import cwasm

    config = wasmtime.Config()
    # Threads that compile would be left behind in a process that only loads.
    config.parallel_compilation = False
    artifact = wasmtime.Module(wasmtime.Engine(config), _EMPTY_MODULE).serialize()
    return int(cwasm.read(bytes(artifact)).version)


def key(settings: Mapping[str, object], line: int, pulley: str | None) -> Key:
    """Return what tells engines apart."""
    import json

    return json.dumps(settings, sort_keys=True), line, pulley


def check(settings: Mapping[str, Any], line: int, pulley: str | None, subject: str) -> None:
    """Raise OtherLineError or InexpressibleSettingError for an engine that the library cannot make on this machine."""
    from wasmbuild.engine.rules import line_problem

    check_line(line, subject)
    if (unknown := line_problem(line)) is not None:
        raise OtherLineError(
            f"{subject} has settings that cannot be told to the library of the wasmtime package here: {unknown}",
            "install a later wasmbuild, or give load() an engine of the application's own",
        )
    config = _engine_config(settings, line, pulley)
    lacking = config.loader_lacks()
    if lacking:
        wanted = ", ".join(f"{name} = {_shown(settings[name])}" for name in lacking)
        raise InexpressibleSettingError(
            f"{subject} has an engine with {wanted}, which the Python library of Wasmtime cannot express",
            'build for this application with embedder = "c-api" under [engine] and without these settings, or load the '
            "artifacts with the embedder that they are declared for",
            lacking,
        )
    # What was declared for another machine may abort the process on this one.
    if wrong := config.problems():
        problems = "; ".join(f"{key}: {problem}" for key, problem, _fix in wrong)
        raise InexpressibleSettingError(
            f"{subject} has an engine that cannot be made on this machine: {problems}",
            "declare a target for this machine with settings that it can have, or give load() an engine of the "
            "application's own",
            [key for key, _problem, _fix in wrong],
        )


def for_library(settings: Mapping[str, Any], line: int) -> Mapping[str, Any]:
    """Return a canonical engine of a line as one of the library's line, on this machine."""
    from wasmbuild.engine import host, lines, triples
    from wasmbuild.engine.rules import line_problem

    here = library_line()
    # Of one that is not known, nothing can be told, and ``check`` says so. Where the library of a line is not used
    # otherwise, nothing says which defaults of others it can be told.
    if line == here or line_problem(here) is not None or not lines.get(here).library:
        return settings
    from wasmbuild.engine.settings import of_line

    return of_line(settings, line, here, triples.parse(host.triple() or _ANY))


def _engine_config(settings: Mapping[str, Any], line: int, pulley: str | None) -> EngineConfig:
    """Return the value of a canonical engine on this machine."""
    from wasmbuild.engine import host, triples
    from wasmbuild.engine.config import EngineConfig

    return EngineConfig(line, triples.parse(pulley or host.triple() or _ANY), {}, settings)


def make_config(settings: Mapping[str, Any], line: int, pulley: str | None, subject: str) -> wasmtime.Config:
    """Return a new ``Config`` with the settings of a canonical engine of a line; ``pulley`` is the triple of Pulley.

    Raises what ``check`` raises, and RefusedError for what Wasmtime does not take.
    """
    from wasmbuild.toolchain.configure import configure

    check(settings, line, pulley, subject)
    config = wasmtime.Config()
    try:
        if pulley is not None:
            config.target = pulley
        configure(config, _engine_config(settings, line, pulley).library_calls(runtime=True))
    except wasmtime.WasmtimeError as error:
        from wasmbuild.diagnosis.wording import one_line

        raise RefusedError(
            f"Wasmtime does not take the engine of {subject}: {one_line(str(error))}",
            "change the setting under [engine] and build again",
        ) from None
    return config


def shared_engine(key: Key, settings: Mapping[str, Any], subject: str) -> wasmtime.Engine:
    """Return the one engine of a key, made when it is first asked for. Raises what ``make_config`` raises."""
    found = _open_engine(key)
    if found is not None:
        return found
    with _lock.mutex:
        found = _open_engine(key)
        if found is None:
            found = _engines[key] = wasmtime.Engine(make_config(settings, key[1], key[2], subject))
        return found


def _open_engine(key: Key) -> wasmtime.Engine | None:
    """Return the engine of a key that was made before, unless an application that had it has closed it."""
    found = _engines.get(key)
    return None if found is None or is_closed(found) else found


def is_closed(value: wasmtime.Engine | wasmtime.Module | Component) -> bool:
    """Tell whether an application that had it has closed it."""
    try:
        value.ptr()
    except ValueError:
        return True
    return False


def is_made(key: Key) -> bool:
    """Tell whether the engine of a key was made before."""
    return key in _engines


def default_engine(pulley: str | None) -> wasmtime.Engine:
    """Return the shared engine of the C API's defaults; ``pulley`` is the triple of Pulley, None for native code."""
    wanted = key({"embedder": "c-api"}, library_line(), pulley)
    with _lock.mutex:
        found = _open_engine(wanted)
        if found is None:
            config = wasmtime.Config()
            if pulley is not None:
                config.target = pulley
            found = _engines[wanted] = wasmtime.Engine(config)
        return found


def check_line(line: int, subject: str) -> None:
    """Raise OtherLineError for a line that is not the library's."""
    if line != library_line():
        raise other_line(subject, str(line))


def other_line(subject: str, version: str) -> OtherLineError:
    """Return the error for what is for another line than the library's, or calls itself by no line at all."""
    return OtherLineError(
        f"{subject} is for Wasmtime {printable(version)}, and the library of the wasmtime package here is of "
        f"{library_line()}",
        _other_line_fix(int(version) if version.isdecimal() else None),
    )


def _other_line_fix(line: int | None) -> str:
    """Say what to do about what is for another line than the library's, or for one that cannot be told (None)."""
    from wasmbuild.engine.lines import known, own_release_only

    here, last = library_line(), known()[-1]
    fixes = [f'build again with wasmtime = "{here}" {_DECLARED}'] if here in known() else []
    # The library of such a line is one release, which loads what it compiled itself.
    if line is not None and not own_release_only(line):
        fixes.append(f"install that line: {_install(line)}")
    return ", or ".join(fixes) or f'{_install(last)}, and build again with wasmtime = "{last}" {_DECLARED}'


def _install(line: int) -> str:
    return f'pip install "wasmtime>={line},<{line + 1}"'


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
