"""What decides which compiler is taken, as far as it decides what mends a fault of the one that was."""

from __future__ import annotations

import os

from wasmbuild.lean.typing import TYPE_CHECKING, NamedTuple
from wasmbuild.toolchain import search_path
from wasmbuild.toolchain.find import EMBEDDED

if TYPE_CHECKING:
    from wasmbuild.plan.graph import Plan
    from wasmbuild.project.declared import Project


class CompilerChoice(NamedTuple):
    """``locked`` tells that a lock file names what compiles.

    ``named_by`` is what names the one compiler that is taken, whatever is installed: a key of the declaration, with its
    value where that is none of an executable, or a variable of the environment. It is empty where the best is taken.
    """

    locked: bool = False
    named_by: str = ""

    @property
    def is_embedded(self) -> bool:
        """Whether it is the library."""
        return self.named_by == _EMBEDDED


_EMBEDDED = f'[toolchain] compiler = "{EMBEDDED}"'


def of(declared: Project | Plan | None) -> CompilerChoice:
    """Return the choice that a declaration makes, here and now; without one, nothing is known to be chosen."""
    if declared is None:
        return CompilerChoice()
    locked = os.path.lexists(declared.directory / search_path.LOCK)
    if declared.compiler == EMBEDDED:
        return CompilerChoice(locked, _EMBEDDED)
    named = search_path.named_by(declared.compiler)
    return CompilerChoice(locked, "" if named is None else named[1])
