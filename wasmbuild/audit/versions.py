"""Versions of Wasmtime, and the ranges of them in which a fault is found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wasmbuild.lean.typing import NamedTuple

_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:([-+])[0-9A-Za-z.+-]*)?")


class Version(NamedTuple):
    """A version; ``release`` is False for one before its release, such as ``49.0.0-rc.1``."""

    major: int
    minor: int
    patch: int
    release: bool = True

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + ("" if self.release else " before its release")

    @property
    def line(self) -> str:
        """What upstream mends by itself: ``48`` of 48.0.2, and ``0.38`` of 0.38.1."""
        return str(self.major) if self.major else f"0.{self.minor}"


class Range(NamedTuple):
    """Versions from ``introduced`` up to ``fixed``, which is not one of them; None where it was never fixed."""

    introduced: Version
    fixed: Version | None

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, Version):
            return False
        # Nobody says what a version before its release has of it: it counts when the release does.
        final = version._replace(release=True)
        return self.introduced <= final and (self.fixed is None or version < self.fixed)


def parse(text: str) -> Version | None:
    """Read a version such as ``48.0.8``, or ``0`` for the first of all; None for anything else."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    return Version(int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4] != "-")


def within(version: Version, ranges: Iterable[Range]) -> Range | None:
    """Return the range that holds a version."""
    return next((each for each in ranges if version in each), None)
