"""What the tests of the runtime share: manifests and artifacts made up byte by byte, which no compiler made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import maker
import pytest

from wasmbuild.engine import host, triples
from wasmbuild.formats.documents import Source
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact, Wasm
from wasmbuild.runtime import engines, loading, shipments

HOST = host.triple() or "pulley64"
FOREIGN = "s390x-unknown-linux-gnu"


def artifact(triple: str = HOST, *, version: str | None = None, kind: str = "module", body: bytes = b"") -> bytes:
    """Return a file with the headers of an artifact and nothing to run."""
    return maker.artifact(
        triple,
        kind=kind,
        version=version or str(engines.library_line()),
        architecture=triples.parse(triple).architecture,
        shared={},
        tail=body,
    )


class Shipping:
    """Writes targets with their manifests, and the index that names them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._targets: list[IndexTarget] = []

    def target(
        self,
        name: str,
        files: Mapping[str, bytes],
        triple: str = HOST,
        sources: Mapping[str, bytes] | None = None,
        **changes: Any,
    ) -> Path:
        """Write a target and return its directory; the files are artifacts by module, the sources those it ships."""
        directory = self.root / name
        directory.mkdir(parents=True, exist_ok=True)
        entries = []
        for module, data in sorted(files.items()):
            path = directory / f"{module}.cwasm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            source = Source(f"{module}.wat", "1" * 64)
            entry = ManifestArtifact(module, "module", f"{module}.cwasm", len(data), digest, "0" * 64, source, (), ())
            if sources is not None and (wasm := sources.get(module)) is not None:
                (directory / f"{module}.wasm").write_bytes(wasm)
                shipped = Wasm(f"{module}.wasm", len(wasm), hashlib.sha256(wasm).hexdigest())
                entry = entry._replace(wasm=shipped)
            entries.append(entry)
        line = int(changes.pop("major", engines.library_line()))
        manifest = Manifest(
            project="demo", target=name, triple=triple, cpu=None, isa_flags={}, major=line, compiler=f"{line}.0.2",
            compiler_sha256="2" * 64, engine={"embedder": "c-api"}, require=None, artifacts=tuple(entries),
        )  # fmt: skip
        data = manifest._replace(**changes).to_bytes()
        (directory / "manifest.json").write_bytes(data)
        self._targets.append(IndexTarget(name, triple, f"{name}/manifest.json", hashlib.sha256(data).hexdigest()))
        return directory

    def index(self) -> Path:
        """Write the index of all targets and return the directory that holds it."""
        (self.root / "index.json").write_bytes(Index("demo", tuple(self._targets)).to_bytes())
        return self.root


@pytest.fixture
def shipping(tmp_path: Path) -> Shipping:
    return Shipping(tmp_path / "build")


@pytest.fixture
def make_artifact() -> Callable[..., bytes]:
    return artifact


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see what another one read or learned of this CPU."""
    monkeypatch.setattr(shipments, "_shipments", type(shipments._shipments)())
    monkeypatch.setattr(loading, "_lacking", set())
