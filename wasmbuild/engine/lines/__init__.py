"""The lines of Wasmtime, each a file here: what a line has is data, so that another line is another file.

``NN.toml`` has the tables that ``wasmbuild.engine.line`` describes, with dashes in place of underscores. With
``base = MM`` it says only in what the line differs from line MM: tables are put over those of the base key by key, and
``false`` in place of a table, a list or a text removes it. ``CONTRIBUTING.md`` says how a file is held against
compilers of its line.

``NN.json`` is the whole of it as ``python -m wasmbuild.engine.lines`` makes it of the TOML: applications read it when
they load their first artifact, in a fraction of the time that the TOML takes. ``known.json`` has their numbers, since
not everything that modules are loaded from can be listed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from wasmbuild.engine.line import (
    Conflict,
    CpuTable,
    Embedder,
    Flag,
    Line,
    RefusedFlags,
    RequiredFeatures,
    Setting,
    Winch,
)
from wasmbuild.lean.typing import Any

LAST_OWN_RELEASE_ONLY = 37
"""The last line whose loader takes what its own release compiled and nothing else; later ones compare the line."""

_HERE = os.path.dirname(__file__)


class UnknownLineError(ValueError):
    """A line of Wasmtime that this version of wasmbuild has no file for."""


@cache
def known() -> tuple[int, ...]:
    """Return the lines that are known, the lowest first."""
    return tuple(_read("known"))


@cache
def get(number: int) -> Line:
    """Return what a line has. Raises UnknownLineError."""
    if number not in known():
        raise UnknownLineError(f"the settings of Wasmtime {number} are not known")
    return _line(number, _read(str(number)))


def install_commands(number: int, at_least: str | None = None) -> list[str]:
    """Return commands, any of which gets a compiler for every target of a line, known or not, the easiest first.

    ``at_least`` is the lowest version that will do, such as ``"48.0.8"``.
    """
    # It brings the library and the executable of one line, and takes those of others away.
    install = get(number).install if number in known() and at_least is None else ""
    return [*([install] if install else []), f"wasmbuild toolchain install {at_least or number}"]


def without_library(number: int) -> str:
    """Say that the library of a line is not used; empty where it is, or where nobody knows the line."""
    if number not in known() or get(number).library:
        return ""
    return f"the library of Wasmtime {number} is not used"


def own_release_only(number: int) -> bool:
    """Tell whether the loader of a line, known or not, takes what its own release compiled and nothing else."""
    return get(number).own_release_only if number in known() else number <= LAST_OWN_RELEASE_ONLY


def newest() -> Line:
    """Return the newest line that is known."""
    return get(known()[-1])


def every_setting() -> dict[str, Setting]:
    """Return the settings of all lines by name, each as the newest line has it that has it."""
    found: dict[str, Setting] = {}
    for number in reversed(known()):
        found = {**found, **{name: one for name, one in get(number).settings.items() if name not in found}}
    return found


@contextmanager
def read_from(directory: str) -> Iterator[None]:
    """Read the lines from another directory for as long as this is open."""
    global _HERE
    before = _HERE
    _HERE = directory
    try:
        known.cache_clear()
        get.cache_clear()
        yield
    finally:
        _HERE = before
        known.cache_clear()
        get.cache_clear()


def _read(name: str) -> Any:
    """Read a file from where this module comes from, which may be the archive that an application is.

    Raises ImportError where it was not packed.
    """
    import json

    loader: Any = __spec__.loader
    path = os.path.join(_HERE, f"{name}.json")
    try:
        return json.loads(loader.get_data(path))
    except OSError as error:
        # An archive gives no number.
        if error.errno not in (0, errno.ENOENT, errno.ENOTDIR):
            raise
        package = __name__.partition(".")[0]
        raise ImportError(
            f"{path} is missing, a file of the package {package}; install the package again, or where an application "
            f"is bundled, bundle its data too, as with pyinstaller --collect-data {package}"
        ) from None


def _line(number: int, document: Mapping[str, Any]) -> Line:
    winch = document["winch"]
    by_architecture = {"": winch, **{name: table for name, table in winch.items() if isinstance(table, dict)}}
    by_architecture.pop("needs")
    return Line(
        number=number,
        artifact_version=document["artifact-version"],
        library=document["library"],
        settings={name: Setting(name, **_fields(table)) for name, table in document["settings"].items()},
        defaults=document["defaults"],
        embedders={name: Embedder(**_fields(table)) for name, table in document["embedders"].items()},
        winch=Winch(
            architectures=tuple(winch["architectures"]),
            off={name: tuple(table["off"]) for name, table in by_architecture.items()},
            lacks={name: tuple(table["lacks"]) for name, table in by_architecture.items()},
            needs=winch["needs"],
        ),
        flags={name: Flag(**_fields(table)) for name, table in document["cranelift-flags"].items()},
        refused_flags=RefusedFlags(**_fields(document["refused-flags"])),
        install=document["install"],
        layout_moved_in=document["layout-moved-in"],
        cargo_features=tuple(document["cargo-features"]),
        other_options=tuple(document["other-options"]),
        conflicts={name: Conflict(**_fields(table)) for name, table in document["conflicts"].items()},
        cpus={name: _cpu(table) for name, table in document["cpu"].items()},
    )


def _cpu(table: Mapping[str, Any]) -> CpuTable:
    needed = table.get("needed")
    return CpuTable(
        features={name: tuple(others) for name, others in table["features"].items()},
        levels={name: tuple(parts) for name, parts in table["levels"].items()},
        flags=table.get("flags", {}),
        left_out=tuple(table.get("left-out", ())),
        always_on=tuple(table.get("always-on", ())),
        needed=None if needed is None else RequiredFeatures(**_fields(needed)),
    )


def _fields(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in table.items()}
