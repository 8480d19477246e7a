"""This machine, as what artifacts are compiled for."""

from __future__ import annotations

import os
import sys

from wasmbuild.engine import triples

# What systems call a machine, in lower case, to the first part of its triple.
_MACHINES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "riscv64": "riscv64gc",
    "s390x": "s390x",
}


def machine() -> str:
    """Return what the system calls this machine, such as ``"x86_64"``, ``"arm64"`` or ``"AMD64"``."""
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()


def triple() -> str | None:
    """Return the triple of the machine that runs this Python, or None where it is one that Wasmtime does not know.

    It is the triple for which the library of this Python's ``wasmtime`` package compiles.
    """
    first = _MACHINES.get(machine().lower())
    system: str = sys.platform
    if first is None or sys.maxsize <= 2**32:
        return None
    if system == "linux":
        return f"{first}-unknown-linux-{'musl' if 'musl' in getattr(sys.implementation, '_multiarch', '') else 'gnu'}"
    if system == "darwin":
        return f"{first}-apple-darwin"
    if system == "win32":
        return f"{first}-pc-windows-{'gnu' if 'GCC' in sys.version else 'msvc'}"
    if system.startswith("freebsd"):
        return f"{first}-unknown-freebsd"
    return None


def runs(target: triples.TargetTriple) -> bool:
    """Tell whether this machine runs what is compiled for a target, its CPU features apart.

    Pulley is interpreted wherever width and byte order of pointers are the machine's.
    """
    if target.is_pulley:
        bits = 64 if sys.maxsize > 2**32 else 32
        return target.pointer_width == bits and target.is_big_endian == (sys.byteorder == "big")
    own = triple()
    return own is not None and triples.parse(own).loads(target)
