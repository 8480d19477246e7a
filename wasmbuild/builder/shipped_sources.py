"""Sources that are shipped as binary WebAssembly beside their artifacts, for loaders that may compile them."""

from __future__ import annotations

from wasmbuild.builder.build_directory import BuildDirectory, record_path
from wasmbuild.builder.records import look_at_record
from wasmbuild.digest import sha256_hex
from wasmbuild.errors import DiskError
from wasmbuild.formats.manifest import Wasm
from wasmbuild.formats.record import Record
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project import filenames

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasmbuild.project.declared import Artifact, Module


class ShippedSources:
    """What lies beside the artifacts of modules with ``ship-source``."""

    def __init__(self, directory: BuildDirectory, binary: Callable[[Module], bytes]) -> None:
        """``binary`` returns a module's source as binary WebAssembly."""
        self._directory = directory
        self._binary = binary

    def has(self, artifact: Artifact) -> bool:
        """Tell whether the source of an artifact lies beside it. Raises DiskError."""
        seen = self._directory.memory.look(self._directory.root / artifact.wasm_path, follow=False)
        path = record_path(self._directory.root / artifact.path)
        record = look_at_record(self._directory.memory, path, follow=True)
        if seen is None or record is None or record.facts is None:
            return False
        return bool(seen.sha256 == record.facts["wasm"])

    def ship(self, artifact: Artifact, record: Record) -> Wasm:
        """Put the source of an artifact beside it, unless it is there. Raises DiskError, CompileError."""
        path = self._directory.root / artifact.wasm_path
        if not self.has(artifact):
            data = self._binary(artifact.module)
            if sha256_hex(data) != record.wasm_sha256:
                raise DiskError(f"{artifact.module.shown}: changed while it was built; build again")
            self._directory.put(path, data)
        return Wasm(artifact.module.name + filenames.WASM_SUFFIX, path.stat().st_size, record.wasm_sha256)
