"""What somebody took for a manifest, in words: which file it is, and which one is wanted."""

from __future__ import annotations

import json
import os
from pathlib import Path

from wasmbuild.errors import FormatError
from wasmbuild.formats.identify import identify
from wasmbuild.formats.manifest import MAX_INDEX, Index
from wasmbuild.project import filenames
from wasmbuild.shipment.manifests import read_named
from wasmbuild.text import printable

_KNOWN = ("artifact", "module", "component", "text", "elf")


def mistaken(path: Path, data: bytes) -> str:
    """Say what a file is that is no manifest, and what to name; empty for a manifest, whole or damaged."""
    if path.suffix == ".toml":
        return f"is no manifest; name a declaration with --config {path}"
    if not data.lstrip().startswith(b"{"):
        identity = identify(data)
        if identity.kind in _KNOWN:
            return f"is {identity.sentence}, not a manifest; name {_wanted(path)}"
        return "" if path.name == filenames.MANIFEST else f"is no manifest; name {_wanted(path)}"
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    schema = document.get("schema")
    if not isinstance(schema, str):
        return f"is JSON that is not from wasmbuild, and no manifest; name {_wanted(path)}"
    if schema.startswith("wasmbuild/manifest/"):
        return ""
    if schema.startswith("wasmbuild/index/"):
        return f"is an index, which names the manifests of all targets; name that of one, {_first(path, data)}"
    if schema.startswith("wasmbuild/record/"):
        return f"is the record of one artifact, not a manifest; name {_wanted(path)}"
    return f'is no manifest: its schema is "{printable(schema)}"; name {_wanted(path)}'


def in_directory(directory: Path) -> str:
    """Say what to name in place of a directory: the manifest in it, or of a build directory the first target's."""
    manifest, index = directory / filenames.MANIFEST, directory / filenames.INDEX
    if os.path.isfile(manifest):
        return f"name the manifest in it, {manifest}"
    try:
        return f"name the manifest of a target in it, {_first(index, read_named(index, MAX_INDEX + 1))}"
    except OSError:
        return f"name {_wanted(manifest)}"


def _first(path: Path, data: bytes) -> str:
    """Return the manifest of the first target of an index."""
    try:
        targets = Index.from_bytes(data, str(path)).targets
    except FormatError:
        targets = ()
    return f"such as {path.parent / targets[0].path}" if targets else f"the {filenames.MANIFEST} in its directory"


def _wanted(path: Path) -> str:
    """Return the manifest that is nearest to a file: the target's, where the file is one of a target."""
    near = (directory / filenames.MANIFEST for directory in path.parents)
    found = next((manifest for manifest in near if manifest != path and os.path.isfile(manifest)), None)
    return str(found or f"the {filenames.MANIFEST} of a target in the build directory")
