"""What files say of themselves: artifacts without loading them, WebAssembly, and what is neither.

Nothing is executed and nothing is deserialized. References to compare an artifact's settings with, translating text and
telling which features a module needs are work of a child that holds the library, or of an executable.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from wasmbuild.inspection.difference import Comparison, FileDifference, compare
from wasmbuild.inspection.facts import Description
from wasmbuild.inspection.reading import Inspector

__all__ = ["Comparison", "Description", "FileDifference", "compare", "inspect"]


def inspect(paths: Iterable[str | os.PathLike[str]]) -> list[Description]:
    """Describe files, in the order of ``paths``. A file that cannot be described is one with an ``error``.

    Raises ChildError and OSError when this host cannot do its part.
    """
    with Inspector() as reader:
        return [reader.describe(os.fspath(path)) for path in paths]
