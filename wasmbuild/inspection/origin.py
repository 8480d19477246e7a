"""Where an artifact came from: what its record and its target's manifest say, each only when it is of these bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from wasmbuild.errors import FormatError
from wasmbuild.formats.documents import MANIFEST
from wasmbuild.formats.manifest import MAX_MANIFEST, Manifest, ManifestArtifact
from wasmbuild.formats.record import MAX_RECORD, Record
from wasmbuild.inspection.facts import Origin
from wasmbuild.lean.typing import Any
from wasmbuild.project import filenames
from wasmbuild.shipment.errors import ShippedFileError
from wasmbuild.shipment.manifests import read_named
from wasmbuild.text import printable

# The name of a module may have folders, so that its manifest lies some levels above.
_LEVELS = 4


class Origins:
    """Finds records and manifests; each manifest is read once."""

    def __init__(self) -> None:
        self._manifests: dict[str, Manifest | str | None] = {}

    def of(self, path: str, size: int, sha256: str) -> tuple[Origin, ...]:
        """Return what the record and the manifest near an artifact say, the record first; nothing is trusted."""
        digest = (size, sha256)
        return (*_record(path, digest), *self._manifest(path, digest))

    def _manifest(self, path: str, digest: tuple[int, str]) -> Iterator[Origin]:
        directory, name = os.path.split(os.path.abspath(path))
        for _ in range(_LEVELS):
            file = os.path.join(directory, filenames.MANIFEST)
            manifest = self._read(file)
            if manifest is not None:
                shown = os.path.relpath(file) if not os.path.isabs(path) else file
                if isinstance(manifest, str):
                    yield Origin(shown, matches=False, problem=manifest)
                    return
                for artifact in manifest.artifacts:
                    if artifact.path == name:
                        yield _of_manifest(shown, manifest, artifact, digest)
                        return
            directory, folder = os.path.split(directory)
            if not folder:
                return
            name = f"{folder}/{name}"

    def _read(self, file: str) -> Manifest | str | None:
        """Return a manifest, why it cannot be read, or None where there is none of wasmbuild's."""
        if file not in self._manifests:
            self._manifests[file] = None
            try:
                data = read_named(file, MAX_MANIFEST + 1)
                # Other programs have files of this name too.
                if MANIFEST.rpartition("/")[0].encode() in data:
                    self._manifests[file] = Manifest.from_bytes(data, file)
            except FormatError as error:
                self._manifests[file] = str(error)
            except OSError:
                pass
        return self._manifests[file]


def _record(path: str, digest: tuple[int, str]) -> Iterator[Origin]:
    file = path + filenames.RECORD_SUFFIX
    try:
        record = Record.from_bytes(read_named(file, MAX_RECORD + 1), file)
    except FileNotFoundError:
        return
    except FormatError as error:
        yield Origin(file, matches=False, problem=str(error))
        return
    except OSError as error:
        yield Origin(file, matches=False, problem=str(ShippedFileError.of(error, file)))
        return
    if (record.size, record.sha256) != digest:
        yield Origin(file, matches=False, problem=_other_bytes(file, "is the record of"))
        return
    compiler, engine = record.inputs.get("compiler"), record.inputs.get("engine")
    version = compiler.get("version") if isinstance(compiler, dict) else None
    yield Origin(
        file,
        matches=True,
        id=record.id,
        source=record.source.path,
        source_sha256=record.source.sha256,
        wasm_sha256=record.wasm_sha256,
        compiler=version if isinstance(version, str) else "",
        engine=engine if isinstance(engine, dict) else None,
        imports=record.imports,
        exports=record.exports,
        traits=record.traits,
    )


def _of_manifest(file: str, manifest: Manifest, artifact: ManifestArtifact, digest: tuple[int, str]) -> Origin:
    if (artifact.size, artifact.sha256) != digest:
        return Origin(file, matches=False, problem=_other_bytes(file, "lists"))
    engine: Mapping[str, Any] = manifest.engine
    return Origin(
        file,
        matches=True,
        id=f"{artifact.module}@{manifest.target}",
        source=artifact.source.path,
        source_sha256=artifact.source.sha256,
        compiler=manifest.compiler,
        cpu=manifest.cpu,
        engine=engine,
        imports=artifact.imports,
        exports=artifact.exports,
        traits=artifact.traits,
        runtime=manifest.runtime,
    )


def _other_bytes(file: str, does: str) -> str:
    return (
        f"{printable(file)} {does} other bytes: this file was changed, or copied there from elsewhere; what it says of "
        "imports and exports is not shown"
    )
