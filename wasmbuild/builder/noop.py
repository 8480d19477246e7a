"""The shortest way to know that nothing is to be done: one look at every file that the last whole build knew.

The note that makes it possible is removed before a build changes anything and written when everything is right, so a
build that was killed leaves none. It holds no truth of its own: without it, everything is looked at more closely.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wasmbuild import __version__, files
from wasmbuild.project import filenames
from wasmbuild.project.names import NAME_PATTERN

STATE_DIRECTORY = ".wasmbuild"
"""The directory in a build directory that may be deleted at any time."""

SCHEMA = "wasmbuild/noop/3"

# Who can write the note may name anything in it: names that are joined to paths stay below the build directory.
_PATHS = re.compile(rf"(?:{NAME_PATTERN}(?:/{NAME_PATTERN})*\n)*")
_TARGETS = re.compile(rf"(?:{NAME_PATTERN}\n)*")


class Known(NamedTuple):
    """What the last whole build knew.

    ``targets`` are name, triple and modules; ``sources`` the absolute path of each module's source, by the module's
    name; ``shipped`` the paths in the build directory of the copies of them that are shipped, with slashes.
    ``outside`` is a JSON value of everything else that decides what is to be done: compilers and globs.
    """

    targets: list[tuple[str, str, list[str]]]
    sources: dict[str, str]
    shipped: list[str]
    outside: Any

    def ids(self) -> list[str]:
        """Return the ids of all artifacts, in the order of the plan."""
        return [f"{module}@{target}" for target, _, modules in self.targets for module in modules]


def file(root: Path) -> Path:
    """Return where the note of a build directory lies."""
    return root / STATE_DIRECTORY / "noop.json"


def read(root: Path, config: bytes) -> Known | None:
    """Return what the last whole build of this very declaration knew, if every file is as it was then."""
    try:
        document = json.loads(file(root).read_bytes())
        if document["for"] != _identity(config):
            return None
        known = Known(document["targets"], document["sources"], document["shipped"], document["outside"])
        if not _is_inside(known):
            return None
        stat = os.stat
        if document["files"] != _digest([files.signature(stat(path)) for path in paths(root, known)]):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return known


def _is_inside(known: Known) -> bool:
    """Tell whether all that is joined to the path of the build directory are names as they may be declared."""
    paths = [*known.shipped, *(module for _, _, modules in known.targets for module in modules)]
    targets = [target for target, _, _ in known.targets]
    return bool(_PATHS.fullmatch("\n".join([*paths, ""])) and _TARGETS.fullmatch("\n".join([*targets, ""])))


def to_bytes(
    root: Path, config: bytes, known: Known, signature: Callable[[str], files.Signature | None]
) -> bytes | None:
    """Return what ``read`` reads, or ``None`` where a file was too young to be trusted when it was found right.

    ``signature`` returns that of a file at that time, by its path.
    """
    signatures = []
    for path in paths(root, known):
        found = signature(path)
        if found is None:
            return None
        signatures.append(found)
    document = {
        "for": _identity(config),
        "targets": known.targets,
        "sources": known.sources,
        "shipped": known.shipped,
        "outside": known.outside,
        "files": _digest(signatures),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def paths(root: Path, known: Known) -> Iterator[str]:
    """Yield the absolute paths of all files of a whole build."""
    yield from known.sources.values()
    for path in known.shipped:
        yield f"{root}{os.sep}{path if os.sep == '/' else path.replace('/', os.sep)}"
    yield f"{root}{os.sep}{filenames.INDEX}"
    for target, _, modules in known.targets:
        directory = f"{root}{os.sep}{target}{os.sep}"
        yield f"{directory}{filenames.MANIFEST}"
        for module in modules:
            artifact = f"{directory}{module}.cwasm"
            if os.sep != "/":
                artifact = artifact.replace("/", os.sep)
            yield artifact
            yield f"{artifact}.json"


def _identity(config: bytes) -> list[str]:
    return [SCHEMA, __version__, hashlib.sha256(config).hexdigest()]


def _digest(signatures: list[files.Signature]) -> str:
    return hashlib.sha256(repr(signatures).encode("ascii")).hexdigest()
