"""From an index to the manifests that it names, each held against what the index says of it."""

from __future__ import annotations

import os

from wasmbuild.confined import ConfinedDirectory, LinkOutError
from wasmbuild.files import read_up_to
from wasmbuild.formats.manifest import MAX_MANIFEST, Index, IndexTarget, Manifest
from wasmbuild.shipment.errors import AFRESH, Reason, ShippedFileError
from wasmbuild.shipment.source import ShipmentSource

# Of any version: the reader says best what is to be done about one that it does not know.
_INDEX_MARK, _MANIFEST_MARK = b'"wasmbuild/index/', b'"wasmbuild/manifest/'


def is_index(data: bytes) -> bool:
    """Tell whether JSON is an index, of whatever version, and not a manifest."""
    return _INDEX_MARK in data and _MANIFEST_MARK not in data


def read_named(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return the bytes of a regular file that the user named, or that lies beside one; ``limit`` at most.

    Raises OSError as ``ConfinedDirectory.open`` does.
    """
    folder, name = os.path.split(os.fspath(path))
    with ConfinedDirectory(folder) as directory, directory.open_named(name)[0] as file:
        return read_up_to(file, limit)


def read_target(
    source: ShipmentSource, index: Index, target: IndexTarget, index_path: str
) -> tuple[Manifest, ShipmentSource]:
    """Return the manifest of a target of an index and its directory, to be closed by the caller.

    ``index_path`` names the index for people. Raises ShippedFileError for what is not there or is not what the index
    says, and FormatError for what is no manifest.
    """
    from hashlib import sha256

    where = path_of(target, index_path)
    name = os.path.basename(index_path)
    folder, _, file = target.path.rpartition("/")
    try:
        inner = source.below(folder)
        try:
            data = _read(source, inner, target.path, file)
        except BaseException:
            inner.close()
            raise
    except OSError as error:
        raise ShippedFileError.of(error, where, named_by=name) from None
    try:
        if len(data) <= MAX_MANIFEST and sha256(data).hexdigest() != target.sha256:
            problem = f"is not the manifest that {name} names (its SHA-256 differs)"
            raise ShippedFileError(Reason.OTHER_BYTES, where, problem, AFRESH)
        manifest = Manifest.from_bytes(data, where)
        if (manifest.project, manifest.target, manifest.triple) != (index.project, target.name, target.triple):
            problem = f"is that of {manifest.project}, target {manifest.target} ({manifest.triple}), and"
            named = f"{name} says {index.project}, target {target.name} ({target.triple})"
            raise ShippedFileError(Reason.OTHER_BYTES, where, f"{problem} {named}", AFRESH)
    except BaseException:
        inner.close()
        raise
    return manifest, inner


def path_of(target: IndexTarget, index_path: str) -> str:
    """Return the path of a target's manifest, for people."""
    return os.path.join(os.path.dirname(index_path), *target.path.split("/"))


def _read(source: ShipmentSource, inner: ShipmentSource, path: str, file: str) -> bytes:
    try:
        return inner.read(file, MAX_MANIFEST + 1)
    except LinkOutError:
        # A manifest may be a link that stays below the index, unlike what it lists, which stays below the manifest.
        return source.read(path, MAX_MANIFEST + 1)
