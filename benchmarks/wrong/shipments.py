"""Right artifacts and their manifests, from which wrong ones are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import BenchmarkError, seconds
from benchmarks.workspace import LINE, Workspace
from tests import corpus
from wasmbuild.engine import host, translations, triples
from wasmbuild.verify import verify

ExpectedVerdict = tuple[bool, str | None, str | None]
"""``ok``, ``level`` and ``failed`` of an entry of the report."""

_REAL = "yoga.wasm"
_SOURCES = {
    "add": """(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))""",
    "counter": """(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global i64))
  (memory (export "memory") 1 10)
  (global (export "count") (mut i64) (i64.const 7))
  (table (export "table") 2 5 funcref)
  (func (export "next") (result i64) (call $log (i32.const 1)) (global.get 0)))""",
    "hello": """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "hello\\n")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))""",
    "plugin": """(component
  (import "log" (func (param "text" string)))
  (core module $m (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))""",
}
_TESTS = """
[[modules.add.tests]]
call = "add"
args = [2, 3]
returns = [5]
[[modules.add.tests]]
call = "half"
args = [3.0]
returns = [1.5]
[[modules.add.tests]]
call = "divide"
args = [1, 0]
traps = "divide by zero"
[[modules.hello.tests]]
wasi = {}
stdout = "hello\\n"
"""
# Triple, CPU level and engine of each; None is this host.
_TARGETS: Mapping[str, tuple[str | None, str, str]] = {
    "host": (None, "", ""),
    "host-counted": (None, "", "consume-fuel = true, epoch-interruption = true"),
    "host-guarded": (None, "", "memory-guard-size = 65536, memory-init-cow = false"),
    "host-cli": (None, "", 'embedder = "cli"'),
    "x64": ("x86_64-unknown-linux-gnu", "x86-64", ""),
    "x64-v2": ("x86_64-unknown-linux-gnu", "x86-64-v2", ""),
    "x64-small": ("x86_64-unknown-linux-gnu", "x86-64", 'cranelift-opt-level = "speed_and_size"'),
    "win": ("x86_64-pc-windows-msvc", "", ""),
    "freebsd": ("x86_64-unknown-freebsd", "x86-64-v3", 'embedder = "rust"'),
    "arm": ("aarch64-unknown-linux-gnu", "", ""),
    "arm-newer": ("aarch64-unknown-linux-gnu", "armv8.4-a", ""),
    "arm-fuel": ("aarch64-unknown-linux-gnu", "", "consume-fuel = true"),
    "mac": ("aarch64-apple-darwin", "armv8.4-a", ""),
    "riscv": ("riscv64gc-unknown-linux-gnu", "rv64gcv", ""),
    "s390x": ("s390x-unknown-linux-gnu", "z15", ""),
    "s390x-null": ("s390x-unknown-linux-gnu", "z15", 'collector = "null"'),
    "pulley": ("pulley64", "", ""),
    "pulley-epoch": ("pulley64", "", "epoch-interruption = true"),
    "pulley32": ("pulley32", "", ""),
    "pulley-be": ("pulley64be", "", ""),
}


class Shipment(NamedTuple):
    """What is shipped to one target, as it was built.

    ``document`` is the manifest as JSON, ``files`` are the artifacts by their paths in it, and ``verdicts`` what
    verification says of each module on this host.
    """

    document: Mapping[str, Any]
    files: Mapping[str, Path]
    verdicts: Mapping[str, ExpectedVerdict]

    @property
    def triple(self) -> triples.TargetTriple:
        return triples.parse(self.document["target"]["triple"])

    @property
    def machine(self) -> tuple[str, ...]:
        """What tells its artifacts from those of another machine."""
        return self.triple[1:]

    @property
    def isa_flags(self) -> Mapping[str, Any]:
        flags: Mapping[str, Any] = self.document["target"]["isa_flags"]
        return flags

    @property
    def engine(self) -> Mapping[str, Any]:
        """Its settings, without the name of the preset that they came from."""
        return {name: value for name, value in self.document["engine"].items() if name != "embedder"}

    @property
    def shows_interface(self) -> bool:
        """Whether what loads it here shows imports and exports, as an executable does not."""
        return host.runs(self.triple) and not translations.library_lacks(self.engine, LINE)

    def data(self, module: str) -> bytes:
        """Return the bytes of the artifact of a module."""
        [path] = [artifact["path"] for artifact in self.document["artifacts"] if artifact["module"] == module]
        return self.files[path].read_bytes()


def build(workspace: Workspace) -> list[Shipment]:
    """Build a few modules for all families of targets. Raises BenchmarkError when one of them is not found right."""
    directory = workspace.root / "right"
    directory.mkdir()
    lines = ["[project]", 'name = "right"', "[toolchain]", f"compiler = {json.dumps(str(workspace.executable))}"]
    for name, (triple, level, engine) in _TARGETS.items():
        lines += [f"[targets.{name}]", f'triple = "{triple or host.triple()}"', f"engine = {{ {engine} }}"]
        lines += [f'cpu = "{level}"'] if level else []
    for name, text in _SOURCES.items():
        (directory / f"{name}.wat").write_text(text, encoding="utf-8")
        lines += [f"[modules.{name}]", f'source = "{name}.wat"']
    (directory / _REAL).write_bytes(corpus.get(_REAL).read_bytes())
    lines += ["[modules.real]", f'source = "{_REAL}"', _TESTS]
    (directory / "wasmbuild.toml").write_text("\n".join(lines), encoding="utf-8")
    seconds(workspace.environment.wasmbuild("build", f"-j{workspace.jobs}"), directory)
    report = verify([directory / "build"])
    wrong = [entry for entry in report.artifacts if not entry.ok]
    if wrong:
        raise BenchmarkError(f"{wrong[0].id} is right, and yet: {wrong[0].message}")
    verdicts: dict[str, dict[str, ExpectedVerdict]] = {}
    for entry in report.artifacts:
        module, _, target = entry.id.partition("@")
        verdicts.setdefault(target, {})[module] = (entry.ok, entry.level, entry.failed)
    return [_shipment(directory / "build" / name, verdicts[name]) for name in _TARGETS]


def _shipment(directory: Path, verdicts: Mapping[str, ExpectedVerdict]) -> Shipment:
    document = json.loads((directory / "manifest.json").read_bytes())
    files = {artifact["path"]: directory / artifact["path"] for artifact in document["artifacts"]}
    return Shipment(document, files, verdicts)
