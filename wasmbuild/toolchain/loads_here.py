"""Which release of Wasmtime loads artifacts on this machine, where nobody has said it: what is installed here."""

from __future__ import annotations

from wasmbuild.engine import host, triples
from wasmbuild.toolchain import search_path


def installed() -> str | None:
    """Return the version of the library of the ``wasmtime`` package, None where there is none or it is unknown."""
    try:
        path = search_path.library()
    except OSError:
        return None
    return search_path.library_version(path) if path is not None else None


def is_loaded_by_library(embedder: object, triple: str) -> bool:
    """Tell whether artifacts for an embedder and a target are those that the library of this machine is taken to load.

    Only that of the C API can be asked for its version: what else loads them is a program of its own.
    """
    if embedder != "c-api":
        return False
    try:
        return host.runs(triples.parse(triple))
    except ValueError:
        return False
