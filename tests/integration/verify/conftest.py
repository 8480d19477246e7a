"""Real artifacts with manifests, for the tests of verification.

Needs the wheels of the extra ``cross``: the library and an executable of one line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import engines
import pytest
from probing import Probing

from wasmbuild.engine import cpu, settings, triples
from wasmbuild.formats import identify, wasm
from wasmbuild.formats.documents import Source
from wasmbuild.formats.manifest import Index, IndexTarget, Manifest, ManifestArtifact
from wasmbuild.toolchain import cli, find, search_path
from wasmbuild.toolchain.embedded import Embedded
from wasmbuild.toolchain.job import Job
from wasmbuild.toolchain.limits import ProcessLimits

LIMITS = ProcessLimits(seconds=120)

CHECKSUM = """(module
  (import "env" "log" (func $log (param i32)))
  (memory (export "memory") 1 10)
  (global (export "count") (mut i64) (i64.const 7))
  (table (export "table") 2 5 funcref)
  (tag (export "failed") (param i32 f64))
  (data (i32.const 16) "polynomial")
  (func (export "sum") (param i32 i64 f32 f64 funcref externref) (result i32 i32)
    (call $log (local.get 0)) (local.get 0) (i32.load (i32.const 16))))"""
PLUGIN = """(component
  (import "log" (func (param "text" string)))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"""


class Workshop:
    """Compiles text or binaries for any target, and ships what it compiled: each with the same settings once."""

    line = search_path.default_line()
    checksum = CHECKSUM
    plugin = PLUGIN

    def __init__(self, root: Path, library: Embedded) -> None:
        self._root = root
        self.executable = find.find(find.CLI, self.line, ".")
        self.library = library
        self._compiled: dict[str, bytes] = {}
        self._translated: dict[str, bytes] = {}

    def binary(self, text: str | bytes) -> bytes:
        if isinstance(text, bytes):
            return text
        if text not in self._translated:
            self._translated[text] = self.library.translate(text.encode())
        return self._translated[text]

    def compile(
        self,
        text: str | bytes,
        triple: str,
        engine: Mapping[str, Any] | None = None,
        isa_flags: Mapping[str, Any] | None = None,
    ) -> bytes:
        config = engines.engine(engine, triple, self.line, isa_flags)
        key = repr((hashlib.sha256(self.binary(text)).hexdigest(), config))
        if key not in self._compiled:
            kind = identify.identify(self.binary(text)).kind
            number = len(self._compiled)
            source, out = self._root / f"{number}.wasm", self._root / f"{number}.cwasm"
            source.write_bytes(self.binary(text))
            cli.compile(
                self.executable,
                Job(
                    source, out, kind, config, LIMITS,
                    parallel=False, source=source.name, name=out.name,
                ),
            )  # fmt: skip
            self._compiled[key] = out.read_bytes()
        return self._compiled[key]

    def ship(
        self,
        root: Path,
        target: str,
        triple: str,
        texts: Mapping[str, str | bytes] | None = None,
        *,
        engine: Mapping[str, Any] | None = None,
        cpu_level: str | None = None,
        compiled_with: Mapping[str, Any] | None = None,
        instead: Mapping[str, bytes] | None = None,
        **changes: Any,
    ) -> Manifest:
        """Write artifacts of ``texts`` and their manifest into ``root / target``.

        ``compiled_with`` are settings other than the declared ``engine``; ``instead`` are bytes that the manifest
        describes, by module, in place of what was compiled.
        """
        texts = texts or {"checksum": CHECKSUM}
        parsed = triples.parse(triple)
        isa_flags = cpu.isa_flags(parsed.architecture, cpu_level, ()) if cpu_level else {}
        canonical = settings.expand(engine or {}, self.line, parsed)
        directory = root / target
        directory.mkdir(parents=True, exist_ok=True)
        artifacts = []
        for module, text in sorted(texts.items()):
            binary = self.binary(text)
            data = (instead or {}).get(module)
            if data is None:
                data = self.compile(text, triple, engine if compiled_with is None else compiled_with, isa_flags)
            (directory / f"{module}.cwasm").write_bytes(data)
            interface = wasm.interface(binary)
            artifacts.append(
                ManifestArtifact(
                    module=module,
                    kind=identify.identify(binary).kind,
                    path=f"{module}.cwasm",
                    size=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                    key="0" * 64,
                    source=Source(f"src/{module}.wat", "1" * 64),
                    imports=interface.imports,
                    exports=interface.exports,
                )
            )
        manifest = Manifest(
            project="filters",
            target=target,
            triple=triple,
            cpu=cpu_level,
            isa_flags=isa_flags,
            major=self.line,
            compiler=self.executable.version,
            compiler_sha256=self.executable.sha256,
            engine=canonical,
            require=None,
            artifacts=tuple(artifacts),
        )._replace(**changes)
        self.write(root, manifest)
        return manifest

    def write(self, root: Path, manifest: Manifest) -> None:
        (root / manifest.target / "manifest.json").write_bytes(manifest.to_bytes())

    def index(self, root: Path, *manifests: Manifest) -> str:
        """Write the index of what was shipped into ``root``, and return its digest."""
        entries = [
            IndexTarget(
                manifest.target,
                manifest.triple,
                f"{manifest.target}/manifest.json",
                hashlib.sha256((root / manifest.target / "manifest.json").read_bytes()).hexdigest(),
            )
            for manifest in manifests
        ]
        data = Index("filters", tuple(entries)).to_bytes()
        (root / "index.json").write_bytes(data)
        return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, embedded: Embedded) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"), embedded)


@pytest.fixture(scope="session")
def probing() -> Iterator[Probing]:
    """The probe; a test over which it ends costs the next one nothing but its start."""
    with Probing() as probing:
        yield probing
