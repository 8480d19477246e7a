"""What is said of a compiler before anything is built with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Project

from wasmbuild.builder.workspace import Workspace
from wasmbuild.commands import toolchain_check
from wasmbuild.engine import host
from wasmbuild.formats import wasm_traits
from wasmbuild.toolchain.checking import CheckedTarget
from wasmbuild.toolchain.find import FoundCompiler

TARGETS = """
[project]
name = "a"
[toolchain]
wasmtime = "48"
[targets.host]
triple = "HOST"
[targets.arm]
triple = "aarch64-unknown-linux-gnu"
[targets.portable]
triple = "pulley64"
[targets.plain]
triple = "x86_64-unknown-linux-gnu"
engine = { wasm-simd = false, wasm-relaxed-simd = false, wasm-exceptions = false, wasm-bulk-memory = false }
[targets.winch]
triple = "x86_64-unknown-linux-gnu"
engine = { strategy = "winch" }
"""
ALL = ["SIMD", "bulk memory", "passive data", "tables", "exceptions"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.declare(TARGETS.replace("HOST", host.triple() or "pulley64"))
    return project


def test_every_target_is_compiled_for(project: Project) -> None:
    report = json.loads(project.run("toolchain", "check", "--json").stdout)
    found = {target["name"]: target for target in report["targets"]}
    assert all(target["works"] for target in found.values())
    assert found["arm"]["features"] == found["host"]["features"] == ALL
    assert found["plain"]["features"] == ["tables"]
    assert found["winch"]["features"] == ["bulk memory", "passive data", "tables"]
    assert found["host"]["same_as_library"] is True
    assert found["portable"]["same_as_library"] is True
    assert found["arm"]["same_as_library"] is None
    assert "GHSA-mghf-wjfp-p5xm" in report["compilers"][0]["advisories"]
    said = project.run("toolchain", "check").stdout
    assert "arm       aarch64-unknown-linux-gnu: compiles SIMD, bulk memory" in said
    assert "known faults of Wasmtime 48.0.2 may concern these targets" in said
    assert not project.build.exists()


def test_a_target_that_is_not_compiled_for_fails(project: Project) -> None:
    declared = (project.root / "wasmbuild.toml").read_text()
    project.declare(declared.replace("[toolchain]", '[toolchain]\ncompiler = "embedded"'))
    ended = project.run("toolchain", "check", "--json", status=1)
    found = {target["name"]: target for target in json.loads(ended.stdout)["targets"]}
    assert found["host"]["works"]
    assert not found["arm"]["works"]
    assert found["arm"]["message"].startswith("does not compile: ")


@pytest.mark.parametrize(
    ("compiler", "library", "words"),
    [
        ("48.0.8", "48.0.0", "crashes in 48.0.0, since 48.0.8 has the layout of releases from 48.0.6 on (GHSA-p79w-"),
        ("48.0.2", "48.0.8", "crashes in 48.0.8, since 48.0.2 has the layout of releases before 48.0.6 (GHSA-p79w-"),
        ("48.0.2", "48.0.0", ""),
    ],
)
def test_a_difference_of_layout_is_named(project: Project, compiler: str, library: str, words: str) -> None:
    declared = Workspace(project.root / "wasmbuild.toml").project()
    host = next(target for target in declared.targets if target.name == "host")
    workspace = Workspace(project.root / "wasmbuild.toml")
    toolchain = workspace.toolchain(declared)
    from wasmbuild.toolchain import checking

    binary = toolchain.translate(checking.text(host.engine)[0].encode())
    toolchain.close()
    assert wasm_traits.read(binary).odd_tags_with
    first, second = (FoundCompiler("cli", "/w", version, "0" * 64) for version in (compiler, library))
    said = toolchain_check._layout(first, second, host, CheckedTarget((), binary, same=False))
    assert words in said
    assert bool(said) == bool(words)
