"""``wasmbuild build --cargo``: what Cargo hears of it, and the program of the example, built by Cargo."""

from __future__ import annotations

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
    script.declare(f'{HEAD}{TARGETS}{MODULES}[modules."m/*"]\nsource = "more/*.wat"\n')
    lines = told(script)
    for name in ("wasmbuild.toml", "add.wat", "more/m.wat", "more"):
        assert str(script.root / name) in lines["rerun-if-changed"]
    assert not any(path.startswith(script.environment["OUT_DIR"]) for path in lines["rerun-if-changed"])
    assert lines["rerun-if-env-changed"] == ["WASMBUILD_WASMTIME"]
    assert lines["rustc-env"] == ["WASMBUILD_TARGET=x64"]
    assert {path.name for path in script.build.iterdir()} == {"x64", "index.json", "engine.rs"}
    engine = files.signature((script.build / "engine.rs").stat())
    assert told(script) == lines
    assert files.signature((script.build / "engine.rs").stat()) == engine


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


@pytest.mark.parametrize(
    "arguments", [["--build-dir", "x"], ["--state-dir", "x"], ["--for", GNU], ["--json"], ["--stamp", "x"], ["add@x64"]]
)
def test_what_cargo_decides_is_refused(script: Project, arguments: list[str]) -> None:
    assert "does not go with --cargo" in script.run("build", "--cargo", *arguments, status=2).stderr
    assert not script.build.exists()


def test_only_cargo_starts_it(script: Project) -> None:
    del script.environment["TARGET"]
    assert "the environment has no TARGET; start it from a build.rs" in script.run("build", "--cargo", status=2).stderr


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
