"""The preset ``rust-minimal``, held against a program of that crate whose engine nobody configured."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import rust
from support import Project

from wasmbuild.engine import host, lines

EMBEDDERS = {name: embedder.settings for name, embedder in lines.get(48).embedders.items()}
UNCONFIGURED = {name: embedder.unconfigured for name, embedder in lines.get(48).embedders.items()}
pytestmark = pytest.mark.needs("cargo", "cc")

HEAD = '[project]\nname = "r"\n[toolchain]\nwasmtime = "48"\n'
MODULE = '[modules.m]\nsource = "m.wat"\n'
REST = f'[targets.here]\ntriple = "{host.triple()}"\n{MODULE}'
ARTIFACT = "build/here/m.cwasm"
FUNCTION_REFERENCES = """
(module
  (type $number (func (result i32)))
  (table 2 (ref null $number))
  (func $seven (type $number) i32.const 7)
  (elem declare func $seven)
  (func (export "run") (result i32)
    (table.set (i32.const 1) (ref.func $seven))
    (call_ref $number (table.get (i32.const 1)))))
"""
SUBTYPES = """
(module
  (type $number (sub (func (result i32))))
  (type $special (sub $number (func (result i32))))
  (func $seven (type $special) i32.const 7)
  (table 1 funcref)
  (elem (i32.const 0) $seven)
  (func (export "run") (result i32) (call_indirect (type $number) (i32.const 0))))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rust.with_main("rust-minimal", "plain.rs", rust.example("rust-minimal", tmp_path_factory.mktemp("r") / "r"))


def declared(project: Project, text: str, settings: str = "") -> Project:
    project.write("m.wat", text)
    project.declare(f'{HEAD}[engine]\nembedder = "rust-minimal"\n{settings}\n{REST}')
    return project


def test_fit_names_it_alone(program: Path, project: Project) -> None:
    assert project.run("fit", "--", str(program), "{}").stdout == '[engine]\nembedder = "rust-minimal"\n'


@pytest.mark.parametrize("name", sorted(EMBEDDERS["rust-minimal"].keys() - UNCONFIGURED["rust-minimal"].keys()))
def test_nothing_loads_without_any_of_its_settings(name: str, program: Path, project: Project) -> None:
    declared(project, "(module)", f"{name} = true").run("build", "--quiet")
    ran = rust.run(program, ARTIFACT, cwd=project.root)
    assert ran.returncode == 1
    assert "odule was compiled with " in ran.stderr
    declared(project, "(module)").run("build", "--quiet")
    assert rust.run(program, ARTIFACT, cwd=project.root).returncode == 0


def test_typed_function_references_run(program: Path, project: Project) -> None:
    declared(project, FUNCTION_REFERENCES).run("build", "--quiet")
    ran = rust.run(program, ARTIFACT, cwd=project.root)
    assert (ran.returncode, ran.stdout) == (0, "7\n"), ran.stderr


def test_what_would_abort_the_process_is_not_compiled(program: Path, project: Project) -> None:
    """What wasm-gc brings beside types that need a collector: such a program loads it, and cannot run it."""
    assert "must be enabled to use subtypes" in declared(project, SUBTYPES).run("build", status=1).stderr
    declared(project, SUBTYPES, "wasm-gc = true").run("build", "--quiet")
    assert rust.run(program, ARTIFACT, cwd=project.root).returncode == -signal.SIGABRT


def test_a_generated_engine_refuses_what_would_abort_the_process(project: Project, tmp_path: Path) -> None:
    copy = rust.example("rust-minimal", tmp_path / "copy")
    declared(project, SUBTYPES).run("embed", "--lang", "rust", "-o", str(copy / "src" / "engine.rs"))
    program = rust.with_main("rust-minimal", "load.rs", copy)
    declared(project, SUBTYPES, "wasm-gc = true").run("build", "--quiet")
    ran = rust.run(program, ARTIFACT, cwd=project.root)
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        f"host: {ARTIFACT}: needs other settings than this engine has (Module was compiled with support for "
        f"WebAssembly feature `gc` but it is not enabled for the host)"
    )


def test_an_engine_for_default_features_names_the_embedder_to_declare(project: Project, tmp_path: Path) -> None:
    copy = rust.example("rust-minimal", tmp_path / "copy")
    declared(project, "(module)")
    declaration = project.root / "wasmbuild.toml"
    minimal = declaration.read_text()
    engine = copy / "src" / "engine.rs"
    project.declare(minimal.replace('"rust-minimal"', '"rust"'))
    project.run("embed", "--lang", "rust", "-o", str(engine))
    project.run("build", "--quiet")
    ran = rust.run(rust.with_main("rust-minimal", "load.rs", copy), ARTIFACT, cwd=project.root)
    assert ran.stderr == (
        "host: this program's engine cannot load an empty module: needs other settings than this engine has (module "
        "was compiled with GC however GC is disabled in the host); create the engine as this file does, and generate "
        "this file again when the declared settings have changed; if that is so, the crate lacks default features: "
        'write embedder = "rust-minimal" under [engine], or what wasmbuild fit -- ./program {} prints\n'
    )
    project.declare(minimal)
    project.run("embed", "--lang", "rust", "-o", str(engine))
    project.run("build", "--quiet")
    ran = rust.run(rust.with_main("rust-minimal", "load.rs", copy), ARTIFACT, cwd=project.root)
    assert (ran.returncode, ran.stdout) == (0, "loaded\n"), ran.stderr


def test_pulley_takes_a_feature_of_the_crate(project: Project, tmp_path: Path) -> None:
    project.write("m.wat", FUNCTION_REFERENCES)
    project.declare(f'{HEAD}[engine]\nembedder = "rust-minimal"\n[targets.here]\ntriple = "pulley64"\n{MODULE}')
    project.run("build", "--quiet")
    copy = rust.example("rust-minimal", tmp_path / "copy")
    project.run("embed", "--lang", "rust", "-o", str(copy / "src" / "engine.rs"))
    ran = rust.run(rust.with_main("rust-minimal", "load.rs", copy), ARTIFACT, cwd=project.root)
    assert ran.stderr == (
        "host: this program's engine cannot load an empty module: needs an interpreter of Pulley, which the Wasmtime "
        "of this program lacks (target 'pulley64-unknown-unknown-elf' specified in the configuration does not match "
        "the host); build that Wasmtime with the feature pulley of its crate\n"
    )
    manifest = copy / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace('"runtime", "std"', '"runtime", "std", "pulley"'))
    ran = rust.run(rust.with_main("rust-minimal", "load.rs", copy), ARTIFACT, cwd=project.root)
    assert (ran.returncode, ran.stdout) == (0, "loaded\n"), ran.stderr
