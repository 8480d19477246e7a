"""Names of the declaration and of files in a build directory, for whoever writes or reads one."""

from __future__ import annotations

import os

CONFIG = "wasmbuild.toml"
"""The declaration, unless another file is named."""

INDEX = "index.json"
"""In the build directory itself."""

MANIFEST = "manifest.json"
"""In the directory of each target."""

STATE_DIRECTORY = ".wasmbuild"
"""What a build remembers, in the build directory unless it is placed elsewhere; it may be deleted at any time."""

BUILD_LOCK = f"{STATE_DIRECTORY}/lock"
"""What a build locks as long as it may write in the directory."""

ARTIFACT_SUFFIX = ".cwasm"
RECORD_SUFFIX = ".json"
"""What an artifact's name ends with, and what a record's has after that."""

ARTIFACT_RECORD_SUFFIX = ARTIFACT_SUFFIX + RECORD_SUFFIX
"""What a record's name ends with in a build directory; elsewhere, people name artifacts as they like."""

WASM_SUFFIX = ".wasm"
"""What the name of a source ends with that is shipped beside its artifact."""


def native(path: str) -> str:
    """Return a path below the build directory, which plans write with ``/``, as this system does."""
    return path if os.sep == "/" else path.replace("/", os.sep)
