"""CPU levels of x86-64 below and above that of the machine that loads: emulated ones, and this one."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from support import HEAD, Project

from wasmbuild.engine import host

pytestmark = pytest.mark.skipif(host.triple() != "x86_64-unknown-linux-gnu", reason="emulates x86-64 on itself")

LEVELS = {"v1": "x86-64", "v2": "x86-64-v2", "v3": "x86-64-v3", "v4": "x86-64-v4"}
MODULE = """[modules.add]
source = "add.wat"
[[modules.add.tests]]
call = "add"
args = [1, 2]
returns = [3]
"""
QEMU = """[targets.{name}.runner]
command = ["qemu-x86_64-static", "-cpu", "{model}"]
{program} = '{path}'
"""


def build(project: Project, **runner: str) -> None:
    targets = "".join(
        f'[targets.{name}]\ntriple = "x86_64-unknown-linux-gnu"\ncpu = "{cpu}"\n'
        + (QEMU.format(name=name, **runner) if runner else "")
        for name, cpu in LEVELS.items()
    )
    project.declare(HEAD + targets + MODULE)
    project.run("build")


@pytest.mark.needs("qemu-x86_64-static")
@pytest.mark.parametrize("program", ["python", "wasmtime"])
@pytest.mark.parametrize(
    ("model", "reached", "lacks"),
    [
        ("qemu64", ["v1"], {"ssse3", "sse41", "sse42", "popcnt"}),
        ("Nehalem", ["v1", "v2"], {"avx", "avx2", "bmi1", "bmi2", "fma", "lzcnt"}),
        # It warns of more features that it does not emulate.
        ("Haswell", ["v1", "v2", "v3"], {"avx512dq", "avx512f", "avx512vl"}),
    ],
)
def test_an_emulated_cpu_takes_its_level_and_those_below(
    project: Project, workshop: Any, program: str, model: str, reached: list[str], lacks: set[str]
) -> None:
    path = sys.executable if program == "python" else workshop.executable.path
    build(project, model=model, program=program, path=path)
    found = project.verdicts(status=1)
    assert [name for name in LEVELS if found[f"add@{name}"]["level"] == "tested"] == reached
    for name in LEVELS.keys() - set(reached):
        entry = found[f"add@{name}"]
        assert (entry["ok"], entry["level"], entry["failed"]) == (False, "consistent", "loaded")
        begin, _, rest = entry["message"].partition(" lacks ")
        assert begin == "cannot be loaded by the runner of its target: its CPU"
        feature, _, fix = rest.partition("; ")
        assert feature in lacks
        assert fix == (
            "run it on a machine that has that (qemu emulates no AVX-512), or lower the cpu of the target"
            if feature.startswith("avx512")
            else "give it a CPU that has that, such as qemu's -cpu max, or lower the cpu of the target"
        )


def test_a_level_above_that_of_this_machine_is_no_fault_of_the_artifact(project: Project) -> None:
    build(project)
    found = project.verdicts()
    levels = [found[f"add@{name}"]["level"] for name in LEVELS]
    assert levels[0] == "tested"
    assert levels == sorted(levels, reverse=True), "a CPU that takes a level takes those below"
    if levels[-1] == "tested":
        pytest.skip("this CPU has all levels")
    lacking = [entry for entry in found.values() if entry["level"] != "tested"]
    for entry in lacking:
        assert (entry["ok"], entry["level"], entry["failed"]) == (True, "consistent", None)
        assert entry["message"].startswith("cannot be loaded on this host: its CPU lacks ")
    # Demanded, it is.
    project.declare((project.root / "wasmbuild.toml").read_text().replace('-v4"\n', '-v4"\nrequire = "loaded"\n'))
    project.run("build")
    entry = project.verdicts(status=1)["add@v4"]
    assert (entry["ok"], entry["failed"]) == (False, "loaded")
    assert entry["message"].endswith("; its manifest demands the level loaded")
