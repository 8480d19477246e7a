"""Manifests and indexes, read for judging alone: whatever line they are for, and whatever settings they name.

A manifest that the loader would refuse (of a line, a CPU or a setting that this version of wasmbuild does not know) can
still be judged, so that less is demanded of it here. Nothing that it names is opened but the manifests of an index.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from wasmbuild.audit.shipment import ShippedArtifact, ShippedManifest, Unreadable
from wasmbuild.boundary import host_fix
from wasmbuild.confined import ConfinedDirectory, LinkOutError, NotRegularError
from wasmbuild.files import read_up_to
from wasmbuild.formats.documents import INDEX, MANIFEST
from wasmbuild.formats.identify import taken_for_json
from wasmbuild.formats.manifest import MAX_MANIFEST
from wasmbuild.formats.reading import check_schema
from wasmbuild.formats.schema_check import compile_schema
from wasmbuild.formats.strict_json import Invalid, loads
from wasmbuild.lean.typing import Any
from wasmbuild.project import filenames
from wasmbuild.shipment.errors import AFRESH, AGAIN, LINKS_FOLLOWED, NAME_ONE, NO_TARGETS, OF_THE_PATH
from wasmbuild.shipment.manifests import is_index
from wasmbuild.text import printable

_BUILD = f"build first, or {NAME_ONE}"


def collect(paths: Iterable[str | os.PathLike[str]]) -> Iterator[ShippedManifest | Unreadable]:
    """Yield the manifests that paths lead to, in order, none of them twice, and what cannot be used.

    A path is a manifest, an index, or a directory: its index, or else the manifests in it and right below it.
    """
    seen: set[str] = set()
    for path in map(Path, paths):
        for where, opened in _found(path):
            real = os.path.realpath(where)
            if isinstance(opened, Unreadable):
                yield opened
            elif real not in seen:
                seen.add(real)
                yield _shipped(where, opened)


def _found(path: Path) -> Iterator[tuple[Path, bytes | Unreadable]]:
    """Yield where each manifest is, and its bytes, or what is wrong with it."""
    is_directory = os.path.isdir(path)
    try:
        # Held open: a link of a release may be moved meanwhile.
        with ConfinedDirectory(path if is_directory else path.parent) as directory:
            yield from _in(path, directory) if is_directory else _named(path, _bytes_named(path, directory), directory)
    except OSError as error:
        yield path, _refused(path, error)


def _in(path: Path, directory: ConfinedDirectory) -> Iterator[tuple[Path, bytes | Unreadable]]:
    index = path / filenames.INDEX
    if os.path.lexists(index):
        yield from _named(index, _bytes(index, filenames.INDEX, directory), directory)
        return
    below = [filenames.MANIFEST, *(f"{name}/{filenames.MANIFEST}" for name in sorted(os.listdir(path)))]
    found = [
        (path / name, data) for name in below if (data := _bytes_if_there(path / name, name, directory)) is not None
    ]
    if not found:
        message = f"holds neither {filenames.INDEX} nor a {filenames.MANIFEST}; {_BUILD}"
        yield path, Unreadable(printable(path), message)
    yield from found


def _named(
    path: Path, data: bytes | Unreadable, directory: ConfinedDirectory
) -> Iterator[tuple[Path, bytes | Unreadable]]:
    if isinstance(data, bytes) and is_index(data):
        yield from _index(path, data, directory)
    else:
        yield path, data


def _index(path: Path, data: bytes, directory: ConfinedDirectory) -> Iterator[tuple[Path, bytes | Unreadable]]:
    try:
        targets = _document(data, INDEX)["targets"]
    except Invalid as error:
        yield path, _invalid(path, error)
        return
    if not targets:
        # Whoever asks whether what lies there is affected would take silence for an answer.
        yield path, Unreadable(printable(path), f"names no targets, so there is nothing to judge: {NO_TARGETS}")
    for target in targets:
        where = path.parent / target["path"]
        manifest = _bytes(where, target["path"], directory)
        if isinstance(manifest, bytes) and hashlib.sha256(manifest).hexdigest() != target["sha256"]:
            message = f"is not the manifest that {path.name} names (its SHA-256 differs); {AFRESH}"
            manifest = Unreadable(printable(where), message)
        yield where, manifest


def _bytes_if_there(path: Path, name: str, directory: ConfinedDirectory) -> bytes | Unreadable | None:
    """Return the bytes of a file, None where nothing has its name."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # There may be one, and it may be affected.
        return _refused(path, error)
    return _bytes(path, name, directory)


