"""What a wheel requires to load its artifacts, and whether the requirements that a project declares say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wasmbuild import __version__
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_RUNTIME = "wasmbuild-runtime"


def of(line: int, *, runtime: bool) -> list[str]:
    """Return what a distribution requires: the line of the library that loads its artifacts, and ``runtime``.

    Manifests are read by the version that wrote them, and by later ones.
    """
    return [f"wasmtime>={line},<{line + 1}", *([f"{_RUNTIME}>={__version__}"] if runtime else [])]


def conflict(required: Iterable[str], declared: Iterable[str]) -> str | None:
    """Say what is wrong with declared requirements, if they let in what loads no artifact of the line.

    A requirement for some environments alone (with a marker) lets any in elsewhere.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = [Requirement(text) for text in declared]
    for text in required:
        name = canonicalize_name(Requirement(text).name)
        ours = [entry for entry in found if canonicalize_name(entry.name) == name]
        why = _why_not(text, [entry for entry in ours if entry.marker is None])
        if why is not None:
            said = ", ".join(quoted(str(entry)) for entry in ours) or f"nothing of {name}"
            return f"[project] dependencies has {said}, and {why}; write {quoted(text)} there"
    return None


def _why_not(text: str, declared: Sequence[Requirement]) -> str | None:
    """Say what ``text`` demands that what is declared of the same distribution does not, if anything."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    demanded = Requirement(text)
    if demanded.name == _RUNTIME:
        return None if declared else "require-runtime = true says that it loads the artifacts"
    line = int(text.split(">=")[1].split(",")[0])
    allowed = SpecifierSet(",".join(str(entry.specifier) for entry in declared))
    others = any(allowed.contains(f"{other}.0.0") for other in (line - 1, line + 1, line + 50))
    lets_own = any(allowed.contains(f"{line}.0.{patch}") for patch in range(64))
    return None if lets_own and not others else f"the artifacts load in line {line} alone"
