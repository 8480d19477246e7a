"""``wasmbuild verify`` to level ``loaded``, against the least that does the same: sha256sum and deserialize_file."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.measure import alternate, program, seconds
from benchmarks.modules import tiny_modules
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace, host_targets, real_modules
from tests import corpus

_ROUNDS = 9
_QUICK_ROUNDS = 3
_TINY = 4_000
_QUICK_TINY = 100
_LIMIT = Limit(1.2)

# One engine for each target; what loads is dropped at once.
_LOAD = """
import sys
from pathlib import Path
from wasmtime import Config, Engine, Module
for name in sys.argv[2:]:
    config = Config()
    if name == "portable":
        config.target = "pulley64"
    engine = Engine(config)
    for path in sorted(Path(sys.argv[1], name).glob("*.cwasm")):
        Module.deserialize_file(engine, str(path))
"""


def real(workspace: Workspace) -> Row:
    """Artifacts of real modules, of which the larger ones are many megabytes."""
    names = corpus.names(for_ci=workspace.quick)
    return _verify("verify-real", "real modules", real_modules(names), workspace)


def tiny(workspace: Workspace) -> Row:
    """Many small artifacts."""
    modules = tiny_modules(_QUICK_TINY if workspace.quick else _TINY)
    return _verify("verify-tiny", "tiny modules", modules, workspace)


def _verify(name: str, what: str, modules: Iterable[tuple[str, bytes]], workspace: Workspace) -> Row:
    environment = workspace.environment
    targets = host_targets()
    project = workspace.project(name, modules, targets)
    project.build()
    artifacts = sorted(project.build_dir.glob("*/*.cwasm"))

    def ours() -> float:
        return seconds(environment.wasmbuild("verify", project.build_dir), project.directory)

    def yardstick() -> float:
        hashing = seconds([program("sha256sum"), *artifacts], project.directory)
        names = [target.name for target in targets]
        return hashing + seconds(environment.run(_LOAD, project.build_dir, *names), project.directory)

    medians = alternate(ours, yardstick, _QUICK_ROUNDS if workspace.quick else _ROUNDS)
    size = sum(path.stat().st_size for path in artifacts) / 1e6
    text = f"verify {len(artifacts):,} artifacts of {what}, {size:.0f} MB; sha256sum and deserialize_file"
    return Row(name, text, medians, "ms", _LIMIT)


BENCHMARKS = [Benchmark("verify-real", real), Benchmark("verify-tiny", tiny)]
