"""``wasmbuild build --cargo``: what Cargo hears of it, and the program of the example, built by Cargo."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import rust
from support import HEAD, MODULES, TARGETS, Project

from wasmbuild import files

GNU = "x86_64-unknown-linux-gnu"


@pytest.fixture
def script(project: Project, tmp_path: Path) -> Project:
    """A project whose build script Cargo started for a PC."""
    project.build = tmp_path / "out" / "wasm"
    project.environment = {"OUT_DIR": str(tmp_path / "out"), "TARGET": GNU}
    return project


def told(script: Project, *arguments: str) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for line in script.run("build", "--cargo", *arguments).stdout.splitlines():
        key, value = line.removeprefix("cargo::").split("=", 1)
        lines.setdefault(key, []).append(value)
    return lines


def test_what_cargo_is_told(script: Project) -> None:
    script.write("more/m.wat", "(module)")
    script.run("lock")
    script.declare(f'{HEAD}{TARGETS}{MODULES}[modules."m/*"]\nsource = "more/*.wat"\n')
    lines = told(script)
    for name in ("wasmbuild.toml", "wasmbuild.lock", "add.wat", "more/m.wat", "more"):
        assert str(script.root / name) in lines["rerun-if-changed"]
    assert not any(path.startswith(script.environment["OUT_DIR"]) for path in lines["rerun-if-changed"])
    assert lines["rerun-if-env-changed"] == ["WASMBUILD_WASMTIME"]
    assert lines["rustc-env"] == ["WASMBUILD_TARGET=x64"]
    assert {path.name for path in script.build.iterdir()} == {"x64", "index.json", "engine.rs"}
    engine = files.signature((script.build / "engine.rs").stat())
    assert told(script) == lines
    assert files.signature((script.build / "engine.rs").stat()) == engine


def test_cargo_is_not_told_to_watch_what_the_build_script_made(script: Project) -> None:
    """A file that the script writes is younger than its start, so that Cargo would run it at each build."""
    out = Path(script.environment["OUT_DIR"])
    out.mkdir()
    (out / "add.wat").write_bytes((script.root / "add.wat").read_bytes())
    lines = told(script, "--source", f"add={out / 'add.wat'}")
    assert not any(path.endswith("add.wat") for path in lines["rerun-if-changed"])
    assert str(script.root / "wasmbuild.toml") in lines["rerun-if-changed"]


def test_what_runs_there_is_built(script: Project) -> None:
    script.declare(f'{HEAD}{TARGETS}[targets.any]\ntriple = "pulley64"\n{MODULES}')
    assert told(script)["rustc-env"] == ["WASMBUILD_TARGET=x64"]
    assert (script.build / "any").is_dir()
    assert told(script, "--target", "any")["rustc-env"] == ["WASMBUILD_TARGET=any"]
    script.environment["TARGET"] = "aarch64-linux-android"
    assert told(script)["rustc-env"] == ["WASMBUILD_TARGET=arm"]
    script.environment["TARGET"] = "aarch64-apple-darwin"
    script.declare(HEAD + TARGETS + MODULES)
    assert 'with the triple "aarch64-apple-darwin"' in script.run("build", "--cargo", status=2).stderr


def test_a_failure_tells_cargo_nothing(script: Project) -> None:
    script.write("add.wat", "(module")
    ended = script.run("build", "--cargo", status=1)
    assert not ended.stdout
    assert "add.wat" in ended.stderr


@pytest.mark.parametrize("arguments", [["--state-dir", "x"], ["--for", GNU], ["--json"], ["--stamp", "x"], ["add@x64"]])
def test_what_cargo_decides_is_refused(script: Project, arguments: list[str]) -> None:
    assert "does not go with --cargo" in script.run("build", "--cargo", *arguments, status=2).stderr
    assert not script.build.exists()


CODECS = HEAD.replace('"demo"', '"codecs"') + '[targets.fast]\ntriple = "x86_64-unknown-linux-gnu"\n' + MODULES


def test_another_declaration_has_a_directory_and_a_variable_of_its_own(script: Project) -> None:
    script.write("codecs.toml", CODECS)
    told(script)
    refused = script.run("build", "--cargo", "--config", "codecs.toml", status=2).stderr
    assert refused.startswith('error: codecs.toml: --build-dir: "')
    assert (
        '" holds what the project "demo" built; with --build-dir NAME beside --cargo, give this project a build '
        'directory of its own; if it was called "demo" until now, delete '
    ) in refused
    other = ("--config", "codecs.toml", "--build-dir", "codecs")
    for _ in range(2):
        assert told(script)["rustc-env"] == ["WASMBUILD_TARGET=x64"]
        assert told(script, *other)["rustc-env"] == ["WASMBUILD_TARGET_codecs=fast"]
        assert (script.build / "x64/add.cwasm").is_file()
        assert {path.name for path in (script.build.parent / "codecs").iterdir()} == {"fast", "index.json", "engine.rs"}
    assert told(script, "--build-dir", "wasm")["rustc-env"] == ["WASMBUILD_TARGET=x64"]


def test_another_declaration_of_the_same_project_too(script: Project) -> None:
    script.write("other.toml", HEAD + TARGETS + '[modules.mul]\nsource = "add.wat"\n')
    told(script)
    other = ("--config", "other.toml")
    refused = script.run("build", "--cargo", *other, status=2).stderr
    assert "of the same project; with --build-dir NAME beside --cargo, give one of them a build directory" in refused
    told(script, *other, "--build-dir", "other")
    # The other thing that is told: this one takes the place of that.
    shutil.rmtree(script.build)
    told(script, *other)
    assert (script.build / "x64/mul.cwasm").is_file()


@pytest.mark.parametrize("name", ["../codecs", "a/b", ".wasmbuild", "/codecs", "a=b"])
def test_a_build_directory_stays_in_the_one_of_cargo(script: Project, name: str) -> None:
    refused = script.run("build", "--cargo", "--build-dir", name, status=2).stderr
    assert "with --cargo it is the name of a directory in OUT_DIR, such as codecs; use letters" in refused
    assert not script.build.parent.exists()


def test_only_cargo_starts_it(script: Project) -> None:
    del script.environment["TARGET"]
    assert "the environment has no TARGET; start it from a build.rs" in script.run("build", "--cargo", status=2).stderr


MAKES = """
fn main() {
    let made = std::path::Path::new(&std::env::var_os("OUT_DIR").unwrap()).join("add.wat");
    std::fs::write(&made, std::fs::read_to_string("add.wat.in").unwrap()).unwrap();
    println!("cargo::rerun-if-changed=add.wat.in");
    let mut build = std::process::Command::new("wasmbuild");
    let built = build.args(["build", "--cargo", "--source"]).arg(format!("add={}", made.display())).status();
    std::process::exit(built.unwrap().code().unwrap_or(1));
}
"""


@pytest.mark.needs("cargo")
def test_a_build_script_that_makes_a_source_runs_when_it_has_to(project: Project) -> None:
    project.write("Cargo.toml", '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n')
    project.write("src/main.rs", "fn main() {}\n")
    project.write("build.rs", MAKES)
    template = project.write("add.wat.in", (project.root / "add.wat").read_text())
    (project.root / "add.wat").unlink()

    def build() -> str:
        ended = rust.run("cargo", "build", "-v", "--offline", cwd=project.root, seconds=600)
        assert ended.returncode == 0, ended.stderr
        return ended.stderr

    build()
    assert "Fresh demo" in build()
    template.write_text(template.read_text() + ";; another")
    assert "Compiling demo" in build()
    assert "Fresh demo" in build()


TWO = """
fn main() {
    for more in [&[][..], &["--config", "codecs.toml", "--build-dir", "codecs"][..]] {
        let built = std::process::Command::new("wasmbuild").args(["build", "--cargo"]).args(more).status();
        assert!(built.unwrap().success());
    }
}
"""
INCLUDED = """
static FIRST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/wasm/", env!("WASMBUILD_TARGET"), "/add.cwasm"));
static SECOND: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/codecs/", env!("WASMBUILD_TARGET_codecs"), "/add.cwasm"));
fn main() {
    println!("{}", FIRST == SECOND);
}
"""


@pytest.mark.needs("cargo")
def test_a_program_includes_what_two_declarations_built(project: Project) -> None:
    project.declare(f'{HEAD}[targets.here]\ntriple = "pulley64"\n{MODULES}')
    project.write("codecs.toml", f'{HEAD.replace("demo", "codecs")}[targets.fast]\ntriple = "pulley64"\n{MODULES}')
    project.write("Cargo.toml", '[package]\nname = "two"\nversion = "0.1.0"\nedition = "2021"\n')
    project.write("src/main.rs", INCLUDED)
    project.write("build.rs", TWO)
    ended = rust.run("cargo", "run", "--offline", cwd=project.root, seconds=600)
    assert ended.stdout == "true\n", ended.stderr
    assert "Fresh two" in rust.run("cargo", "build", "-v", "--offline", cwd=project.root, seconds=600).stderr


@pytest.mark.needs("cargo")
def test_the_example(tmp_path: Path) -> None:
    directory = rust.example("cargo", tmp_path / "cargo")

    def run() -> str:
        rust.built("cargo", directory, "cargo", "build", "--quiet")
        return subprocess.run([directory / "host"], capture_output=True, text=True, check=True, timeout=60).stdout

    assert run() == "gcd(1071, 462) = 21\n"
    source = directory / "src" / "gcd.wat"
    good = source.read_text()

    said = rust.run("cargo", "build", "-v", cwd=directory, seconds=600).stderr
    assert "Fresh host-included" in said

    source.write_text(good.replace("(local.get $a)))", "(i32.const 7)))"))
    assert run() == "gcd(1071, 462) = 7\n"

    source.write_text(good.replace("i32.rem_u", "i32.mod"))
    failed = rust.run("cargo", "build", cwd=directory, seconds=600)
    assert failed.returncode != 0
    assert "i32.mod" in failed.stderr

    source.write_text(good)
    assert run() == "gcd(1071, 462) = 21\n"
