"""Edits of a source while a step compiles it.

Build systems compare times, and what a step made is younger than an edit that came before its end: they would never
compile that.
"""

from __future__ import annotations

from wasmbuild import files
from wasmbuild.errors import CompileError
from wasmbuild.lean.typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmbuild.project.declared import Module


class SourceWatch:
    """Tells whether the source of a module is the file that it was before it was read."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._seen = files.signature_of(module.source)

    def check(self) -> None:
        """Raise CompileError where it was edited since."""
        if files.signature_of(self._module.source) != self._seen:
            raise CompileError(f"{self._module.shown}: changed while it was compiled; run this step again")
