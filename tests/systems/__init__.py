"""Build systems, each as an adapter over one project: what a user writes, and how the system is asked to build it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class System(NamedTuple):
    """One form of one system.

    ``files`` are what a user adds to the project, by their names; ``setup``, ``build`` and ``clean`` are commands, run
    in the project's directory with ``wasmbuild`` on PATH. In ``build``, ``JOBS`` stands for how many jobs may run at
    once. ``out`` is the build directory from there, a glob where the system chooses its name; ``beside`` are files
    there that ``wasmbuild build`` does not make. ``idle`` is a regular expression that what is said without
    anything to do matches as a whole. ``needs`` are programs that pip does not install. ``placed`` returns the form
    that builds into another directory. ``reasons`` say, by behaviour, why a cell of the table is not green: that
    behaviour has to fail.
    """

    name: str
    files: Mapping[str, str]
    build: tuple[str, ...]
    idle: str
    clean: tuple[str, ...]
    placed: Callable[[str], System]
    setup: tuple[tuple[str, ...], ...] = ()
    out: str = "out"
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reasons: Mapping[str, str] = {}


JOBS = "JOBS"


def systems() -> list[System]:
    """Return all of them, in the order of the table."""
    from systems import cargo, cmake, doit, make, meson, ninja, scons

    modules = (ninja, make, cmake, meson, scons, cargo, doit)
    return [system for module in modules for system in module.SYSTEMS]
