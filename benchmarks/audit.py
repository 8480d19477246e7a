"""An audit of a fleet's manifests, over reading the same JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import alternate, cpu_seconds
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace
from tests.audited import (
    EXCEPTIONS_AND_GC,
    GC,
    HUGE_BR_TABLE,
    ONE_TAG_AND_PASSIVE_DATA,
    TRIPLES,
    artifact,
    manifest,
    ship,
)

_ROUNDS = 15
# What a manifest of one line of Wasmtime may be compiled by.
_COMPILERS = ("48.0.2", "48.0.8")
_SHAPES: tuple[dict[str, Any], ...] = ({}, GC, EXCEPTIONS_AND_GC, ONE_TAG_AND_PASSIVE_DATA, HUGE_BR_TABLE)
# Nothing is severe enough to fail, since what fails is no row.
_DECLARED = """\
[project]
name = "fleet"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[modules.m]
source = "m.wat"
[audit]
fail-on = "critical"
[[audit.ignore]]
id = "GHSA-mghf-wjfp-p5xm"
reason = "measured"
"""
_READ = """
import json, sys
from pathlib import Path
from typing import Any
for path in Path(sys.argv[1]).glob("*/manifest.json"):
    with path.open() as file:
        json.load(file)
"""


def audit(workspace: Workspace) -> Row:
    """``wasmbuild audit`` of 10,000 artifacts."""
    root = workspace.root / "fleet"
    _fleet(root / "shipped", 10_000)
    (root / "wasmbuild.toml").write_text(_DECLARED)
    (root / "m.wat").write_text("(module)")
    ours = workspace.environment.wasmbuild("audit", "--json", "shipped")
    read = workspace.environment.run(_READ, "shipped")
    medians = alternate(lambda: cpu_seconds(ours, root), lambda: cpu_seconds(read, root), _ROUNDS)
    what = "wasmbuild audit, computing, 10,000 artifacts; json.load of their manifests"
    return Row("audit-10000", what, medians, "ms", Limit(5.0, 0.060))


def _fleet(directory: Path, artifacts: int) -> None:
    """Write manifests of so many artifacts, no two of which have the same traits."""
    triples = list(TRIPLES.items())
    count = artifacts // len(triples) + 1
    manifests = {}
    for place, (target, triple) in enumerate(triples):
        first = place * count
        listed = [
            artifact(f"m{number}", {**_SHAPES[number % len(_SHAPES)], "function-values": 100 + number})
            for number in range(first, min(first + count, artifacts))
        ]
        compiler = _COMPILERS[place % len(_COMPILERS)]
        manifests[target] = manifest(listed, target=target, triple=triple, compiler=compiler)
    ship(directory, manifests)


BENCHMARKS = [Benchmark("audit-10000", audit)]
