"""What a wheel requires to load its artifacts, and whether the requirements that a project declares say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wasmbuild import __version__
from wasmbuild.text import quoted

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_RUNTIME = "wasmbuild-runtime"
# Lines come once a month.
_FAR = 200


def of(lines: Iterable[int], *, runtime: bool) -> list[str]:
    """Return what a distribution requires: the lines of the library that load its artifacts, and ``runtime``.

    Manifests are read by the version that wrote them, and by later ones.
    """
    known = sorted(set(lines))
    others = [f"!={line}.*" for line in range(known[0], known[-1]) if line not in known]
    library = ",".join([f"wasmtime>={known[0]}", f"<{known[-1] + 1}", *others])
    return [library, *([f"{_RUNTIME}>={__version__}"] if runtime else [])]


def conflict(required: Iterable[str], declared: Sequence[str]) -> str | None:
    """Say all that is wrong with declared requirements, if they let in what loads no artifact.

    A requirement for some environments alone (with a marker) lets any in elsewhere.
    """
    found = [problem for text in required if (problem := _problem(text, declared)) is not None]
    return f"[project] dependencies {'; it '.join(found)}" if found else None


def is_for_some(text: str, declared: Iterable[str]) -> bool:
    """Tell whether a requirement is declared, but for some environments alone."""
    ours = _of_the_same(text, declared)
    return any(entry.marker for entry in ours) and _why_not(text, ours) is None


def _problem(text: str, declared: Iterable[str]) -> str | None:
    ours = _of_the_same(text, declared)
    why = _why_not(text, [entry for entry in ours if entry.marker is None])
    if why is None:
        return None
    said = ", ".join(quoted(str(entry)) for entry in ours) or f"nothing of {_name(text)}"
    if is_for_some(text, map(str, ours)):
        said += ", which lets any in where its marker does not hold"
    return f"has {said}, and {why}; write {quoted(text)} there"


def _of_the_same(text: str, declared: Iterable[str]) -> list[Requirement]:
    from packaging.requirements import Requirement

    return [Requirement(entry) for entry in declared if _name(entry) == _name(text)]


def _name(text: str) -> str:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    return canonicalize_name(Requirement(text).name)


def absent(required: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return what is required and not declared, however that is spelled."""
    from packaging.requirements import Requirement

    found = [Requirement(text) for text in declared]
    return [text for text in required if Requirement(text) not in found]


def _why_not(text: str, declared: Sequence[Requirement]) -> str | None:
    """Say what ``text`` demands that what is declared of the same distribution does not, if anything."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    demanded = Requirement(text)
    if any(entry.url for entry in declared):
        # It lets in one version, which nobody knows before it is fetched.
        return None
    allowed = SpecifierSet(",".join(str(entry.specifier) for entry in declared))
    # What requirements let in changes where a line begins, and at the versions that they name or right behind these.
    named = [found[0] for part in (*allowed, *demanded.specifier) if (found := re.match(r"\d+(\.\d+)*", part.version))]
    versions = [*(f"{line}.0.0" for line in range(_FAR)), *named, *(f"{version}.0.1" for version in named)]
    if {demanded.specifier.contains(version) for version in versions if allowed.contains(version)} == {True}:
        return None
    if demanded.name == _RUNTIME:
        return "require-runtime = true says that it loads the artifacts, in this version or a later one"
    wanted = [str(line) for line in range(_FAR) if demanded.specifier.contains(f"{line}.0.0")]
    return f"the artifacts load in {'line' if len(wanted) == 1 else 'lines'} {' and '.join(wanted)} alone"
