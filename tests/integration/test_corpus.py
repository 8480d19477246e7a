"""Real modules at full size, for every target family, from declaration to proof."""

from __future__ import annotations

import json

import corpus
import pytest
from support import Project

HEAD = """
[project]
name = "corpus"
[toolchain]
wasmtime = "48"
[targets.x64]
triple = "x86_64-unknown-linux-gnu"
[targets.x64-v3]
triple = "x86_64-unknown-linux-gnu"
cpu = "x86-64-v3"
[targets.arm]
triple = "aarch64-unknown-linux-gnu"
[targets.mac]
triple = "aarch64-apple-darwin"
[targets.windows]
triple = "x86_64-pc-windows-msvc"
[targets.riscv]
triple = "riscv64gc-unknown-linux-gnu"
cpu = "rv64gcv"
[targets.s390x]
triple = "s390x-unknown-linux-gnu"
[targets.pulley]
triple = "pulley64"
"""
NATIVE = '["x64*", "arm", "mac", "windows", "riscv", "s390x"]'


@pytest.fixture
def modules(project: Project) -> list[str]:
    """Declare the modules of the corpus that are compiled in each run, and return their names."""
    declaration = HEAD
    names = corpus.names(for_ci=True)
    for name in names:
        stem = name.removesuffix(".wasm")
        entry = corpus.table()[name]
        targets = f"targets = {NATIVE}\n" if entry.refused == "pulley64" else ""
        project.write(f"corpus/{name}", corpus.get(name).read_bytes())
        declaration += f'[modules."{stem}"]\nsource = "corpus/{name}"\n{targets}'
    project.declare(declaration)
    return names


@pytest.mark.needs("npm")
@pytest.mark.corpus
def test_real_modules_for_every_target(project: Project, modules: list[str]) -> None:
    assert len(modules) >= 5
    outcomes = project.outcomes()
    assert set(outcomes.values()) == {"compiled"}
    assert len(outcomes) > 7 * len(modules)
    report = json.loads(project.run("verify", "--json", "build").stdout)
    proved = {entry["id"]: entry["level"] for entry in report["artifacts"]}
    assert set(proved) == set(outcomes)
    for id, level in proved.items():
        here = id.endswith(("@x64", "@x64-v3", "@pulley"))
        assert level == ("loaded" if here else "consistent"), id
    assert project.compiled() == set()
    again = project.run("build", "--check-reproducible")
    assert f"{len(outcomes)} artifacts compiled again: {len(outcomes)} with the same bytes" in again.stderr


@pytest.mark.needs("npm")
@pytest.mark.corpus
def test_a_module_that_no_target_compiles_stops_no_other(project: Project) -> None:
    (name,) = [name for name, entry in corpus.table().items() if entry.refused == "every target"]
    project.write("bad.wasm", corpus.get(name).read_bytes())
    project.declare(
        HEAD + '[modules.bad]\nsource = "bad.wasm"\ntargets = ["x64"]\n[modules.good]\nsource = "add.wat"\n'
    )
    outcomes = project.outcomes(status=1)
    assert outcomes.pop("bad@x64") == "failed"
    assert set(outcomes.values()) == {"compiled"}
    error = project.run("build", status=1).stderr
    assert "bad.wasm uses legacy exceptions, which Wasmtime lacks; convert it with binaryen" in error
