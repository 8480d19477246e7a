"""The package that CMake finds: ``find_package(wasmbuild)``.

The functions that it gives are described in ``docs/build-systems.md``. CMake is told of this directory by
``wasmbuild --cmake-dir``, and scikit-build-core by the entry point ``cmake.root``.
"""

from __future__ import annotations

import os


def directory() -> str:
    """Return the absolute path of the package, with forward slashes, as CMake writes paths."""
    return os.path.dirname(os.path.abspath(__file__)).replace(os.sep, "/")