def _bytes(path: Path, name: str, directory: ConfinedDirectory) -> bytes | Unreadable:
    """Return the bytes of a file of a directory, out of which no link leads."""
    try:
        return directory.read(name, MAX_MANIFEST + 1)
    except OSError as error:
        return _refused(path, error)


def _bytes_named(path: Path, directory: ConfinedDirectory) -> bytes | Unreadable:
    """Return the bytes of a file that the user named, through whatever links."""
    try:
        with directory.open_named(path.name)[0] as file:
            return read_up_to(file, MAX_MANIFEST + 1)
    except OSError as error:
        return _refused(path, error)


def _refused(path: Path, error: OSError) -> Unreadable:
    shown = printable(path)
    if isinstance(error, FileNotFoundError):
        return Unreadable(shown, f"is missing; {_BUILD}")
    problem = f"cannot be read: {printable(error.strerror or error)}"
    if isinstance(error, LinkOutError) and error.holds_data:
        return Unreadable(shown, f"{problem}; {LINKS_FOLLOWED}")
    if isinstance(error, (LinkOutError, NotRegularError)) or (error.errno in OF_THE_PATH - {errno.ENAMETOOLONG}):
        return Unreadable(shown, f"{problem}; {_BUILD}")
    return Unreadable(shown, "; ".join(filter(None, (problem, host_fix(error.errno or 0)))), by_host=True)


def _shipped(path: Path, data: bytes) -> ShippedManifest | Unreadable:
    try:
        document = _document(data, MANIFEST)
    except Invalid as error:
        if found := taken_for_json(data, path.name):
            return Unreadable(printable(path), f"is {found}; {NAME_ONE}")
        return _invalid(path, error)
    target = document["target"]
    return ShippedManifest(
        printable(path),
        document["wasmtime"]["compiler"],
        target["triple"],
        document["engine"],
        target["isa_flags"],
        tuple(
            ShippedArtifact(f"{artifact['module']}@{target['name']}", artifact["kind"], artifact.get("traits"))
            for artifact in document["artifacts"]
        ),
        document["wasmtime"].get("runtime"),
    )


def _document(data: bytes, schema: str) -> Any:
    """Read a document of a format, of which no more is demanded than is used here. Raises Invalid."""
    document = loads(data, MAX_MANIFEST)
    check_schema(document, schema)
    _CHECKS[schema](document)
    return document


def _invalid(path: Path, error: Invalid) -> Unreadable:
    problem = ": ".join(filter(None, (error.where(), error.problem)))
    return Unreadable(printable(path), f"is not what it should be: {problem}; {error.fix or AGAIN}")


_TEXT = {"type": "string", "maxLength": 1000}
_OBJECT = {"type": "object"}
_TRAITS = {
    "type": "object",
    "additionalProperties": {"type": ["boolean", "integer", "array"], "items": _TEXT, "description": "a trait"},
}


def _needs(optional: Mapping[str, object] = MappingProxyType({}), **properties: object) -> dict[str, object]:
    return {"type": "object", "properties": {**properties, **optional}, "required": list(properties)}


_ARTIFACT = _needs({"traits": _TRAITS}, module=_TEXT, kind={"type": "string", "enum": ["module", "component"]})

_CHECKS = {
    MANIFEST: compile_schema(
        _needs(
            schema={"type": "string", "const": MANIFEST},
            target=_needs(name=_TEXT, triple=_TEXT, isa_flags=_OBJECT),
            wasmtime=_needs({"runtime": _TEXT}, compiler=_TEXT),
            engine=_OBJECT,
            artifacts={"type": "array", "items": _ARTIFACT},
        )
    ),
    INDEX: compile_schema(
        _needs(
            schema={"type": "string", "const": INDEX},
            targets={
                "type": "array",
                "items": _needs(
                    path={
                        "type": "string",
                        "pattern": r"^(?:(?!\.)[^/\\\u0000]+/)*(?!\.)[^/\\\u0000]+\.json$(?!\n)",
                        "maxLength": 1000,
                    },
                    sha256=_TEXT,
                ),
            },
        )
    ),
}
