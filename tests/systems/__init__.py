"""Build systems, each as an adapter over one project: what a user writes, and how the system is asked to build it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class System(NamedTuple):
    """One form of one system.

    ``files`` are what a user adds to the project, by their names; ``setup``, ``build`` and ``clean`` are commands, run
    in the project's directory with ``wasmbuild`` on PATH. ``out`` is the build directory from there. ``idle`` is a
    regular expression that what is said without anything to do matches as a whole. ``needs`` are programs that pip does
    not install. ``reasons`` say, by behaviour, why a cell of the table is not green: that behaviour has to fail.
    """

    name: str
    files: Mapping[str, str]
    build: tuple[str, ...]
    idle: str
    clean: tuple[str, ...]
    setup: tuple[tuple[str, ...], ...] = ()
    out: str = "out"
    needs: tuple[str, ...] = ()
    reasons: Mapping[str, str] = {}


def systems() -> list[System]:
    """Return all of them, in the order of the table."""
    from systems import cmake, make, meson, ninja

    return [*ninja.SYSTEMS, *make.SYSTEMS, *cmake.SYSTEMS, *meson.SYSTEMS]
