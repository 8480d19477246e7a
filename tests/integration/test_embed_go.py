"""The generated Go file: vetted as it lies, and in a Go program.

There is no wasmtime-go of every line: one that is to be had stands in for the declared one. It loads what it made
itself, and refuses what was built for the declared line.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import Project

from wasmbuild.embed import go
from wasmbuild.embed.literals import loader
from wasmbuild.engine import host

pytestmark = [pytest.mark.needs("go", "cc", "cargo"), pytest.mark.slow]

STANDS_IN = "39"
TOML = f"""
[project]
name = "g"
[toolchain]
wasmtime = "48"
[engine]
epoch-interruption = true
cranelift-opt-level = "speed_and_size"
cranelift-flags = {{ enable_heap_access_spectre_mitigation = false }}
[targets.here]
triple = "{host.triple()}"
[targets.mainframe]
triple = "s390x-unknown-linux-gnu"
[modules.m]
source = "m.wat"
"""
MAIN = """package main

import (
	"errors"
	"fmt"
	"os"

	"example.com/g/engine"
	"github.com/bytecodealliance/wasmtime-go/v39"
)

func main() {
	if _, err := engine.New(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(engine.Target())
	config, _ := engine.Config()
	made := wasmtime.NewEngineWithConfig(config)
	wasm, _ := wasmtime.Wat2Wasm("(module)")
	own, _ := wasmtime.NewModule(made, wasm)
	artifact, _ := own.Serialize()
	_ = os.WriteFile("own.cwasm", artifact, 0o666)
	var failed *engine.LoadError
	for _, path := range os.Args[2:] {
		_, err := engine.Load(made, path, os.Args[1])
		if errors.As(err, &failed) {
			fmt.Println(failed.Status, err)
		} else {
			fmt.Println("loaded")
		}
	}
}
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_formatted_as_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "loader.go"
    path.write_text(loader("loader.go"))
    assert run("gofmt", "-l", path, cwd=tmp_path) == ""


def test_a_go_program(project: Project) -> None:
    root = project.root
    project.write("m.wat", "(module)")
    project.declare(TOML)
    project.run("build", "--quiet")
    project.write("main.go", MAIN)
    project.write("go.mod", f"module example.com/g\n\ngo 1.18\n\nrequire {go._LIES_WITH} v{STANDS_IN}.0.1\n")
    project.write("lies/loader.go", loader("loader.go"))
    project.run("embed", "--lang", "go", "-o", "engine/engine.go")
    generated = (root / "engine/engine.go").read_text()
    assert f'"{go._MODULE}48"\n' in generated
    assert run("gofmt", "-l", "engine/engine.go", cwd=root) == ""
    (root / "engine/engine.go").write_text(generated.replace(f"{go._MODULE}48", go._LIES_WITH))
    got = subprocess.run(["go", "mod", "tidy"], cwd=root, capture_output=True, text=True, timeout=600, check=False)
    if got.returncode:
        pytest.skip(f"wasmtime-go cannot be had: {got.stderr.strip()[-200:]}")
    run("go", "vet", "./...", cwd=root)
    run("go", "build", "-o", "host", ".", cwd=root)

    artifact = "build/here/m.cwasm"
    (root / "component.cwasm").write_bytes(_with_flags((root / artifact).read_bytes(), 2))
    (root / "component.wasm").write_bytes(b"\0asm\r\0\1\0")
    (root / "empty").write_bytes(b"")
    (root / "short").write_bytes((root / artifact).read_bytes()[:40])
    files = [artifact, "none", "empty", "m.wat", "main.go", "short", "component.cwasm", "component.wasm"]
    said = run("./host", "", *files, cwd=root).splitlines()
    # In other words than later lines.
    other_line = "(Module was compiled with incompatible Wasmtime version '48'); "
    assert said[0].startswith("this program's engine cannot load an empty module: ")
    assert said[1] == "here"
    assert said[2].startswith(f"other_line {artifact}: needs line 48 of Wasmtime, and the library ")
    assert other_line in said[0]
    assert other_line in said[2]
    assert [line.partition(" ")[0] for line in said[3:]] == [
        "unreadable", "damaged", "not_precompiled", "no_wasm", "damaged", "other_kind", "other_kind",
    ]  # fmt: skip
    assert said[-2:] == [
        "other_kind component.cwasm: is a precompiled component, which this wasmtime-go does not load",
        "other_kind component.wasm: is a component, which this wasmtime-go does not load",
    ]
    digest = hashlib.sha256((root / "own.cwasm").read_bytes()).hexdigest()
    for sha256 in ("", digest, digest.upper()):
        assert run("./host", sha256, "own.cwasm", cwd=root).splitlines()[2:] == ["loaded"]
    if sys.platform == "linux":
        # Other systems have no such names, and Wasmtime itself opens none.
        odd = os.fsdecode(b"w\xff.cwasm")
        shutil.copy(root / "own.cwasm", root / odd)
        for sha256 in ("", digest):
            assert run("./host", sha256, odd, cwd=root).splitlines()[2:] == ["loaded"]
    [wrong] = run("./host", "0" * 64, artifact, cwd=root).splitlines()[2:]
    assert wrong.startswith(f"damaged {artifact}: is damaged: its SHA-256 is ")


def _with_flags(data: bytes, flags: int) -> bytes:
    return data[:48] + bytes([flags]) + data[49:]
